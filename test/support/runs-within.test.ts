import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { runsWithin } from './runs-within.ts';

const tests = new URL('..', import.meta.url).pathname;

it('leaves no run under way, and begins none after its time', async () => {
  let begun = 0;
  let ended = 0;
  const run = runsWithin(0, async () => {
    const start = performance.now();
    begun++;
    while (performance.now() <= start) await new Promise((resolve) => setImmediate(resolve));
    ended++;
  });
  await fc.assert(fc.asyncProperty(fc.nat(), run), { numRuns: 20 });
  expect([begun, ended]).toEqual([1, 1]);
});

it('is what bounds every property of waiting runs', () => {
  const found = readdirSync(tests, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .filter((name) => {
      const text = readFileSync(join(tests, name), 'utf8');
      return text.includes('asyncProperty(') && /interruptAfterTimeLimit: \d/.test(text);
    });
  expect(found).toEqual([]);
});
