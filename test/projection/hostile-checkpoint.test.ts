import { describe, expect, it } from 'vitest';
import { ByteWriter } from '../../src/log/bytes/bytes.ts';
import { writeCells, writeNumbers, writeTexts } from '../../src/log/bytes/column.ts';
import { decodeCheckpoint } from '../../src/projection/checkpoints/checkpoint-reader.ts';
import { compileSchema } from '../../src/schema/index.ts';

const schema = compileSchema('t', { key: 'string', value: 'count', createExpire: '1m' });

function header(more: object = {}): Uint8Array {
  const { fingerprint } = schema;
  const facts = { version: 1, table: 't', fingerprint, vector: [['x@1', 1]], contexts: [], dictionaries: [] };
  return new TextEncoder().encode(JSON.stringify({ ...facts, ...more }));
}

/** A chunk of one row whose write and creation carry the given times. */
function rowOf(row: { origin?: string; written?: number; created?: number }): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(1);
  writer.varint(1);
  writeTexts(writer, ['key'], 1);
  writeCells(writer, [1], 1);
  writer.varint(1);
  writer.text(row.origin ?? 'x@1');
  writer.byte(1);
  writer.fixedWidth([0], 1, 1);
  writeNumbers(writer, Float64Array.of(1), 1);
  for (const time of [row.written ?? 1, row.created ?? 1]) {
    writer.float64(0);
    writeNumbers(writer, Float64Array.of(time), 1);
  }
  return writer.copy();
}

describe('a checkpoint of a peer', () => {
  it('is taken when it is sound', () => {
    expect(decodeCheckpoint([header(), rowOf({})], schema, false).rows).toHaveLength(1);
  });

  it.each([NaN, Infinity, -Infinity, -1, 0.5, 2 ** 60])('is refused with a time of %d', (time) => {
    for (const row of [rowOf({ written: time }), rowOf({ created: time })]) {
      expect(() => decodeCheckpoint([header(), row], schema, false)).toThrow(
        expect.objectContaining({ code: 'OPERATION_INVALID' }),
      );
    }
  });

  it('is refused as a whole when anything in it names no origin', () => {
    const wrong = 'no origin';
    const chunks: Uint8Array[][] = [
      [header(), rowOf({}), rowOf({ origin: wrong })],
      [header({ vector: [[wrong, 1]] }), rowOf({})],
      [header({ contexts: [['x@1', [[wrong, 1]]]] }), rowOf({})],
      [header({ cleared: [wrong, 1, 1] }), rowOf({})],
      [header({ expired: [['key', wrong, 1]] }), rowOf({})],
      [header({ epoch: { counter: 1, origin: 'x@1', mode: 'lww', base: [[wrong, 1]] } }), rowOf({})],
      [header({ dictionaries: [{ origin: wrong, chapter: 0, keys: 0, origins: [] }] }), rowOf({})],
      [header({ dictionaries: [{ origin: 'x@1', chapter: 0, keys: 0, origins: [wrong] }] }), rowOf({})],
    ];
    for (const checkpoint of chunks) {
      expect(() => decodeCheckpoint(checkpoint, schema, false)).toThrow(
        expect.objectContaining({ code: 'OPERATION_INVALID' }),
      );
    }
  });
});
