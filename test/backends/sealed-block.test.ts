import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Segment } from '../../src/log/backend.ts';
import { MAX_BLOCK_BYTES, packBlock, unpackBlock } from '../../src/backends/sqlite/sealed-block.ts';
import { isTablecastError } from '../../src/errors.ts';
import { ByteWriter } from '../../src/log/bytes/bytes.ts';
import type { Cell, ColumnType } from '../../src/schema/schema.ts';
import { RunWriter } from '../../src/log/runs/run-writer.ts';
import { DELETE } from '../../src/log/operations/operation.ts';
import { LANE } from '../../src/log/bytes/lane-tape.ts';
import { encodeSegment } from '../../src/log/runs/segment.ts';
import { runsWithin } from '../support/runs-within.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const plain = (segments: readonly Segment[]): unknown =>
  segments.map(({ position, span, bytes }) => [position, span, Buffer.from(bytes).toString('base64')]);

function cellsOf(column: ColumnType): fc.Arbitrary<Cell | undefined> {
  switch (column) {
    case 'double':
      return fc.double({ noDefaultInfinity: false });
    case 'integer':
      return fc.oneof(
        fc.integer({ min: 0, max: 70_000 }),
        fc.maxSafeInteger(),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      );
    case 'bigint':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case 'text':
      return fc.string({ unit: 'grapheme', maxLength: 12 });
    case 'bool':
      return fc.boolean();
    case 'none':
      return fc.constant(undefined);
  }
}

/** A run as the author of a table writes it, with every kind of operation in it. */
const runs = fc
  .constantFrom<ColumnType[]>('double', 'integer', 'bigint', 'text', 'bool', 'none')
  .chain((column) =>
    fc.record({
      column: fc.constant(column),
      cells: fc.array(cellsOf(column), { minLength: 1, maxLength: 40 }),
      keys: fc.array(fc.string({ maxLength: 20 }), { maxLength: 5 }),
      removals: fc.nat(3),
      expiries: fc.nat(3),
      step: fc.nat(3),
      switched: fc.boolean(),
    }),
  )
  .map(({ column, cells, keys, removals, expiries, step, switched }) => {
    const writer = new RunWriter(column);
    if (switched) writer.epoch = { counter: 3, origin: 'someone@1', mode: 'lww' };
    writer.begin(7, { chapter: 1, keys: 300, origins: 0 }, [{ origin: 0, sequence: 9 }]);
    writer.addOrigin('other@2');
    for (const key of keys) writer.addKey(key);
    let stamp = 1_700_000_000_000 * 1024;
    for (const [index, cell] of cells.entries()) writer.addSet(index * 40, cell, (stamp += step));
    for (let count = 0; count < removals; count++) writer.addRemoval(DELETE, count, (stamp += step));
    for (let count = 0; count < expiries; count++) writer.addExpire(count, { origin: 0, sequence: 5 }, stamp);
    return writer.encode('numbers', 'author@1', 77);
  });

const segmentBytes = fc.oneof(
  fc
    .array(runs, { minLength: 1, maxLength: 4 })
    .map((list) => encodeSegment({ kind: 'operations', runs: list, order: undefined })),
  fc.array(runs, { minLength: 2, maxLength: 3 }).map((list) =>
    encodeSegment({
      kind: 'operations',
      runs: list,
      order: [
        { run: 1, count: 2 },
        { run: -1, count: 4 },
      ],
    }),
  ),
  fc
    .uint8Array({ maxLength: 300 })
    .map((chunk) => encodeSegment({ kind: 'adoption', table: 'numbers', chunks: [chunk, chunk] })),
  fc.uint8Array({ maxLength: 200 }),
  // Nearly a segment: one byte of a good one is another.
  fc.tuple(runs, fc.nat(), fc.nat(255)).map(([run, at, value]) => {
    const bytes = encodeSegment({ kind: 'operations', runs: [run, run], order: undefined });
    bytes[at % bytes.length] = value;
    return bytes;
  }),
);

const blocks = fc
  .array(fc.record({ gap: fc.nat(3), span: fc.integer({ min: 1, max: 5 }), bytes: segmentBytes }), {
    minLength: 1,
    maxLength: 12,
  })
  .map((parts) => {
    let next = 1;
    return parts.map(({ gap, span, bytes }): Segment => {
      const position = next + gap;
      next = position + span;
      return { position, span, bytes };
    });
  });

describe('a sealed block', () => {
  it('gives back every segment bit for bit, understood or not', async () => {
    await fc.assert(
      fc.asyncProperty(
        blocks,
        runsWithin(4000, async (segments) => {
          expect(plain(unpackBlock(await packBlock(segments)))).toEqual(plain(segments));
        }),
      ),
      { numRuns: 200 },
    );
  });

  it('is refused with OPERATION_INVALID for any other byte, or gives something, but never fails otherwise', async () => {
    const [segments = []] = fc.sample(
      blocks.filter((list) => list.length > 4),
      { numRuns: 1, seed: 5 },
    );
    const block = await packBlock(segments);
    const random = new SeededRandom(11);
    let refused = 0;
    for (let count = 0; count < 1500; count++) {
      const bytes = block.bytes.slice(
        0,
        random.next() < 0.2 ? random.between(0, block.bytes.length) : undefined,
      );
      for (let flips = random.between(0, 3); flips >= 0 && bytes.length > 0; flips--)
        bytes[random.between(0, bytes.length - 1)] = random.between(0, 255);
      try {
        unpackBlock({ ...block, bytes });
      } catch (error) {
        if (!isTablecastError(error, 'OPERATION_INVALID')) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(750);
  });

  it('unpacks to no more than its head says, and its head to no more than the limit', () => {
    const bomb = (said: number, real: number): Uint8Array => {
      const writer = new ByteWriter();
      writer.byte(1);
      writer.varint(1);
      writer.varint(LANE.count);
      const packed = deflateRawSync(new Uint8Array(real));
      writer.byte(1);
      writer.varint(said);
      writer.varint(packed.length);
      writer.raw(packed);
      for (let lane = 1; lane < LANE.count; lane++) {
        writer.byte(0);
        writer.varint(0);
      }
      return writer.copy();
    };
    const unpack = (bytes: Uint8Array) => () => unpackBlock({ position: 1, span: 1, bytes });
    const small = unpack(bomb(1000, 1 << 26));
    const large = unpack(bomb(MAX_BLOCK_BYTES * 3, 1 << 26));
    const before = process.memoryUsage().arrayBuffers;
    expect(small).toThrow('does not unpack to its length');
    expect(large).toThrow('a lane of');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 24);
  });

  it('takes less than ten bytes for an operation on repeating keys with number values', async () => {
    const random = new SeededRandom(3);
    const segments = Array.from({ length: 40 }, (_, index): Segment => {
      const writer = new RunWriter('double');
      writer.begin(1 + index * 1000, { chapter: 0, keys: 100_000, origins: 0 }, []);
      for (let count = 0; count < 1000; count++)
        writer.addSet(
          random.between(0, 99_999),
          random.between(0, 2 ** 32 - 1) / 2 ** 32,
          1_700_000_000_000 * 1024,
        );
      const run = writer.encode('numbers', 'author@1', 77);
      return {
        position: 1 + index * 1000,
        span: 1000,
        bytes: encodeSegment({ kind: 'operations', runs: [run], order: undefined }),
      };
    });
    const { bytes } = await packBlock(segments);
    expect(bytes.length / 40_000).toBeLessThan(7);
  });
});
