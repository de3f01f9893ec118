import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TablecastError } from '../../src/errors.ts';
import { ByteReader, ByteWriter, widthOf } from '../../src/log/bytes/bytes.ts';
import { readTexts, writeTexts } from '../../src/log/bytes/column.ts';
import { decodeSegment, encodeSegment } from '../../src/log/runs/segment.ts';

type Item =
  | { readonly is: 'varint' | 'uint32' | 'float64' | 'byte'; readonly value: number }
  | { readonly is: 'uint64' | 'int64'; readonly value: bigint }
  | { readonly is: 'text'; readonly value: string };

const item: fc.Arbitrary<Item> = fc.oneof(
  fc.record({ is: fc.constant('varint' as const), value: fc.maxSafeNat() }),
  fc.record({
    is: fc.constant('varint' as const),
    value: fc.constantFrom(0, 127, 128, 2 ** 31, 2 ** 32, 2 ** 53 - 1),
  }),
  fc.record({ is: fc.constant('uint32' as const), value: fc.integer({ min: 0, max: 2 ** 32 - 1 }) }),
  fc.record({ is: fc.constant('byte' as const), value: fc.nat({ max: 255 }) }),
  fc.record({ is: fc.constant('float64' as const), value: fc.double() }),
  fc.record({ is: fc.constant('uint64' as const), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
  fc.record({
    is: fc.constant('int64' as const),
    value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  }),
  fc.record({ is: fc.constant('text' as const), value: fc.string({ unit: 'grapheme', maxLength: 80 }) }),
);

function write(writer: ByteWriter, { is, value }: Item): void {
  if (is === 'text') writer.text(value);
  else if (is === 'uint64' || is === 'int64') writer.uint64(value);
  else writer[is](value as number);
}

function read(reader: ByteReader, is: Item['is']): unknown {
  return is === 'text' ? reader.text(1000) : reader[is]();
}

describe('bytes', () => {
  it('give back what was written, in order, and nothing beyond', () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 60 }), (items) => {
        const writer = new ByteWriter(1);
        for (const each of items) write(writer, each);
        const reader = new ByteReader(writer.copy());
        for (const { is, value } of items) expect(read(reader, is)).toEqual(value);
        expect(reader.remaining).toBe(0);
        expect(() => reader.byte()).toThrow(TablecastError);
      }),
    );
  });

  it('throw nothing but a TablecastError, whatever is read from whatever', () => {
    const kinds = fc.constantFrom<Item['is']>(
      'varint',
      'uint32',
      'byte',
      'float64',
      'uint64',
      'int64',
      'text',
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.array(kinds), (bytes, wanted) => {
        const reader = new ByteReader(bytes);
        try {
          for (const is of wanted) read(reader, is);
        } catch (error) {
          expect(error).toBeInstanceOf(TablecastError);
        }
        expect(reader.at).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 500 },
    );
  });

  it('need as many bytes for a number as widthOf says', () => {
    for (const [largest, width] of [
      [0, 1],
      [255, 1],
      [256, 2],
      [65_535, 2],
      [65_536, 3],
      [16_777_216, 4],
      [2 ** 32 - 1, 4],
    ] as const) {
      expect(widthOf(largest)).toBe(width);
      const writer = new ByteWriter();
      writer.fixedWidth([largest, 0], 2, width);
      expect([...new ByteReader(writer.copy()).fixedWidth(2, width)]).toEqual([largest, 0]);
    }
  });

  it('hold columns of texts of any alphabet and length', () => {
    const texts = fc.oneof(
      fc.array(fc.string({ unit: 'grapheme', maxLength: 70 }), { maxLength: 20 }),
      fc.array(fc.string({ minLength: 5, maxLength: 5 })),
      fc.array(fc.constantFrom('', 'a', 'ü', '\u{1f41f}', 'x'.repeat(70_000)), { maxLength: 5 }),
    );
    fc.assert(
      fc.property(texts, (given) => {
        const writer = new ByteWriter();
        writeTexts(writer, given, given.length);
        expect(readTexts(new ByteReader(writer.copy()), given.length)).toEqual(given);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a column of texts that says it is ASCII', () => {
  it.each([1, 4, 8, 300])('is refused when a byte of it is not, wherever it stands: %i texts', (count) => {
    const texts = Array.from({ length: count }, (_, index) => String(index).padStart(16, 'k'));
    const writer = new ByteWriter();
    writeTexts(writer, texts, count);
    const whole = writer.copy();
    expect(readTexts(new ByteReader(whole), count)).toEqual(texts);
    const first = whole.length - 16 * count;
    for (const at of [first, first + 7, whole.length - 1]) {
      const changed = whole.slice();
      changed[at] = 0x80;
      expect(() => readTexts(new ByteReader(changed), count)).toThrow(TablecastError);
    }
  });
});

describe('a segment', () => {
  const runs = fc.array(fc.uint8Array({ minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 6 });
  const order = fc.option(
    fc.array(fc.record({ run: fc.integer({ min: -1, max: 5 }), count: fc.integer({ min: 1, max: 1000 }) }), {
      minLength: 1,
    }),
    { nil: undefined },
  );

  it('comes back from its bytes', () => {
    fc.assert(
      fc.property(runs, order, (given, places) => {
        const content = { kind: 'operations' as const, runs: given, order: places };
        expect(decodeSegment(encodeSegment(content))).toEqual(content);
        const adoption = { kind: 'adoption' as const, table: 'hösts', chunks: given };
        expect(decodeSegment(encodeSegment(adoption))).toEqual(adoption);
      }),
    );
  });

  it('that is cut or changed throws nothing but a TablecastError', () => {
    fc.assert(
      fc.property(runs, order, fc.nat(), fc.nat({ max: 255 }), (given, places, at, value) => {
        const bytes = encodeSegment({ kind: 'operations', runs: given, order: places });
        const cut = bytes.slice(0, at % bytes.length);
        bytes[at % bytes.length] = value;
        for (const attempt of [bytes, cut]) {
          try {
            decodeSegment(attempt);
          } catch (error) {
            expect(error).toBeInstanceOf(TablecastError);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
