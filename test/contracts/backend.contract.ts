import { describe, it } from 'vitest';
import { type BackendPlace, backendSuite } from '../../src/testing/index.ts';

/** The suite that users get as `backendSuite`, run on one of ours. */
export function backendContract(
  name: string,
  options: { readonly durable: boolean },
  place: () => Promise<BackendPlace>,
): void {
  describe(`backend contract: ${name}`, () => {
    it.each(backendSuite({ ...options, place }).map(({ title, run }) => [title, run] as const))(
      '%s',
      (_title, run) => run(),
    );
  });
}
