import type { DocumentContent, RunEffects } from '../conflict-mode.ts';
import { touchedBy } from './carried.ts';
import type { Change } from './change.ts';
import { checkForeign, chunksOf, entriesIn, readEntries } from './chunks.ts';
import type { DocumentState } from './document-state.ts';
import { beginsPart } from './genesis.ts';
import type { PartOfRun } from './history.ts';
import { changesOfPart } from './part-of-run.ts';
import { roughVersion } from './run-name.ts';

const NO_KEYS: RunEffects['keys'] = new Map();

/** Moves a document from checkpoint to checkpoint, and from node to node. */
export class ContentInChunks implements DocumentContent {
  readonly #state: DocumentState;

  constructor(state: DocumentState) {
    this.#state = state;
  }

  chunks(): Iterable<Uint8Array> {
    return chunksOf(this.#state.history);
  }

  prepareMerge(chunks: readonly Uint8Array[]): Generator<number, void, undefined> {
    return readEntries(chunks);
  }

  merge(chunks: readonly Uint8Array[], trusted: boolean, before: number = Infinity): void {
    const { owner, epoch, history } = this.#state;
    const entries = entriesIn(chunks);
    if (!trusted) {
      const on = { owner, epoch, has: (hash: string) => history.has(hash) };
      checkForeign(
        entries.map(({ change }) => change),
        on,
      );
    }
    let beginnings: Change[] = [];
    const touched = touchedBy(undefined);
    for (const { change, beginsNext } of entries) {
      const begun = beginsPart(change);
      // Another node has begun this part: so does this one, from the rows both have alike.
      if (begun !== undefined) this.#state.enter(begun, touched);
      if (beginsNext) {
        beginnings.push(change);
        continue;
      }
      const part = roughVersion(change).stamp < before ? undefined : this.#nothingOf(change);
      history.take({ change, beginnings, effects: undefined, part }, touched);
      beginnings = [];
    }
  }

  /** Returns a change that is known and does nothing. */
  #nothingOf(change: Change): PartOfRun {
    const { origin, sequence, stamp } = roughVersion(change);
    const effects = { origin, firstSequence: sequence, firstStamp: stamp, cleared: false, keys: NO_KEYS };
    return { effects, change: changesOfPart([change], effects, this.#state.owner)[0] as Change };
  }
}
