import { RunWriter } from '../../../src/log/runs/run-writer.ts';
import { encodeChange } from '../../../src/modes/automerge/change-writer.ts';
import { type ChangeOperation, PUT } from '../../../src/modes/automerge/change.ts';
import { actorOf, epochName } from '../../../src/modes/automerge/genesis.ts';
import { encodeMessage } from '../../../src/replication/wire/wire.ts';

const epoch = epochName({ counter: 0, origin: '' });
const STAMP = 5000;

/** Frames for a table `t` of ints in mode `automerge`: changes that wait, and the one that they wait for. */
export interface WaitingChanges {
  readonly waiting: readonly Uint8Array[];
  readonly awaited: Uint8Array;
  /** Rows that all of them make. */
  readonly rows: number;
}

/** How much there is of what waits. */
export interface WaitingSize {
  readonly runs: number;
  /** Changes of each run, and operations of each change. */
  readonly changes: number;
  readonly operations: number;
  readonly runsPerFrame: number;
}

/** Runs of one author, of which the first follows one of another author. */
export function waitingChanges({ runs, changes, operations, runsPerFrame }: WaitingSize): WaitingChanges {
  const early = new Writer('early@1').run([['early']]);
  const writer = new Writer('evil@1', early);
  const waiting = Array.from({ length: runs }, (_, number) =>
    writer.run(
      Array.from({ length: changes }, (_change, at) =>
        Array.from({ length: operations }, (_key, index) => `${number} ${at * operations + index}`),
      ),
    ),
  );
  const frames = Array.from({ length: Math.ceil(runs / runsPerFrame) }, (_, at) =>
    waiting.slice(at * runsPerFrame, (at + 1) * runsPerFrame).map(({ bytes }) => bytes),
  );
  return {
    waiting: frames.map((each) => encodeMessage({ type: 'runs', runs: each })),
    awaited: encodeMessage({ type: 'runs', runs: [early.bytes] }),
    rows: runs * changes * operations + 1,
  };
}

interface Written {
  readonly bytes: Uint8Array;
  /** Of its last change. */
  readonly hash: string;
}

/** Writes runs of puts, each change behind the one before. */
class Writer {
  readonly #origin: string;
  #last: string | undefined;
  #seq = 1;
  #startOp = 1;
  #sequence = 1;

  constructor(origin: string, behind?: Written) {
    this.#origin = origin;
    if (behind === undefined) return;
    this.#last = behind.hash;
    this.#startOp = 2;
  }

  run(parts: readonly (readonly string[])[]): Written {
    const run = new RunWriter('integer');
    run.begin(this.#sequence, { chapter: this.#seq, keys: 0, origins: 0 }, []);
    for (const [id, key] of parts.flat().entries()) {
      run.addKey(key);
      run.addSet(id, Number(key.split(' ')[1] ?? 0), STAMP);
    }
    const changes = parts.map((keys) => this.#change(keys));
    run.document = { entered: [], changes, copies: false };
    this.#sequence += parts.flat().length;
    return { bytes: run.encode('t', this.#origin, 1), hash: this.#last ?? '' };
  }

  #change(keys: readonly string[]): Uint8Array {
    const operations = keys.map((key): ChangeOperation => {
      const value = Number(key.split(' ')[1] ?? 0);
      return { action: PUT, key, scalar: { type: 'counter', value }, by: 0, before: [] };
    });
    const name = { actor: actorOf(this.#origin, epoch), message: `${this.#sequence} ${STAMP}`, time: 0 };
    const deps = this.#last === undefined ? [] : [this.#last];
    const change = encodeChange({ ...name, seq: this.#seq++, startOp: this.#startOp, deps, operations });
    this.#startOp += keys.length;
    this.#last = change.hash;
    return change.bytes;
  }
}
