import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BackendName } from '../../src/schema/schema.ts';
import {
  type FinishedRun,
  OpenSegment,
  type RunAuthor,
  type SealedPart,
} from '../../src/log/keeping/journal.ts';

/** A table that writes runs of at most five operations, and remembers where each was placed. */
class Author implements RunAuthor {
  readonly store: BackendName;
  readonly name: string;
  readonly placed: number[] = [];
  runCharacters = 0;
  readonly runWeight = 0;
  #first = 1;
  #count = 0;
  #sequence = 0;

  constructor(name: string, store: BackendName) {
    this.name = name;
    this.store = store;
  }

  get runFull(): boolean {
    return this.#count >= 5;
  }

  beginRun(): void {
    this.#first = this.#sequence + 1;
    this.#count = 0;
  }

  finishRun(): FinishedRun {
    const bytes = new Uint8Array(1);
    const named = { table: this.name, origin: 'a@1', firstSequence: this.#first, count: this.#count };
    const run = { ...named, bytes, weight: 0 };
    this.#count = 0;
    return run;
  }

  discardRuns(firstSequence: number | undefined): void {
    this.#sequence = (firstSequence ?? this.#first) - 1;
    this.#count = 0;
    this.placed.length = this.#sequence;
  }

  write(journal: OpenSegment): void {
    const position = journal.next(this);
    this.#count++;
    this.placed[this.#sequence++] = position;
  }
}

type Act = { readonly write: number } | 'seal' | 'discard';

const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.record({ write: fc.nat({ max: 3 }) }) },
    { weight: 1, arbitrary: fc.constant('seal' as const) },
    { weight: 1, arbitrary: fc.constant('discard' as const) },
  ),
  { maxLength: 80, size: 'max' },
);

/** Where the parts of sealed segments say that each table's operations stand, by sequence. */
function placesIn(parts: readonly SealedPart[]): Map<string, number[]> {
  const places = new Map<string, number[]>();
  for (const { runs, order, position, span } of parts) {
    let at = position;
    const next = runs.map(({ firstSequence }) => firstSequence);
    for (const { run, count } of order ?? runs.map((each, index) => ({ run: index, count: each.count }))) {
      const mine = run < 0 ? 0 : count;
      for (let index = 0; index < mine; index++) {
        const table = runs[run]?.table ?? '';
        const list = places.get(table) ?? [];
        list[(next[run] as number) - 1] = at + index;
        next[run] = (next[run] as number) + 1;
        places.set(table, list);
      }
      at += count;
    }
    expect(at).toBe(position + span);
    for (const [index, run] of runs.entries()) expect(next[index]).toBe(run.firstSequence + run.count);
  }
  return places;
}

describe('the open segment', () => {
  it('keeps the order of interleaved tables in two stores, whatever is sealed or taken back between', () => {
    fc.assert(
      fc.property(acts, (given) => {
        const journal = new OpenSegment({
          storeNames: ['memory', 'sqlite'],
          admit: () => undefined,
          opened: () => undefined,
          filled: () => undefined,
        });
        const authors = [
          new Author('a', 'sqlite'),
          new Author('b', 'memory'),
          new Author('c', 'sqlite'),
          new Author('d', 'memory'),
        ];
        const parts: SealedPart[] = [];
        for (const act of given) {
          if (act === 'seal') parts.push(...journal.seal());
          else if (act === 'discard') journal.discard();
          else authors[act.write]?.write(journal);
        }
        parts.push(...journal.seal());
        const places = placesIn(parts);
        for (const { name, placed } of authors) expect(places.get(name) ?? []).toEqual(placed);
        const all = authors.flatMap(({ placed }) => placed).toSorted((one, other) => one - other);
        expect(all).toEqual(all.map((_position, index) => index + 1));
        expect(journal.position).toBe(all.length);
      }),
      { numRuns: 500 },
    );
  });

  it('takes no operation, and moves nothing, when the store refuses it', () => {
    let refused = false;
    const journal = new OpenSegment({
      storeNames: ['memory', 'sqlite'],
      admit: () => {
        if (refused) throw new Error('refused');
      },
      opened: () => undefined,
      filled: () => undefined,
    });
    const [one, other] = [new Author('a', 'sqlite'), new Author('b', 'memory')];
    one.write(journal);
    refused = true;
    expect(() => other.write(journal)).toThrow('refused');
    expect(journal.position).toBe(1);
    refused = false;
    other.write(journal);
    expect([...placesIn(journal.seal())]).toEqual([
      ['b', [2]],
      ['a', [1]],
    ]);
  });
});
