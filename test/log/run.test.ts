import checksums from 'crc-32';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TablecastError } from '../../src/errors.ts';
import { CLEAR, DELETE, EXPIRE, SET } from '../../src/log/operations/operation.ts';
import type { Cell, ColumnType } from '../../src/schema/schema.ts';
import { type ContextEntry, type DecodedRun, decodeRun, readRunHeader } from '../../src/log/runs/run.ts';
import { RunWriter } from '../../src/log/runs/run-writer.ts';

const MAX_SAFE = Number.MAX_SAFE_INTEGER;

const cells: Readonly<Record<Exclude<ColumnType, 'none'>, fc.Arbitrary<Cell>>> = {
  double: fc.oneof(fc.double(), fc.constantFrom(-0, NaN, Infinity, -Infinity, 5e-324), fc.integer()),
  integer: fc.oneof(
    fc.nat({ max: 300 }),
    fc.integer({ min: -MAX_SAFE, max: MAX_SAFE }),
    fc.constantFrom(2 ** 32, 2 ** 52, -(2 ** 52), MAX_SAFE),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
  ),
  bigint: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  text: fc.oneof(
    fc.string(),
    fc.string({ unit: 'grapheme' }),
    fc.constant('x'.repeat(300)),
    fc.constant('né'.repeat(60)),
  ),
  bool: fc.boolean(),
};

interface Entry {
  readonly kind: number;
  readonly id: number;
  readonly cell: Cell | undefined;
  readonly later: number;
  readonly write: ContextEntry;
}

interface Written {
  readonly column: ColumnType;
  readonly entries: readonly Entry[];
  readonly keys: readonly string[];
  readonly origins: readonly string[];
  readonly context: readonly ContextEntry[];
  readonly firstSequence: number;
}

/** Counts go beyond the largest signed integer, and are never negative. */
const counts: fc.Arbitrary<Cell> = fc.oneof(
  fc.maxSafeNat(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
);

function written(column: ColumnType): fc.Arbitrary<Written> {
  if (column !== 'integer') return runOf(column, column === 'none' ? fc.constant(undefined) : cells[column]);
  return fc.oneof(runOf(column, cells.integer), runOf(column, counts));
}

function runOf(column: ColumnType, cell: fc.Arbitrary<Cell | undefined>): fc.Arbitrary<Written> {
  const entry = fc.record({
    kind: fc.constantFrom(SET, SET, SET, DELETE, CLEAR, EXPIRE),
    id: fc.oneof(fc.nat({ max: 20 }), fc.constantFrom(255, 256, 65_536, 16_777_216)),
    cell,
    later: fc.oneof(fc.constant(0), fc.nat({ max: 1e9 })),
    write: fc.record({ origin: fc.nat({ max: 70_000 }), sequence: fc.integer({ min: 1, max: MAX_SAFE }) }),
  });
  return fc.record({
    column: fc.constant(column),
    entries: fc.array(entry, { minLength: 1, maxLength: 40 }),
    keys: fc.array(cells.text as fc.Arbitrary<string>, { maxLength: 10 }),
    origins: fc.uniqueArray(fc.constantFrom('a@1', 'node-2.x@zz', 'B_9@0'), { maxLength: 3 }),
    context: fc.array(
      fc.record({ origin: fc.nat({ max: 9 }), sequence: fc.integer({ min: 1, max: MAX_SAFE }) }),
      { maxLength: 4 },
    ),
    firstSequence: fc.integer({ min: 1, max: 2 ** 52 }),
  });
}

const START = 1_767_225_600_000 * 1024;

function encode(run: Written): Uint8Array {
  const writer = new RunWriter(run.column);
  writer.begin(run.firstSequence, { chapter: 3, keys: 5, origins: 2 }, run.context);
  for (const key of run.keys) writer.addKey(key);
  for (const origin of run.origins) writer.addOrigin(origin);
  let stamp = START;
  for (const { kind, id, cell, later, write } of run.entries) {
    stamp += later;
    if (kind === SET) writer.addSet(id, cell, stamp);
    else if (kind === EXPIRE) writer.addExpire(id, write, stamp);
    else writer.addRemoval(kind, kind === CLEAR ? 0 : id, stamp);
  }
  return writer.encode('hosts', 'node@1a', 0xdeadbeef);
}

/** What a decoded run says, entry by entry, with integers in the form a table gives them. */
function told(run: DecodedRun): unknown[] {
  const values = Array.from(run.values.numbers ?? run.values.cells ?? []);
  const expired = [...run.expired];
  return Array.from({ length: run.count }, (_, index) => {
    const kind = run.kinds?.[index] ?? SET;
    return {
      kind,
      id: run.ids[index],
      cell: kind === SET ? values.shift() : undefined,
      stamp: run.stamps?.[index] ?? run.firstStamp,
      write: kind === EXPIRE ? { origin: expired.shift(), sequence: expired.shift() } : undefined,
    };
  });
}

function expectedOf(run: Written): unknown[] {
  let stamp = START;
  return run.entries.map(({ kind, id, cell, later, write }) => {
    stamp += later;
    return {
      kind,
      id: kind === CLEAR ? 0 : id,
      cell: kind === SET && run.column !== 'none' ? cell : undefined,
      stamp,
      write: kind === EXPIRE ? write : undefined,
    };
  });
}

const columns: ColumnType[] = ['none', 'double', 'integer', 'bigint', 'text', 'bool'];

describe('a run', () => {
  it.each(columns)('of %s values comes back from its bytes exactly', (column) => {
    fc.assert(
      fc.property(written(column), (run) => {
        const bytes = encode(run);
        const decoded = decodeRun(bytes, column);
        expect(told(decoded)).toEqual(expectedOf(run));
        expect(decoded).toMatchObject({
          table: 'hosts',
          origin: 'node@1a',
          session: 0xdeadbeef,
          firstSequence: run.firstSequence,
          count: run.entries.length,
          state: { chapter: 3, keys: 5, origins: 2 },
          newKeys: run.keys,
          newOrigins: run.origins,
          context: run.context,
        });
        expect(readRunHeader(bytes)).toEqual(
          expect.objectContaining({ table: 'hosts', origin: 'node@1a', count: run.entries.length }),
        );
      }),
      { numRuns: 100 },
    );
  });

  it('is refused when any bit of it is changed or its end is missing', () => {
    fc.assert(
      fc.property(written('text'), fc.nat(), fc.nat({ max: 7 }), (run, at, bit) => {
        const bytes = encode(run);
        const index = at % bytes.length;
        bytes[index] = (bytes[index] as number) ^ (1 << bit);
        expect(() => readRunHeader(bytes)).toThrow(TablecastError);
        expect(() => decodeRun(encode(run).subarray(0, index), 'text')).toThrow(TablecastError);
      }),
      { numRuns: 300 },
    );
  });

  it.each(columns)(
    'of %s values that is malformed behind a right checksum throws nothing but a TablecastError',
    (column) => {
      const edits = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 });
      fc.assert(
        fc.property(written(column), edits, fc.constantFrom(...columns), (run, changes, readAs) => {
          const bytes = encode(run);
          const body = bytes.subarray(0, -4);
          for (const [at, value] of changes) body[at % body.length] = value;
          new DataView(bytes.buffer, bytes.byteOffset).setUint32(
            body.length,
            checksums.buf(body) >>> 0,
            true,
          );
          try {
            decodeRun(bytes, readAs);
          } catch (error) {
            expect(error).toBeInstanceOf(TablecastError);
          }
        }),
        { numRuns: 400 },
      );
    },
  );
});
