import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRecords } from '../../../src/cli/formats/index.ts';
import { collect, failureOf, inPieces } from './collect.ts';

const JSON_ROWS = '{"a":1}\n{"a":2}\n{"a":3}\n';
let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tablecast-formats-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function readFile(name: string, content: Uint8Array | string): Promise<number> {
  const path = join(directory, name);
  await writeFile(path, content);
  let count = 0;
  for await (const record of readRecords(path)) count += record.fields.size;
  return count;
}

describe('sources of records', () => {
  it('tells compression and format from the content, not from the name', async () => {
    expect(await readFile('plain.csv.gz', JSON_ROWS)).toBe(3);
    expect(await readFile('zipped.txt', gzipSync(JSON_ROWS))).toBe(3);
    expect(await readFile('two-members', Buffer.concat([gzipSync(JSON_ROWS), gzipSync(JSON_ROWS)]))).toBe(6);
    expect(await readFile('empty', '')).toBe(0);
    expect(await readFile('empty.gz', gzipSync(''))).toBe(0);
    expect(await readFile('blank', '\n\n')).toBe(0);
  });

  it('reads gzip that arrives byte by byte', async () => {
    expect(await collect(inPieces(gzipSync(JSON_ROWS), 1))).toHaveLength(3);
  });

  it('says which format it found', async () => {
    const stream = readRecords({ name: 'x', chunks: ['a,b\n1,2\n'] });
    expect(stream.format).toBeUndefined();
    for await (const record of stream) expect(record.line).toBe(2);
    expect(stream.format).toBe('csv');
    expect(stream.skipped).toBe(0);
  });

  it('takes the format it is told', async () => {
    const [record] = await collect('{"a"\n1\n', { format: 'csv' });
    expect(record?.fields.get('{"a"')).toBe('1');
  });

  it('reads the standard input for -', async () => {
    const index = new URL('../../../src/cli/formats/index.ts', import.meta.url).href;
    const program = `
      import('${index}').then(async ({ readRecords }) => {
        let sum = 0;
        for await (const record of readRecords('-')) sum += Number(record.fields.get('a'));
        process.stdout.write(String(sum));
      });`;
    const root = fileURLToPath(new URL('../../..', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', '--eval', program], { cwd: root });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stdin.on('error', () => undefined).end(gzipSync(JSON_ROWS));
    await once(child, 'close');
    expect(output).toBe('6');
  });

  it('names a file that is missing, a directory, or damaged', async () => {
    const missing = await failureOf(() => consume(join(directory, 'missing')));
    expect(missing).toMatchObject({ code: 'IMPORT_INVALID', details: { cause: 'ENOENT' } });
    const folder = await failureOf(() => consume(directory));
    expect(folder).toMatchObject({ code: 'IMPORT_INVALID', details: { cause: 'EISDIR' } });
    const zipped = gzipSync(JSON_ROWS.repeat(1000));
    const cut = await failureOf(() => collect(zipped.subarray(0, zipped.length - 20)));
    expect(cut.message).toContain('test input: damaged or cut-off gzip data');
  });

  it('reads gzip whose header has all that one may have, up to its limit, and no more', async () => {
    const body = gzipSync(JSON_ROWS).subarray(10);
    const named = (length: number): Buffer =>
      Buffer.concat([
        Buffer.from([0x1f, 0x8b, 8, 2 | 4 | 8 | 16, 0, 0, 0, 0, 0, 3, 2, 0, 1, 2]),
        Buffer.alloc(length, 'n'),
        Buffer.from([0]),
        Buffer.from('a comment\0'),
        Buffer.from([0, 0]),
        body,
      ]);
    expect(await collect(named(65_535))).toHaveLength(3);
    expect((await failureOf(() => collect(named(65_536)))).message).toContain('a header without an end');
    const stored = Buffer.concat([Buffer.from([0x1f, 0x8b, 7, 0, 0, 0, 0, 0, 0, 3]), body]);
    expect((await failureOf(() => collect(stored))).message).toContain('an unknown compression method');
  });

  it('refuses binary data', async () => {
    const error = await failureOf(() => collect(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x01])));
    expect(error.message).toContain('expected text');
  });

  it('treats a line beyond the limit as a bad line without keeping it', async () => {
    const long = `{"a":"${'x'.repeat(5000)}"}`;
    const text = `{"a":1}\n${long}\n{"a":2}\n${long}`;
    for (const size of [1, 64, 100_000]) {
      const bytes = Buffer.from(text);
      const error = await failureOf(() => collect(inPieces(bytes, size), { maxLineBytes: 1000 }));
      expect(error.message).toBe('test input, line 2: expected at most 1000 bytes, found a longer line');
      const lines: unknown[] = [];
      const options = { maxLineBytes: 1000, onBadLine: 'skip', onSkip: () => lines.push('skipped') } as const;
      for (const record of await collect(inPieces(bytes, size), options)) lines.push(record.line);
      expect(new Set(lines)).toEqual(new Set([1, 3, 'skipped']));
      expect(lines).toHaveLength(4);
    }
  });

  it('closes the source when the loop is left early', async () => {
    let closed = false;
    function* endless(): Generator<string> {
      try {
        for (;;) yield JSON_ROWS;
      } finally {
        closed = true;
      }
    }
    for await (const record of readRecords({ name: 'endless', chunks: endless() })) {
      if (record.line > 5) break;
    }
    expect(closed).toBe(true);
  });

  it('passes an error of the caller’s own chunks on, once and named', async () => {
    async function* failing(): AsyncGenerator<string> {
      yield JSON_ROWS;
      throw new Error('line dropped');
    }
    const stream = readRecords({ name: 'modem', chunks: failing() });
    const error = await failureOf(async () => {
      for await (const record of stream) expect(record.line).toBeLessThan(4);
    });
    expect(error.message).toBe('modem: cannot be read after 24 bytes of text (line dropped)');
    expect((await failureOf(() => stream[Symbol.asyncIterator]().next())).code).toBe('OPTION_INVALID');
  });
});

async function consume(path: string): Promise<void> {
  for await (const record of readRecords(path)) expect(record).toBeDefined();
}
