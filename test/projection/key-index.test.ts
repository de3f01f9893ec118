import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyIndex } from '../../src/projection/rows/key-index.ts';

/** Different texts of one length with the same 32 characters at either end: all belong in one place. */
function colliding(count: number): string[] {
  const end = 'x'.repeat(32);
  return Array.from({ length: count }, (_, index) => end + String(index).padStart(8, '0') + end);
}

function expectSlots(index: KeyIndex, texts: readonly string[]): void {
  expect(index.texts).toEqual(texts);
  expect(texts.map((text) => index.find(text))).toEqual(texts.map((_, slot) => slot));
}

describe('An index of texts', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.constantFrom(...colliding(600)),
    fc.nat(99).map((number) => `k${number}`),
  );

  test('gives the slots that a Map would, whatever the texts, also after renumbering', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 1500, size: 'max' }), fc.func(fc.boolean()), (texts, stays) => {
        const index = new KeyIndex();
        const model = new Map<string, number>();
        for (const each of texts) {
          expect(index.find(each)).toBe(model.get(each));
          if (!model.has(each)) model.set(each, index.add(each));
        }
        expectSlots(index, [...model.keys()]);
        const kept = [...model.keys()].filter((each) => stays(each));
        let next = 0;
        index.renumber(Int32Array.from([...model.keys()], (each) => (stays(each) ? next++ : -1)));
        expectSlots(index, kept);
        for (const each of model.keys()) if (!stays(each)) expect(index.find(each)).toBeUndefined();
        kept.push('new after renumbering');
        index.add('new after renumbering');
        expectSlots(index, kept);
      }),
      { numRuns: 40, interruptAfterTimeLimit: 4000 },
    );
  });

  test('finds each of 100,000 keys that differ in little', () => {
    const texts = Array.from({ length: 100_000 }, (_, number) => `10.0.${number >> 8}.${number & 255}`);
    const index = new KeyIndex();
    expect(index.addAll(texts)).toBe(true);
    expect(texts.every((each, slot) => index.find(each) === slot)).toBe(true);
    expect(index.find('10.0.0.256')).toBeUndefined();
  });

  test('takes texts that were chosen to belong in one place no longer than others', () => {
    // Looked for one after the other they would take a thousand million comparisons.
    const texts = colliding(50_000);
    const began = performance.now();
    const index = new KeyIndex();
    for (const each of texts) if (index.find(each) === undefined) index.add(each);
    expect(texts.every((each, slot) => index.find(each) === slot)).toBe(true);
    expect(performance.now() - began).toBeLessThan(3000);
  });

  test.each([
    ['few', ['a', 'b', 'c']],
    ['many in one place', colliding(400)],
  ])('is empty, and can be used, after it was filled with a text named twice: %s', (_, texts) => {
    const index = new KeyIndex();
    expect(index.addAll([...texts, 'twice', 'twice'])).toBe(false);
    expect(index.texts).toEqual([]);
    expect(index.find('twice')).toBeUndefined();
    expect(index.addAll([...texts])).toBe(true);
    expectSlots(index, texts);
  });

  test('takes many texts at once as one by one, or none of them when it would have one twice', () => {
    fc.assert(
      fc.property(fc.array(fc.array(text, { maxLength: 600, size: 'max' }), { maxLength: 6 }), (parts) => {
        const index = new KeyIndex();
        const model = new Set<string>();
        for (const part of parts) {
          const fits = new Set(part).size === part.length && part.every((each) => !model.has(each));
          expect(index.addAll(part)).toBe(fits);
          if (fits) for (const each of part) model.add(each);
          expectSlots(index, [...model]);
          if (!fits) for (const each of part) expect(index.find(each) !== undefined).toBe(model.has(each));
        }
      }),
      { numRuns: 60, interruptAfterTimeLimit: 4000 },
    );
  });

  test('has no slot for what is no text', () => {
    const index = new KeyIndex();
    index.add('1');
    const strange: unknown[] = [1, null, undefined, ['1'], { length: 1, charCodeAt: () => 49 }, 1n];
    for (const each of strange) expect(index.find(each as string)).toBeUndefined();
  });
});
