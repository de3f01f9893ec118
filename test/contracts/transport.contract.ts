import { describe, it } from 'vitest';
import { type TransportSuiteOptions, transportSuite } from '../../src/testing/index.ts';

/** The suite that users get as `transportSuite`, run on one of ours. */
export function transportContract(name: string, options: TransportSuiteOptions): void {
  describe(`transport contract: ${name}`, () => {
    it.each(transportSuite(options).map(({ title, run }) => [title, run] as const))('%s', (_title, run) =>
      run(),
    );
  });
}
