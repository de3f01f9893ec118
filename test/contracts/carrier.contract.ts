import { describe, it } from 'vitest';
import { type CarrierSuiteOptions, carrierSuite } from '../../src/testing/index.ts';

/** The suite that users get as `carrierSuite`, run on one of ours. */
export function carrierContract(name: string, options: CarrierSuiteOptions): void {
  describe(`carrier contract: ${name}`, () => {
    it.each(carrierSuite(options).map(({ title, run }) => [title, run] as const))('%s', (_title, run) =>
      run(),
    );
  });
}
