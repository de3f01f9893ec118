import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, gzipSync, inflateRawSync } from 'node:zlib';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readBrokerStore } from 'tablecast';
import {
  type LogFormat,
  type ReadOptions,
  readRecords,
  recordMapper,
  writeRecords,
} from '../../../src/cli/formats/index.ts';
import type { TypeName } from '../../../src/index.ts';
import { failureOf, zeekLog } from './collect.ts';
import { type Formed, formsOf, type TimeForm } from './zeek-forms.ts';

const FORMS: readonly TimeForm[] = ['epoch', 'millis', 'unsigned', 'iso'];
const FORMATS: readonly LogFormat[] = ['zeek', 'json', 'csv'];
const folder = mkdtempSync(join(tmpdir(), 'tablecast-forms-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Row = readonly [key: unknown, value: unknown];

async function rowsOf(content: string, type: TypeName, options: ReadOptions = {}): Promise<Row[]> {
  const map = recordMapper({ key: ['k'], value: 'v' }, { key: 'count', value: type });
  const rows: Row[] = [];
  for await (const record of readRecords({ name: 'input', chunks: [content] }, options)) {
    const row = map(record);
    if (row !== undefined) rows.push([row.key, row.value]);
  }
  return rows;
}

async function exported(rows: readonly Row[], type: TypeName, format: LogFormat): Promise<string> {
  const declaration = { key: 'count', value: type } as const;
  let text = '';
  for await (const piece of writeRecords(rows, { format, declaration, mapping: { key: ['k'], value: 'v' } }))
    text += piece;
  return text;
}

function written(values: readonly Formed[], type: TypeName, format: LogFormat): string {
  if (format === 'zeek')
    return zeekLog('k\tv', `count\t${type}`, ...values.map(({ zeek }, at) => `${at}\t${zeek}`));
  if (format === 'json') return values.map(({ json }, at) => `{"k":${at},"v":${json}}\n`).join('');
  return `k,v\n${values.map(({ csv }, at) => `${at},${csv}\n`).join('')}`;
}

describe('rows of every type', () => {
  it.each(FORMS)(
    'come back from every format, by import, export and import, with times as %s',
    async (form) => {
      for (const [type, values] of Object.entries(formsOf(form)) as [TypeName, fc.Arbitrary<Formed>][]) {
        await fc.assert(
          fc.asyncProperty(fc.array(values, { minLength: 1, maxLength: 6 }), async (formed) => {
            const rows = formed.map(({ value }, at): Row => [at, value]);
            for (const format of FORMATS) {
              const read = await rowsOf(written(formed, type, format), type, { format });
              expect(read, format).toEqual(rows);
              for (const next of FORMATS)
                expect(await rowsOf(await exported(read, type, next), type)).toEqual(rows);
            }
          }),
          { numRuns: 15 },
        );
      }
    },
  );

  it('come back from Broker stores', () => {
    const forms = formsOf('epoch');
    for (const [type, values] of Object.entries(forms) as [TypeName, fc.Arbitrary<Formed>][]) {
      const formed = fc.sample(values, { numRuns: 20, seed: 5 });
      const file = join(folder, `${type}.sqlite`);
      const database = new Database(file);
      database.exec('CREATE TABLE meta(key text primary key, value text)');
      database.exec('CREATE TABLE store(key blob primary key, value blob, expiry integer)');
      const insert = database.prepare('INSERT INTO store VALUES (?, ?, NULL)');
      for (const [at, { broker }] of formed.entries())
        insert.run(Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, at]), Buffer.from(broker));
      database.close();
      const store = readBrokerStore(file);
      expect(store.declaration).toEqual({ key: 'count', value: type });
      expect(Array.from(store.entries(), ({ key, value }) => [key, value])).toEqual(
        formed.map(({ value }, at) => [at, value]),
      );
      store.close();
    }
  });
});

describe('damaged input', () => {
  const zeek = zeekLog(
    'k\tv',
    'count\tstring',
    ...Array.from({ length: 12 }, (_, at) => `${at}\tvalue-${at}`),
  );
  const json = Array.from({ length: 12 }, (_, at) => `{"k":${at},"v":"value-${at}"}\n`).join('');
  const damage = fc.record({
    at: fc.nat(),
    cut: fc.integer({ min: 0, max: 40 }),
    insert: fc.oneof(
      fc.uint8Array({ maxLength: 6 }).map((raw) => Buffer.from(raw)),
      fc
        .constantFrom('\n', '\t', '"', '\\', '{', '}', '\u0000\u0000', '#close\n', '#fields\tk\n', '\n#x\n')
        .map((text) => Buffer.from(text)),
    ),
  });

  it.each([
    ['zeek', zeek],
    ['json', json],
  ] as const)('gives of each line of %s a record, or says why not', async (format, whole) => {
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (faults) => {
        let bytes = Buffer.from(whole);
        for (const { at, cut, insert } of faults) {
          const start = at % (bytes.length + 1);
          bytes = Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(start + cut)]);
        }
        const accounted: number[] = [];
        const options = {
          format,
          onBadLine: 'skip',
          onSkip: (error: { details: { line?: unknown } }) => accounted.push(Number(error.details.line)),
        } as const;
        for await (const record of readRecords({ name: 'input', chunks: [bytes] }, options))
          accounted.push(record.line);
        // Bytes, not text: what is not UTF-8 must not hide a line.
        const lines = bytes.toString('latin1').split('\n');
        // A header in a JSON log begins a tab-separated one.
        const rows = lines.flatMap((line, at) =>
          line.trim() === '' || line.startsWith('#') ? [] : [at + 1],
        );
        expect(rows.filter((line) => !accounted.includes(line))).toEqual([]);
        expect(new Set(accounted).size).toBe(accounted.length);
      }),
      { numRuns: 300 },
    );
  });

  it('of gzip gives every line that stands before the damage, whatever the damage is', async () => {
    const lines = Array.from({ length: 4000 }, (_, at) => `{"k":${at},"v":"${(at * 7919) % 10_007}"}\n`).join(
      '',
    );
    const whole = gzipSync(lines);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 20, max: whole.length - 1 }), async (length) => {
        const cut = whole.subarray(0, length);
        const text = inflateRawSync(cut.subarray(10), { finishFlush: constants.Z_SYNC_FLUSH }).toString(
          'latin1',
        );
        const records: number[] = [];
        const error = await failureOf(async () => {
          for await (const record of readRecords({ name: 'input', chunks: [cut] })) records.push(record.line);
        });
        expect(records).toHaveLength(text.split('\n').length - 1);
        expect(error.details).toMatchObject({ bytes: text.length });
      }),
      { numRuns: 40 },
    );
  });
});
