export { Observed, link, pattern } from '../../src/testing/observed.ts';
export { outcomeOf as codeOf } from '../../src/testing/suite.ts';
