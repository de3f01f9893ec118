import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { compareCommand } from '../../src/cli/commands/compare.ts';
import { readSourceRows } from '../../src/cli/trial/rows.ts';
import { commandText } from '../../src/cli/trial/words.ts';
import type { Comparison } from '../../src/trial/index.ts';
import { freePort } from '../support/free-port.ts';
import { run, temporary } from './support/command.ts';

/** A Zeek log with a busy client. */
function zeekLog(rows: number): string {
  const lines = Array.from({ length: rows }, (_, index) => `10.0.0.${index % 3}\tname${index}.example`);
  return `#separator \\x09\n#path\tdns\n#fields\tid.orig_h\tquery\n#types\taddr\tstring\n${lines.join('\n')}\n`;
}

test('plain and packed logs give the same rows, bounded, with what was left out', async () => {
  const directory = temporary();
  const [plain, packed] = [join(directory, 'dns.log'), join(directory, 'dns.log.gz')];
  writeFileSync(plain, zeekLog(90));
  writeFileSync(packed, gzipSync(zeekLog(90)));
  const options = { format: undefined, rows: 60, seed: 1, key: 'id.orig_h', value: 'query' };
  const [one, other] = [
    await readSourceRows({ log: plain, ...options }),
    await readSourceRows({ log: packed, ...options }),
  ];
  expect(one.rows).toEqual(other.rows);
  expect(one.rows).toHaveLength(60);
  expect(one.rows[4]).toEqual({ key: '10.0.0.1', value: 'name4.example' });
  expect(one.source).toMatchObject({ log: 'dns.log', more: true, skippedLines: 0, skippedRecords: 0 });
  expect((await readSourceRows({ log: plain, ...options, rows: 90 })).source.more).toBe(false);
});

test('keys no table takes are left out, values that are too long are cut', async () => {
  const directory = temporary();
  const log = join(directory, 'rows.jsonl');
  const rows = [
    { k: 'a', v: 'x'.repeat(1000) },
    { k: 'y'.repeat(513), v: 'b' },
    { k: '\ud800', v: 'c' },
    { v: 'd' },
    { k: '__proto__' },
  ];
  writeFileSync(log, rows.map((row) => JSON.stringify(row)).join('\n'));
  const found = await readSourceRows({ log, format: undefined, rows: 10, seed: 1, key: 'k', value: 'v' });
  expect(found.rows).toEqual([
    { key: 'a', value: 'x'.repeat(255) },
    { key: '__proto__', value: '' },
  ]);
  expect(found.source.skippedRecords).toBe(3);
});

test('a field of values that no record has is told, with the one that was meant', async () => {
  const log = join(temporary(), 'rows.csv');
  writeFileSync(log, 'client,query\na,x\nb,y\n');
  const options = { log, format: undefined, rows: 10, seed: 1, key: 'client' };
  await expect(readSourceRows({ ...options, value: 'quary' })).rejects.toMatchObject({
    code: 'IMPORT_INVALID',
    message: expect.stringContaining('no row with the field "quary". Did you mean query?') as string,
    hint: expect.stringContaining('--value') as string,
  });
});

test('the command that gives a comparison again has all that was chosen, quoted for a shell', () => {
  const comparison = {
    source: { log: undefined, fields: { key: "it's", value: 'qtype_name' } },
    options: { nodes: 2, seed: 3, concurrent: 4, partitions: 5 },
    rows: 6,
    clusters: [
      { cluster: 'simulated', modes: [{ mode: 'lww' }, { mode: 'automerge' }] },
      { cluster: 'nats' },
    ],
  } as unknown as Comparison;
  expect(commandText(comparison)).toBe(
    "tablecast compare --rows 6 --nodes 2 --seed 3 --concurrent 4 --partitions 5 --key 'it'\\''s' --value qtype_name --modes lww,automerge --nats URL",
  );
});

test('a generated log is the same for a seed', async () => {
  const options = { log: undefined, format: undefined, rows: 40, key: 'id.orig_h', value: 'query' };
  const rows = (await readSourceRows({ ...options, seed: 1 })).rows;
  expect((await readSourceRows({ ...options, seed: 1 })).rows).toEqual(rows);
  expect((await readSourceRows({ ...options, seed: 2 })).rows).not.toEqual(rows);
});

test('a table for people and a page come from one run; what is left out is told', async () => {
  const directory = temporary();
  const [log, page] = [join(directory, 'dns.log'), join(directory, 'page.html')];
  writeFileSync(log, `${zeekLog(40)}one field too few\n-\tname.example\n`);
  const result = await run([
    'compare',
    log,
    '--modes',
    'lww',
    '--html',
    page,
    '--concurrent',
    '0',
    '--partitions',
    '0',
  ]);
  expect(result).toMatchObject({ code: 0, stderr: `The page is ${page}.\n` });
  expect(result.stdout).toContain('40 rows of dns.log');
  expect(result.stdout).toContain('Left out: 1 lines that cannot be read, 1 records without id.orig_h.');
  expect(result.stdout).toMatch(/increments lost \(worst node\) +│ +0 │/);
  expect(result.stdout).toContain('lww lost nothing. All nodes are equal in the end.');
  expect(readFileSync(page, 'utf8')).toContain('lww lost nothing.');
  expect(readdirSync(directory).toSorted()).toEqual(['dns.log', 'page.html']);
});

test.each([
  [['--concurrent', '101'], '0 to 100'],
  [['--partitions', 'some'], '0 to 100'],
  [['--nodes', '1'], '2 to 8'],
  [['--rows', '0'], '1 to 1000000'],
  [['--seed', '1.5'], '0 to 4294967295'],
  [['--modes', 'naiv'], 'Did you mean naive?'],
  [['--modes', ','], 'names no mode'],
  [['--nats', 'http://127.0.0.1:4222'], 'the address of a server'],
  [['--nats-credentials', 'node.creds'], 'is for a server'],
])('the wrong flags %s are told with what is right', async (flags, hint) => {
  const given = compareCommand().parseAsync(flags, { from: 'user' });
  await expect(given).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  await expect(given).rejects.toThrow(hint);
});

test('a server that is not there is told before anything runs', async () => {
  const url = `nats://127.0.0.1:${await freePort()}`;
  const given = compareCommand().parseAsync(['--rows', '1', '--nats', url], { from: 'user' });
  await expect(given).rejects.toMatchObject({
    code: 'PEER_UNREACHABLE',
    hint: expect.stringMatching(/^Nothing was run\. Start nats-server/),
  });
  await expect(given).rejects.toThrow(url);
});

test('a log that cannot be read, has no such field or no rows, and a page that cannot be written are told', async () => {
  const directory = temporary();
  const at = (name: string): string => join(directory, name);
  writeFileSync(at('dns.log'), zeekLog(10));
  writeFileSync(at('empty.log'), '');
  writeFileSync(at('binary.log'), Buffer.from([0, 1, 2, 3, 10]));
  writeFileSync(at('cut.log.gz'), gzipSync(zeekLog(1000)).subarray(0, 200));
  const refused = async (...words: string[]): Promise<unknown> =>
    compareCommand().parseAsync(words, { from: 'user' });
  const code = 'IMPORT_INVALID';
  await expect(refused(at('absent.log'))).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: /absent.log/,
  });
  await expect(refused(at('empty.log'))).rejects.toMatchObject({ code, message: /has no row/ });
  await expect(refused(at('binary.log'))).rejects.toMatchObject({ code, message: /expected text/ });
  await expect(refused(at('cut.log.gz'))).rejects.toMatchObject({ code, message: /gzip/ });
  const unknown = { code, message: /Did you mean id.orig_h/ };
  await expect(refused(at('dns.log'), '--key', 'id.orig_x')).rejects.toMatchObject(unknown);
  const page = ['--html', join(directory, 'no', 'page.html')];
  await expect(refused(at('dns.log'), ...page)).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: /page.html/,
  });
});

test('what is told ends the command with its code, as JSON when asked for', async () => {
  const { code, stdout, stderr } = await run(['compare', join(temporary(), 'absent.log'), '--json']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'OPTION_INVALID' } });
});
