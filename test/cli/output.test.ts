import { expect, test } from 'vitest';
import { together } from '../../src/cli/output.ts';

async function pieces(lines: Iterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const piece of together(lines)) found.push(piece);
  return found;
}

test('short lines are printed together, long ones by themselves, so that none becomes a text of gigabytes', async () => {
  const short = Array.from({ length: 10_000 }, (_, line) => `line ${line}\n`);
  const long = Array.from({ length: 5 }, (_, line) => `${line}${'x'.repeat(1_500_000)}\n`);
  const found = await pieces([...short, ...long]);
  expect(found.join('')).toBe([...short, ...long].join(''));
  expect(found.length).toBeLessThan(20);
  expect(Math.max(...found.map(({ length }) => length))).toBeLessThan(1_500_000 + 65_536 + 2);
  expect(await pieces([])).toEqual([]);
});
