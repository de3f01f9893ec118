import { type TablecastError, isTablecastError } from '../../errors.ts';
import { malformed } from '../../log/bytes/bytes.ts';
import type {
  DocumentFolding,
  PreparedChanges,
  RunChanges,
  RunEffects,
  Waited,
  WaitedRoom,
} from '../conflict-mode.ts';
import {
  type CarriedChanges,
  type Checked,
  type PreparedRun,
  nameOf,
  touchedBy,
  versionsIn,
} from './carried.ts';
import { type Change, namedBy } from './change.ts';
import { readChange, readInSteps } from './change-reader.ts';
import { checkAgainstRun, checkBeginnings, checkEntered } from './check.ts';
import type { DocumentState } from './document-state.ts';
import { counterBeginning } from './genesis.ts';
import { changesOfPart } from './part-of-run.ts';
import { runName } from './run-name.ts';

/** Microseconds that it takes to make the beginning of a counter. */
const BEGINNING_UNITS = 32;

/** Takes into a document what runs of others, and of the log, carry for it. */
export class CarriedRuns implements DocumentFolding {
  readonly #state: DocumentState;
  #checked: Checked | undefined;
  /** By the list of a run's changes. */
  readonly #prepared = new WeakMap<readonly Uint8Array[], PreparedRun>();
  /** Remembers what was found to be what a run does, by what that is. */
  readonly #compared = new WeakMap<RunEffects, CarriedChanges>();

  constructor(state: DocumentState) {
    this.#state = state;
  }

  *prepare({ entered, changes }: RunChanges): Generator<number, PreparedChanges, undefined> {
    const read: Change[] = [];
    const beginnings = new Map<string, Change>();
    let failure: TablecastError | undefined;
    let operations = 0;
    let named = 0;
    try {
      for (const bytes of changes) {
        const change = yield* readInSteps(bytes);
        read.push(change);
        operations += change.operations.length;
        named += namedBy(change.operations);
      }
      for (const counter of entered) {
        beginnings.set(nameOf(counter), counterBeginning(counter, this.#state.epoch));
        yield BEGINNING_UNITS;
      }
    } catch (error) {
      if (!isTablecastError(error)) throw error;
      failure = error;
    }
    this.#prepared.set(changes, { changes: read, beginnings, failure });
    return { operations, named };
  }

  check(effects: RunEffects, carried: RunChanges): void {
    const compared = this.#compared.get(effects) ?? this.#compare(effects, carried);
    const [first] = compared.changes;
    if (first !== undefined) this.#checkPlace(first, compared.beginnings);
    this.#checked = { carried, ...compared };
  }

  compare(effects: RunEffects, carried: RunChanges): void {
    this.#compared.set(effects, this.#compare(effects, carried));
  }

  /** Reads what a run carries, if it is what the run does. */
  #compare(effects: RunEffects, carried: RunChanges): CarriedChanges {
    checkEntered(carried, effects);
    const name = runName(effects, this.#state.epoch);
    const { changes, beginnings } = this.#readAnew(carried);
    checkAgainstRun(changes, effects, {
      ...name,
      column: this.#state.owner.column,
      checkKey: (text) => this.#state.owner.checkKey(text),
    });
    checkBeginnings(changes, beginnings);
    return { changes, beginnings, versions: changes.map((change) => versionsIn(change, effects)) };
  }

  /** Checks where a run's first change says it stands in the document; the others follow it. */
  #checkPlace(first: Change, beginnings: readonly Change[]): void {
    const seq = this.#state.history.seqOf(first.actor) + 1;
    if (first.seq !== seq && !this.#state.history.has(first.hash))
      throw malformed(`change ${first.seq} of an author whose next is ${seq}`);
    const pending = { change: first, beginnings, effects: undefined };
    this.#state.history.requireRoom(pending);
    if (this.#state.history.isMisnumbered(pending))
      throw malformed(`a change numbered from ${first.startOp}, which is not behind those it follows`);
  }

  #readAnew({ entered, changes }: RunChanges): CarriedChanges {
    const prepared = this.#prepared.get(changes);
    if (prepared?.failure !== undefined) throw prepared.failure;
    return {
      changes: prepared?.changes ?? changes.map(readChange),
      beginnings: entered.map(
        (counter) =>
          prepared?.beginnings.get(nameOf(counter)) ?? counterBeginning(counter, this.#state.epoch),
      ),
    };
  }

  #read(carried: RunChanges): CarriedChanges {
    const known = this.#checked?.carried === carried ? this.#checked : undefined;
    this.#checked = undefined;
    return known ?? this.#readAnew(carried);
  }

  apply(effects: RunEffects, carried: RunChanges, room?: WaitedRoom): ReadonlySet<string> {
    const { changes, beginnings, versions } = this.#read(carried);
    const touched = touchedBy(effects);
    this.#state.enterNear(effects, touched);
    for (const [index, change] of changes.entries()) {
      if (this.#state.history.isApplied(change.hash)) this.#refineAll(change, effects);
      const of = versions?.[index] ?? versionsIn(change, effects);
      this.#state.history.take(
        { change, beginnings: index === 0 ? beginnings : [], effects, versions: of, unit: room },
        touched,
        room,
      );
    }
    return touched.others;
  }

  get hasWaited(): boolean {
    return this.#state.history.hasReady;
  }

  next(): Waited | undefined {
    const touched = touchedBy(undefined);
    const taken = this.#state.history.takeNext(touched);
    return taken && { ...taken, keys: touched.others };
  }

  applyPart(part: RunEffects, effects: RunEffects, carried: RunChanges): ReadonlySet<string> {
    const { changes, beginnings } = this.#readAnew(carried);
    const touched = touchedBy(part);
    // The whole run counts: its changes follow the beginnings of all parts that it writes near.
    this.#state.enterNear(effects, touched);
    const parts = changesOfPart(changes, part, this.#state.owner);
    for (const [index, change] of changes.entries()) {
      const done = parts[index] as Change;
      this.#state.history.take(
        {
          change,
          beginnings: index === 0 ? beginnings : [],
          effects: part,
          versions: versionsIn(done, part),
          part: { effects: part, change: done },
        },
        touched,
      );
    }
    // A run that leaves nothing in the end has no change that could have to wait.
    if (changes.length === 0) {
      const change = this.#alone(part);
      const alone = { change, beginnings: [], effects: part, versions: versionsIn(change, part) };
      this.#state.applyOperations(change, alone, touched);
    }
    return touched.others;
  }

  /** Returns what part of a run does that has no changes, as a change behind all there is. */
  #alone(part: RunEffects): Change {
    const content = {
      ...runName(part, this.#state.epoch),
      seq: 0,
      startOp: this.#state.history.maxOp + 1,
      deps: [],
    };
    const nothing = { ...content, operations: [], hash: '', bytes: new Uint8Array(0) };
    return changesOfPart([nothing], part, this.#state.owner)[0] as Change;
  }

  #refineAll(change: Change, effects: RunEffects): void {
    for (const [index, { key, scalar }] of change.operations.entries()) {
      const effect = effects.keys.get(key);
      if (effect === undefined || scalar === undefined) continue;
      const version = { origin: effects.origin, sequence: effect.sequence, stamp: effect.stamp };
      const [entry] = this.#state.registers
        .of(key)
        .filter(({ counter }) => counter === change.startOp + index);
      if (entry?.actor === change.actor && entry.version.stamp <= effect.stamp)
        this.#state.registers.refine(key, entry, version);
    }
  }
}
