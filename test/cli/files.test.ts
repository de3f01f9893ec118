import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { openNode } from 'tablecast';
import { commandLine, run, temporary } from './support/command.ts';
import { endProcess } from '../support/end-process.ts';

const rows = '{"host":"10.0.0.1","n":1}\n{"host":"10.0.0.2","n":2}\nno json\n{"host":"10.0.0.3"}\n';

test('what a node exports, another imports into equal rows', async () => {
  const directory = temporary();
  const input = join(directory, 'rows.jsonl');
  const output = join(directory, 'rows.log');
  writeFileSync(input, rows);
  const declaration = { key: 'addr', value: 'count' } as const;
  const one = await openNode({ id: 'a', listen: { port: 0 } });
  const other = await openNode({ id: 'b', listen: { port: 0 } });
  onTestFinished(async () => void (await Promise.all([one.close(), other.close()])));
  one.table('hosts', declaration);
  const copy = other.table('hosts', declaration);
  const fields = ['--key', 'host', '--value', 'n'];

  const imported = await run(['import', 'hosts', input, ...fields, '--json', '--peer', one.address ?? '']);
  expect(imported.code).toBe(0);
  expect(JSON.parse(imported.stdout)).toEqual({
    table: 'hosts',
    file: input,
    rows: 2,
    newKeys: 2,
    skippedLines: 1,
    skippedRecords: 1,
    leftOut: [
      { reason: 'lines cannot be read', count: 1, firstLine: 3 },
      { reason: 'n is unset', count: 1, firstLine: 4 },
    ],
  });
  expect(imported.stderr).toContain('line 3');

  await run([
    'export',
    'hosts',
    '--format',
    'zeek',
    '--output',
    output,
    ...fields,
    '--peer',
    one.address ?? '',
  ]);
  expect(readFileSync(output, 'utf8')).toContain('#types\taddr\tcount\n10.0.0.1\t1\n10.0.0.2\t2\n');
  expect((await run(['import', 'hosts', output, ...fields, '--peer', other.address ?? ''])).code).toBe(0);
  expect([...copy]).toEqual([
    ['10.0.0.1', 1],
    ['10.0.0.2', 2],
  ]);
});

test('an import of nothing ends with 1 and names the field that no record has', async () => {
  const directory = temporary();
  const declare = ['--directory', directory, '--id', 'a', '--declare', 'key=addr value=count'];
  const result = await run(['import', 'hosts', '-', '--key', 'hots', '--value', 'n', ...declare], {
    input: rows,
  });
  expect(result.code).toBe(1);
  expect(result.stderr).toContain('no record has the field hots; fields are: host, n');
});

test('a database is filled without a node, read without one, and a bad line stops a strict import', async () => {
  const directory = temporary();
  const place = ['--directory', directory, '--id', 'a'];
  const fields = ['--key', 'host', '--value', 'n'];
  const first = await run(
    ['import', 'hosts', '-', ...fields, ...place, '--declare', 'key=addr value=count'],
    {
      input: rows,
    },
  );
  expect(first.code).toBe(0);
  expect((await run(['export', 'hosts', '--json', ...place])).stdout).toBe(
    '{"key":"10.0.0.1","value":1}\n{"key":"10.0.0.2","value":2}\n',
  );
  const strict = await run(['import', 'hosts', '-', ...fields, ...place, '--strict'], { input: rows });
  expect(strict.code).toBe(4);
  expect(strict.stderr).toContain('line 3');
});

test('a file that is no database is refused, and so is one that is not there', async () => {
  const directory = temporary();
  const file = join(directory, 'notes.txt');
  writeFileSync(file, 'no database, but long enough to look at it as one\n'.repeat(100));
  const [foreign, absent] = await Promise.all([
    run(['log', '--file', file]),
    run(['replay', '--file', join(directory, 'absent.db')]),
  ]);
  expect(foreign.code).toBe(4);
  expect(foreign.stderr).toContain(file);
  expect(absent.code).toBe(2);
});

test('a file that may not be looked at is not said to be missing', async () => {
  const directory = temporary();
  const loop = join(directory, 'loop');
  symlinkSync(loop, loop);
  const [log, imported] = await Promise.all([
    run(['log', '--file', loop]),
    run(['import', 'hosts', loop, '--directory', directory, '--id', 'a', '--declare', 'key=addr']),
  ]);
  for (const { code, stderr } of [log, imported]) {
    expect(code).toBe(4);
    expect(stderr).toContain('ELOOP');
    expect(stderr).not.toContain('TABLECAST_DEBUG');
  }
});

test('an export that cannot be written leaves no half and no stack', async () => {
  const directory = temporary();
  const node = await openNode({ id: 'a', listen: { port: 0 } });
  onTestFinished(() => node.close());
  const hosts = node.table('hosts', { key: 'count', value: 'count' });
  for (let key = 0; key < 20_000; key++) hosts.set(key, key);
  const output = join(directory, 'rows.csv');
  writeFileSync(output, 'what was there\n');
  // Files may not become larger than the 64 KiB that are written first: the disk is full in the middle.
  const limited = ['-c', 'ulimit -f 128; exec "$@"', 'sh', ...commandLine(['export', 'hosts'])];
  const child = spawn('sh', [...limited, '--peer', node.address ?? '', '--output', output]);
  onTestFinished(() => endProcess(child));
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  expect(code).toBe(4);
  expect(stderr).toContain(`${output} cannot be written (EFBIG`);
  expect(stderr).not.toContain('    at ');
  expect(readdirSync(directory)).toEqual(['rows.csv']);
  expect(readFileSync(output, 'utf8')).toBe('what was there\n');
});

test('an export into a pipe or a device writes there and puts no file in its place', async () => {
  const directory = temporary();
  const node = await openNode({ id: 'a', directory });
  node.table('hosts', { key: 'addr', value: 'count', backend: 'sqlite' }).set('10.0.0.1', 1);
  await node.close();
  const [pipe, link, target] = ['pipe', 'link', 'target'].map((name) => join(directory, name));
  execFileSync('sh', ['-c', 'mkfifo "$0"', pipe as string]);
  symlinkSync('target', link as string);
  writeFileSync(target as string, 'old');
  writeFileSync(`${target}.partial`, 'precious');
  const into = (output: string | undefined) =>
    run(['export', 'hosts', '--directory', directory, '--id', 'a', '--output', output ?? '']);
  const reader = spawn('cat', [pipe as string]);
  onTestFinished(() => endProcess(reader));
  const [read, piped, linked, full] = await Promise.all([
    text(reader.stdout),
    into(pipe),
    into(link),
    into('/dev/full'),
  ]);
  expect(piped).toMatchObject({ code: 0, stderr: 'hosts: 1 row exported\n' });
  expect(read).toBe('key,value\n10.0.0.1,1\n');
  expect(lstatSync(pipe as string).isFIFO()).toBe(true);
  expect(linked).toMatchObject({ code: 0, stderr: 'hosts: 1 row exported\n' });
  expect(lstatSync(link as string).isSymbolicLink()).toBe(true);
  expect(readFileSync(target as string, 'utf8')).toBe('key,value\n10.0.0.1,1\n');
  expect(readFileSync(`${target}.partial`, 'utf8')).toBe('precious');
  expect(full.code).toBe(4);
  expect(full.stderr).toContain('/dev/full cannot be written (ENOSPC');
  expect(lstatSync('/dev/full').isCharacterDevice()).toBe(true);
});

test('an import of a file that is not there makes no database', async () => {
  const directory = join(temporary(), 'data');
  const into = ['--directory', directory, '--id', 'a', '--declare', 'key=addr'];
  const [file, store] = await Promise.all([
    run(['import', 'hosts', 'nowhere.csv', ...into]),
    run(['import', '--broker-store', 'nowhere.sqlite', ...into]),
  ]);
  expect(file.code).toBe(2);
  expect(file.stderr).toContain('There is no file nowhere.csv.');
  expect(store.code).toBe(2);
  expect(store.stderr).toContain('There is no file nowhere.sqlite.');
  expect(existsSync(directory)).toBe(false);
});

test('one file among several that cannot be read harms no other', async () => {
  const directory = temporary();
  const names = ['one.jsonl', 'cut.gz', 'nowhere.csv', 'two.jsonl'].map((name) => join(directory, name));
  const [one = '', cut = '', nowhere = '', two = ''] = names;
  writeFileSync(one, '{"host":"10.0.0.1","n":1}\n');
  writeFileSync(cut, gzipSync('{"host":"10.0.0.2","n":2}\n').subarray(0, -8));
  writeFileSync(two, '{"host":"10.0.0.3","n":3}\n');
  const into = ['--directory', directory, '--id', 'a', '--declare', 'key=addr value=count'];
  const fields = ['--key', 'host', '--value', 'n'];
  const done = await run(['import', 'hosts', ...names, ...fields, ...into]);
  expect(done.code).toBe(4);
  expect(done.stderr).toContain(`hosts, ${one}: 1 row imported`);
  expect(done.stderr).toContain(`${cut}: damaged or cut-off gzip data after 26 bytes of text`);
  expect(done.stderr).toContain('Of 1 row written 1 stand for certain.');
  expect(done.stderr).toContain(`There is no file ${nowhere}.`);
  expect(done.stderr).toContain(`hosts, ${two}: 1 row imported`);
  const exported = await run(['export', 'hosts', '--directory', directory, '--id', 'a']);
  expect(exported.stdout).toBe('key,value\n10.0.0.1,1\n10.0.0.2,2\n10.0.0.3,3\n');
});

test('limits of a log are all kept, however they are put together', async () => {
  const directory = temporary();
  const node = await openNode({ id: 'a', directory });
  const table = node.table('hosts', { key: 'addr', value: 'count', backend: 'sqlite' });
  for (let value = 1; value <= 9; value++) table.set('10.0.0.1', value);
  await node.close();
  const positions = async (...limits: readonly string[]): Promise<number[]> => {
    const { stdout } = await run(['log', '--directory', directory, '--id', 'a', '--json', ...limits]);
    const lines = stdout.split('\n').filter((line) => line !== '');
    return lines.map((line) => (JSON.parse(line) as { position: number }).position);
  };
  const [both, until, more] = await Promise.all([
    positions('--after', '2', '--last', '4'),
    positions('--until', '5', '--last', '2'),
    positions('--after', '7', '--last', '100'),
  ]);
  expect(both).toEqual([6, 7, 8, 9]);
  expect(until).toEqual([4, 5]);
  expect(more).toEqual([8, 9]);
});
