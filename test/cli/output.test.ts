import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { drawn } from '../../src/cli/commands/status.ts';
import { printStored, together } from '../../src/cli/output.ts';

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

test('a status wider than the terminal is told line by line', () => {
  const table = {
    name: 'known_services',
    declaration: { key: ['addr', 'port'], writeExpire: '1h' },
    mode: 'naive',
    rows: 12,
    problem: undefined,
  } as const;
  const wide = drawn([table], { rows: true, columns: 200 });
  expect(wide).toContain(
    '│ known_services │ addr, port │ (set) │ naive │ memory  │ 1h after the last write │   12 │',
  );
  expect(drawn([table], { rows: true, columns: 60 }).split('\n')).toEqual([
    'known_services',
    '  key: addr, port',
    '  value: (set)',
    '  mode: naive',
    '  backend: memory',
    '  expiry: 1h after the last write',
    '  rows: 12',
  ]);
});

test('what was stored is shown on a terminal as what can be seen, colours and all, and elsewhere as it is', async () => {
  const stored = 'a,\u001b[8mhidden\u001b[0m\tb\r\n\u009b2J\u202egnp.exe\u2028\n';
  for (const isTTY of [true, false]) {
    let written = '';
    const output = new Writable({
      write: (chunk, _, done) => {
        written += String(chunk);
        done();
      },
    });
    await printStored([stored], Object.assign(output, { isTTY }));
    expect(written).toBe(
      isTTY ? 'a,\\u001b[8mhidden\\u001b[0m\tb\\u000d\n\\u009b2J\\u202egnp.exe\\u2028\n' : stored,
    );
  }
});
