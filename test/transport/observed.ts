export { type Link, Observed, link, pattern, settle } from '../../src/testing/observed.ts';
export { outcomeOf as codeOf } from '../../src/testing/suite.ts';
