import { createHash } from 'node:crypto';
import * as Automerge from '@automerge/automerge';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTablecastError } from '../../src/errors.ts';
import { readChange } from '../../src/modes/automerge/change-reader.ts';
import { encodeChange } from '../../src/modes/automerge/change-writer.ts';
import { type ChangeContent, DELETE, INCREMENT, PUT, bytesOf } from '../../src/modes/automerge/change.ts';
import { sha256 } from '../../src/log/bytes/sha256.ts';
import { leastProcessorTime } from '../support/least-time.ts';

const ACTORS = ['aa@1', 'b1@c2', 'zz', 'a'];
const id = fc.record({ counter: fc.integer({ min: 1, max: 9 }), actor: fc.constantFrom(...ACTORS) });
const before = fc
  .uniqueArray(id, { maxLength: 4, selector: ({ counter, actor }) => `${counter}@${actor}` })
  .map((ids) =>
    ids.toSorted((one, other) => one.counter - other.counter || (one.actor < other.actor ? -1 : 1)),
  );
const scalar = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 6 }).map((value) => ({ type: 'text' as const, value })),
  // The library's JSON form of a change rounds others; documents made of the bytes do not (documents.ts).
  fc.constantFrom(0, 1.5, -0.25, 3, 1e300).map((value) => ({ type: 'double' as const, value })),
  fc.boolean().map((value) => ({ type: 'bool' as const, value })),
  fc.maxSafeInteger().map((value) => ({ type: 'counter' as const, value })),
);
const key = fc.oneof(
  fc.constantFrom('k', 'k', 'other'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 5 }),
);
const none = { scalar: undefined, by: 0 };
const operation = fc.oneof(
  fc.record({ key, before, scalar }).map((put) => ({ ...put, action: PUT, by: 0 }) as const),
  fc.record({ key, before }).map((gone) => ({ ...gone, ...none, action: DELETE }) as const),
  fc
    .record({ key, before, by: fc.maxSafeInteger() })
    .map((add) => ({ ...add, scalar: undefined, action: INCREMENT }) as const),
);
const content: fc.Arbitrary<ChangeContent> = fc.record({
  actor: fc.constantFrom('me@1', ...ACTORS),
  seq: fc.integer({ min: 1, max: 300 }),
  startOp: fc.integer({ min: 1, max: 70_000 }),
  time: fc.constantFrom(0, 1_763_000_000),
  message: fc.constantFrom('', '17 1805312000123'),
  deps: fc
    .uniqueArray(fc.integer({ min: 0, max: 5 }), { maxLength: 3 })
    .map((list) => list.map((n) => Buffer.from(sha256(new Uint8Array([n]))).toString('latin1')).toSorted()),
  operations: fc.array(operation, { minLength: 1, maxLength: 12 }),
});
const hex = (text: string): string => Buffer.from(bytesOf(text)).toString('hex');

function refusal(bytes: Uint8Array): string | undefined {
  try {
    readChange(bytes);
    return undefined;
  } catch (error) {
    if (isTablecastError(error, 'OPERATION_INVALID')) return error.message;
    throw error;
  }
}

/** Puts a right checksum on bytes that were altered. */
function sealed(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy.set(createHash('sha256').update(copy.subarray(8)).digest().subarray(0, 4), 4);
  return copy;
}

/** A chunk around a body, with length and checksum. */
function chunk(kind: number, body: readonly number[]): Uint8Array {
  const length: number[] = [];
  for (let rest = body.length; ; rest >>>= 7) {
    length.push(rest >= 0x80 ? (rest & 0x7f) | 0x80 : rest);
    if (rest < 0x80) break;
  }
  return sealed(Uint8Array.from([0x85, 0x6f, 0x4a, 0x83, 0, 0, 0, 0, kind, ...length, ...body]));
}

describe('SHA-256', () => {
  it('gives what the platform gives, at every length around a block', () => {
    for (let length = 0; length < 200; length++) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 31 + length) & 0xff);
      expect(Buffer.from(sha256(bytes)).toString('hex')).toBe(
        createHash('sha256').update(bytes).digest('hex'),
      );
    }
  });
});

describe('changes', () => {
  it('are byte for byte what the official library writes for the same content', () => {
    fc.assert(
      fc.property(content, (given) => {
        const ours = encodeChange(given);
        const decoded = Automerge.decodeChange(ours.bytes);
        expect(decoded.hash).toBe(hex(ours.hash));
        expect(decoded.ops.map(({ key: text, pred }) => [text, pred])).toEqual(
          given.operations.map((op) => [
            op.key,
            op.before.map((name) => `${name.counter}@${hex(name.actor)}`),
          ]),
        );
        expect(Buffer.compare(Automerge.encodeChange(decoded), ours.bytes)).toBe(0);
      }),
      { numRuns: 300, interruptAfterTimeLimit: 3000 },
    );
  });

  it('are read as they were written', () => {
    fc.assert(
      fc.property(content, (given) => {
        const ours = encodeChange(given);
        expect(readChange(ours.bytes)).toEqual(ours);
      }),
      { numRuns: 300, interruptAfterTimeLimit: 3000 },
    );
  });

  it('are read or refused, never anything else, however they were altered', () => {
    let refused = 0;
    fc.assert(
      fc.property(
        content,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        (given, flips, rechecked) => {
          const altered = encodeChange(given).bytes.slice();
          for (const [at, value] of flips) altered[at % altered.length] = value;
          const bytes = rechecked ? sealed(altered) : altered;
          const message = refusal(bytes);
          if (message !== undefined) refused++;
          // What is taken is what Automerge writes: the library takes it too, with the same hash.
          else expect(Automerge.decodeChange(bytes).hash).toBe(hex(readChange(bytes).hash));
        },
      ),
      { numRuns: 1500, interruptAfterTimeLimit: 6000 },
    );
    expect(refused).toBeGreaterThan(500);
  });

  it('are refused cut off anywhere', () => {
    const { bytes } = encodeChange(fc.sample(content, { seed: 7, numRuns: 1 })[0] as ChangeContent);
    for (let length = 0; length < bytes.length; length++)
      expect(refusal(bytes.subarray(0, length))).toBeDefined();
  });
});

describe('bombs', () => {
  const actor = [1, 0x61];
  // seq 1, first operation 1, time 0, no message, no other actors
  const head = [0, ...actor, 1, 1, 0, 0, 0];
  const million = [0xc0, 0x84, 0x3d];

  it('refuses a change of a million run-length coded operations before unpacking it, in less than 5 ms', async () => {
    const columns: [number, number[]][] = [
      [0x15, [...million, 1, 0x6b]],
      [0x34, [...million]],
      [0x42, [...million, 1]],
      [0x56, [...million, 2]],
      [0x70, [...million, 0]],
    ];
    const body = [...head, columns.length, ...columns.flatMap(([name, bytes]) => [name, bytes.length])];
    const bomb = chunk(1, [...body, ...columns.flatMap(([, bytes]) => bytes)]);
    expect(bomb.length).toBeLessThan(100);
    expect(await leastProcessorTime(() => expect(refusal(bomb)).toMatch(/too many operations/))).toBeLessThan(
      5,
    );
  });

  it('refuses a few operations that name a million others, in less than 5 ms', async () => {
    const columns: [number, number[]][] = [
      [0x15, [0x7f, 1, 0x6b]],
      [0x34, [1]],
      [0x42, [0x7f, 3]],
      [0x56, [0x7f, 0]],
      [0x70, [0x7f, ...million]],
      [0x71, [...million, 0]],
      [0x73, [...million, 1]],
    ];
    const body = [...head, columns.length, ...columns.flatMap(([name, bytes]) => [name, bytes.length])];
    const bomb = chunk(1, [...body, ...columns.flatMap(([, bytes]) => bytes)]);
    expect(
      await leastProcessorTime(() => expect(refusal(bomb)).toMatch(/names \d+ operations/)),
    ).toBeLessThan(5);
  });

  it('refuses documents, compressed changes and bundles', () => {
    for (const kind of [0, 2, 3, 4])
      expect(refusal(chunk(kind, [...head, 0]))).toMatch(`chunk of kind ${kind}`);
  });

  it('refuses compressed columns, lists, nested objects and marks', () => {
    for (const column of [0x1d, 0x01, 0x02, 0x11, 0x13, 0x94, 0xa5])
      expect(refusal(chunk(1, [...head, 1, column, 2, 0x7f, 1]))).toMatch(/column of kind/);
    const list = Automerge.getAllChanges(Automerge.from({ list: [1, 2, 3] }, { actor: 'aa' }));
    for (const change of list) expect(refusal(change)).toBeDefined();
  });

  it('refuses operation numbers that would leave no room for others', () => {
    const [given] = fc.sample(content, { seed: 3, numRuns: 1 }) as [ChangeContent];
    const { bytes } = encodeChange({ ...given, startOp: 2 ** 31 });
    expect(refusal(bytes)).toMatch(/numbered/);
  });
});
