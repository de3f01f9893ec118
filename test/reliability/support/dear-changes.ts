import { CLEAR } from '../../../src/log/operations/operation.ts';
import { RunWriter } from '../../../src/log/runs/run-writer.ts';
import { encodeChange } from '../../../src/modes/automerge/change-writer.ts';
import { type ChangeOperation, DELETE, INCREMENT, PUT } from '../../../src/modes/automerge/change.ts';
import { actorOf, counterBeginning, epochName } from '../../../src/modes/automerge/genesis.ts';
import { encodeMessage } from '../../../src/replication/wire/wire.ts';

const epoch = epochName({ counter: 0, origin: '' });
const STAMP = 5000;

/** Runs made by hand, each with so much in it. */
export interface DearRuns {
  readonly runs: number;
  /** Operations of each run; with `clears` deletions in its changes. */
  readonly operations: number;
  /** Changes of each run. */
  readonly changes: number;
  readonly kind: 'puts' | 'begins counters' | 'clears';
  /** How many earlier operations, which there are not, each names. */
  readonly names?: number;
}

/** Says what a node of a table of type `int` would, if it wrote so; one change after the other. */
class Hand {
  readonly actor: string;
  readonly #origin: string;
  #seq = 1;
  #startOp = 1;
  #last: string | undefined;
  #sequence = 1;
  #chapter = 0;

  constructor(author: string) {
    this.#origin = `${author}@1`;
    this.actor = actorOf(this.#origin, epoch);
  }

  /** The run that `parts` make, a change each, following what it begins. */
  run(
    fill: (run: RunWriter) => number,
    parts: readonly (readonly ChangeOperation[])[],
    begun: DearCounters,
  ): Uint8Array {
    const run = new RunWriter('integer');
    run.begin(this.#sequence, { chapter: this.#chapter++, keys: 0, origins: 0 }, []);
    const count = fill(run);
    if (begun.hashes.length > 0 && this.#startOp === 1) this.#startOp = 2;
    const changes = parts.map((operations, index) =>
      this.#change(operations, index === 0 ? begun.hashes : []),
    );
    run.document = { entered: begun.entered, changes, copies: false };
    this.#sequence += count;
    return run.encode('t', this.#origin, 1);
  }

  #change(operations: readonly ChangeOperation[], follows: readonly string[]): Uint8Array {
    const deps = (this.#last === undefined ? [...follows] : [...follows, this.#last]).toSorted();
    const message = `${this.#sequence} ${STAMP}`;
    const named = { actor: this.actor, seq: this.#seq++, startOp: this.#startOp, time: 0, message, deps };
    const change = encodeChange({ ...named, operations });
    this.#startOp += operations.length;
    this.#last = change.hash;
    return change.bytes;
  }
}

interface DearCounters {
  readonly hashes: readonly string[];
  readonly entered: readonly { readonly id: number; readonly generation: number; readonly start: number }[];
}

const NONE: DearCounters = { hashes: [], entered: [] };

function inParts<T>(all: readonly T[], parts: number): T[][] {
  const each = Math.ceil(all.length / parts);
  return Array.from({ length: Math.ceil(all.length / each) }, (_, at) =>
    all.slice(at * each, (at + 1) * each),
  );
}

/** A frame of changes to a table `t` of ints in mode `automerge`, as dear as they may be. */
export function frameOfChanges(
  { runs, operations, changes, kind, names = 0 }: DearRuns,
  author: string,
): Uint8Array {
  const hand = new Hand(author);
  const encoded = Array.from({ length: runs }, (_, number) => {
    const keys = Array.from({ length: operations }, (_unused, index) => `${number} ${index}`);
    const before = Array.from({ length: names }, (_unused, at) => ({ counter: at + 1, actor: hand.actor }));
    const none = { by: 0, scalar: undefined, before } as const;
    if (kind === 'clears') {
      const deletions: ChangeOperation[] = keys.map((key) => ({ ...none, action: DELETE, key }));
      return hand.run((run) => (run.addRemoval(CLEAR, 0, STAMP), 1), inParts(deletions, changes), NONE);
    }
    if (kind === 'puts') {
      const scalar = (value: number) => ({ type: 'counter', value }) as const;
      const puts: ChangeOperation[] = keys.map((key, index) => ({
        ...none,
        action: PUT,
        key,
        scalar: scalar(index),
      }));
      const fill = (run: RunWriter): number => {
        for (const [id, key] of keys.entries()) {
          run.addKey(key);
          run.addSet(id, id, STAMP);
        }
        return operations;
      };
      return hand.run(fill, inParts(puts, changes), NONE);
    }
    const begun = keys.map((text) => counterBeginning({ text, generation: 1, start: 0 }, epoch));
    const increments: ChangeOperation[] = keys.map((key, index) => {
      return {
        ...none,
        action: INCREMENT,
        key,
        by: 1,
        before: [{ counter: 1, actor: begun[index]?.actor ?? '' }],
      };
    });
    const fill = (run: RunWriter): number => {
      for (const [id, key] of keys.entries()) {
        run.addKey(key);
        run.addIncrement(id, 1, STAMP);
      }
      return operations;
    };
    const entered = keys.map((_unused, id) => ({ id, generation: 1, start: 0 }));
    return hand.run(fill, inParts(increments, changes), { hashes: begun.map(({ hash }) => hash), entered });
  });
  return encodeMessage({ type: 'runs', runs: encoded });
}

/** The dearest frames of changes that are taken. */
export const dearChanges: readonly (readonly [what: string, runs: DearRuns])[] = [
  ['operations as many as a batch has', { runs: 4, operations: 4096, changes: 5, kind: 'puts' }],
  ['runs, each with a change', { runs: 1088, operations: 10, changes: 1, kind: 'puts' }],
  ['changes', { runs: 127, operations: 14, changes: 14, kind: 'puts' }],
  ['operations and changes', { runs: 127, operations: 129, changes: 5, kind: 'puts' }],
  ['counters begun', { runs: 2, operations: 2300, changes: 3, kind: 'begins counters' }],
  ['deletions under a clear', { runs: 1, operations: 24_000, changes: 24, kind: 'clears' }],
  ['earlier operations named', { runs: 1, operations: 1000, changes: 4, kind: 'puts', names: 256 }],
];

/** Frames of changes that nobody sends who writes them with this program. */
export const undueChanges: readonly (readonly [what: string, runs: DearRuns])[] = [
  ['16,384 changes', { runs: 127, operations: 129, changes: 129, kind: 'puts' }],
  ['15 changes in each of 1,088 runs', { runs: 1088, operations: 15, changes: 15, kind: 'puts' }],
  ['8,192 counters begun', { runs: 2, operations: 4096, changes: 5, kind: 'begins counters' }],
  ['64,000 deletions under clears', { runs: 1, operations: 64_000, changes: 64, kind: 'clears' }],
  [
    'a million earlier operations named',
    { runs: 1, operations: 4080, changes: 16, kind: 'puts', names: 256 },
  ],
];
