import { type TablecastError, isTablecastError } from '../../errors.ts';
import { malformed } from '../../log/bytes/bytes.ts';
import type {
  BaseRow,
  DocumentOwner,
  EnteredCounter,
  OwnEffect,
  PreparedChanges,
  RunChanges,
  RunEffects,
  Standing,
  TableDocument,
  Version,
  WrittenRun,
} from '../conflict-mode.ts';
import { type Change, type ChangeOperation, namedBy } from './change.ts';
import {
  type CarriedChanges,
  type Checked,
  type PreparedRun,
  nameOf,
  touchedBy,
  versionsIn,
} from './carried.ts';
import { readChange, readInSteps } from './change-reader.ts';
import { checkAgainstRun, checkBeginnings, checkEntered } from './check.ts';
import { checkForeign, chunksOf, entriesIn, readEntries } from './chunks.ts';
import { standingEffect } from './carry-over.ts';
import { exportDocument } from './export.ts';
import {
  actorOf,
  beginsPart,
  counterBeginning,
  epochName,
  generationOf,
  isBeginning,
  originOf,
  partBeginning,
  partOf,
  MAX_GENERATION,
} from './genesis.ts';
import { History, type PartOfRun, type Pending, type Touched } from './history.ts';
import { changesOfPart } from './part-of-run.ts';
import { readingOf } from './reading.ts';
import { type Entry, Registers } from './registers.ts';
import { NOBODY, roughVersion, runName } from './run-name.ts';
import { changesFor } from './writing.ts';

const NO_KEYS: RunEffects['keys'] = new Map();

/** Microseconds that it takes to make the beginning of a counter. */
const BEGINNING_UNITS = 32;

/** The Automerge document behind one table, from one switch of mode to the next. */
export class AutomergeDocument implements TableDocument {
  readonly #owner: DocumentOwner;
  readonly #epoch: string;
  readonly #registers: Registers;
  readonly #history: History;
  /** Rows from before, by part, until the part is begun. */
  #base = new Map<number, BaseRow[]>();
  /** Parts that anything was written to, in a document that may begin with rows. */
  readonly #written = new Set<number>();
  readonly #epochHasBase: boolean;
  #generations = new Map<string, number>();
  #checked: Checked | undefined;
  /** By the list of a run's changes. */
  readonly #prepared = new WeakMap<readonly Uint8Array[], PreparedRun>();
  /** Remembers what was found to be what a run does, by what that is. */
  readonly #compared = new WeakMap<RunEffects, CarriedChanges>();

  constructor(owner: DocumentOwner) {
    this.#owner = owner;
    this.#epoch = epochName(owner.epoch);
    this.#epochHasBase = owner.epoch.counter > 0;
    this.#registers = new Registers(owner);
    this.#history = new History((pending, touched) => this.#applied(pending, touched));
  }

  begin(rows: Iterable<BaseRow>): void {
    this.#base = new Map();
    for (const row of rows) {
      const part = partOf(row.text);
      // A part that was written to has nothing left from before: it went into the document first.
      if (this.#written.has(part)) continue;
      const known = this.#base.get(part);
      if (known === undefined) this.#base.set(part, [row]);
      else known.push(row);
    }
  }

  // Runs -----------------------------------------------------------------------------------------------

  canBegin(text: string): boolean {
    return (this.#generations.get(text) ?? 0) < MAX_GENERATION;
  }

  write(effects: RunEffects): WrittenRun {
    const touched = touchedBy(effects);
    this.#enterParts(effects, touched);
    const entered: EnteredCounter[] = [];
    for (const [text, effect] of effects.keys) {
      if (effect.kind !== 'add' || this.#registers.of(text).some(({ counts }) => counts)) continue;
      const generation = (this.#generations.get(text) ?? 0) + 1;
      const counter = { text, generation, start: this.#owner.start };
      entered.push(counter);
      this.#takeAlone(counterBeginning(counter, this.#epoch), touched);
    }
    const changes = changesFor(effects, {
      name: runName(effects, this.#epoch),
      column: this.#owner.column,
      registers: this.#registers,
      history: this.#history,
    });
    for (const change of changes)
      this.#history.take({ change, beginnings: [], effects, versions: versionsIn(change, effects) }, touched);
    const operations = changes.reduce((sum, change) => sum + change.operations.length, 0);
    return { entered, changes: changes.map(({ bytes }) => bytes), operations, others: touched.others };
  }

  #takeAlone(change: Change, touched: Touched): void {
    this.#history.take({ change, beginnings: [], effects: undefined }, touched);
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
        beginnings.set(nameOf(counter), counterBeginning(counter, this.#epoch));
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
    this.#history.requireRoom();
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
    const name = runName(effects, this.#epoch);
    const { changes, beginnings } = this.#readAnew(carried);
    checkAgainstRun(changes, effects, {
      ...name,
      column: this.#owner.column,
      checkKey: (text) => this.#owner.checkKey(text),
    });
    checkBeginnings(changes, beginnings);
    return { changes, beginnings, versions: changes.map((change) => versionsIn(change, effects)) };
  }

  /** Checks where a run's first change says it stands in the document; the others follow it. */
  #checkPlace(first: Change, beginnings: readonly Change[]): void {
    const seq = this.#history.seqOf(first.actor) + 1;
    if (first.seq !== seq && !this.#history.has(first.hash))
      throw malformed(`change ${first.seq} of an author whose next is ${seq}`);
    if (this.#history.isMisnumbered({ change: first, beginnings, effects: undefined }))
      throw malformed(`a change numbered from ${first.startOp}, which is not behind those it follows`);
  }

  #readAnew({ entered, changes }: RunChanges): CarriedChanges {
    const prepared = this.#prepared.get(changes);
    if (prepared?.failure !== undefined) throw prepared.failure;
    return {
      changes: prepared?.changes ?? changes.map(readChange),
      beginnings: entered.map(
        (counter) => prepared?.beginnings.get(nameOf(counter)) ?? counterBeginning(counter, this.#epoch),
      ),
    };
  }

  #read(carried: RunChanges): CarriedChanges {
    const known = this.#checked?.carried === carried ? this.#checked : undefined;
    this.#checked = undefined;
    return known ?? this.#readAnew(carried);
  }

  apply(effects: RunEffects, carried: RunChanges): ReadonlySet<string> {
    const { changes, beginnings, versions } = this.#read(carried);
    const touched = touchedBy(effects);
    this.#enterParts(effects, touched);
    for (const [index, change] of changes.entries()) {
      if (this.#history.isApplied(change.hash)) this.#refineAll(change, effects);
      const of = versions?.[index] ?? versionsIn(change, effects);
      this.#history.take(
        { change, beginnings: index === 0 ? beginnings : [], effects, versions: of },
        touched,
      );
    }
    return touched.others;
  }

  applyPart(part: RunEffects, effects: RunEffects, carried: RunChanges): ReadonlySet<string> {
    const { changes, beginnings } = this.#readAnew(carried);
    const touched = touchedBy(part);
    // The whole run counts: its changes follow the beginnings of all parts that it writes near.
    this.#enterParts(effects, touched);
    const parts = changesOfPart(changes, part, this.#owner);
    for (const [index, change] of changes.entries()) {
      const done = parts[index] as Change;
      this.#history.take(
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
      this.#applyOperations(change, alone, touched);
    }
    return touched.others;
  }

  /** Returns what part of a run does that has no changes, as a change behind all there is. */
  #alone(part: RunEffects): Change {
    const content = { ...runName(part, this.#epoch), seq: 0, startOp: this.#history.maxOp + 1, deps: [] };
    const nothing = { ...content, operations: [], hash: '', bytes: new Uint8Array(0) };
    return changesOfPart([nothing], part, this.#owner)[0] as Change;
  }

  /** Puts rows from before into the document as soon as anything is written near them. */
  #enterParts({ cleared, keys }: RunEffects, touched: Touched): void {
    if (this.#base.size === 0) return;
    if (cleared) for (const part of this.#base.keys()) this.#enter(part, touched);
    else for (const text of keys.keys()) this.#enter(partOf(text), touched);
  }

  #enter(part: number, touched: Touched): void {
    const rows = this.#base.get(part);
    if (rows === undefined) return;
    this.#base.delete(part);
    this.#history.onUndo(() => this.#base.set(part, rows));
    for (const change of partBeginning(part, rows, { epoch: this.#epoch, column: this.#owner.column }))
      this.#takeAlone(change, touched);
    for (const row of rows) this.refine(row.text, row);
  }

  // The document ---------------------------------------------------------------------------------------

  #applied(pending: Pending, touched: Touched): void {
    const { change, part } = pending;
    const generation = generationOf(change);
    const [first] = change.operations;
    if (generation !== undefined && first !== undefined) {
      if (part !== undefined && part.effects.keys.get(first.key)?.kind !== 'add') return;
      this.#noteGeneration(first.key, generation);
    }
    const done = generation === undefined && part !== undefined ? part.change : change;
    this.#applyOperations(done, pending, touched);
  }

  #noteGeneration(text: string, generation: number): void {
    const before = this.#generations.get(text);
    if (before !== undefined && before >= generation) return;
    this.#generations.set(text, generation);
    this.#history.onUndo(() => {
      if (before === undefined) this.#generations.delete(text);
      else this.#generations.set(text, before);
    });
  }

  #applyOperations(
    change: Change,
    { effects, versions }: Pick<Pending, 'effects' | 'versions'>,
    touched: Touched,
  ): void {
    let roughly: Version | undefined;
    const { operations } = change;
    const isOwn = effects === touched.by;
    for (let index = 0; index < operations.length; index++) {
      const { key } = operations[index] as ChangeOperation;
      const version = versions?.[index];
      this.#registers.apply(change, index, version ?? (roughly ??= roughVersion(change)));
      if (version === undefined || !isOwn) touched.others.add(key);
      if (this.#epochHasBase) this.#written.add(partOf(key));
    }
  }

  #refineAll(change: Change, effects: RunEffects): void {
    for (const [index, { key, scalar }] of change.operations.entries()) {
      const effect = effects.keys.get(key);
      if (effect === undefined || scalar === undefined) continue;
      const version = { origin: effects.origin, sequence: effect.sequence, stamp: effect.stamp };
      const [entry] = this.#registers.of(key).filter(({ counter }) => counter === change.startOp + index);
      if (entry?.actor === change.actor && entry.version.stamp <= effect.stamp)
        this.#registers.refine(key, entry, version);
    }
  }

  refine(text: string, { origin, sequence, stamp }: Version): void {
    const standing = this.#registers.standing(text);
    if (standing === undefined) return;
    const isRough = ({ version }: Entry): boolean =>
      version.origin === origin && version.sequence <= sequence;
    const entry = this.#registers.together(text, standing).find(isRough) ?? standing;
    if (isRough(entry) || entry.version.origin === NOBODY)
      this.#registers.refine(text, entry, { origin, sequence, stamp });
  }

  standing(text: string): Standing | undefined {
    return this.#registers.shown(text);
  }

  values(text: string): readonly Standing[] {
    return this.#registers.allShown(text);
  }

  covers(text: string): boolean {
    return !this.#base.has(partOf(text));
  }

  keys(): Iterable<string> {
    return this.#registers.keys();
  }

  // Checkpoints ------------------------------------------------------------------------------------------

  chunks(): Iterable<Uint8Array> {
    return chunksOf(this.#history);
  }

  prepareMerge(chunks: readonly Uint8Array[]): Generator<number, void, undefined> {
    return readEntries(chunks);
  }

  merge(chunks: readonly Uint8Array[], trusted: boolean, before: number = Infinity): void {
    const entries = entriesIn(chunks);
    if (!trusted) {
      const on = { owner: this.#owner, epoch: this.#epoch, has: (hash: string) => this.#history.has(hash) };
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
      if (begun !== undefined) this.#enter(begun, touched);
      if (beginsNext) {
        beginnings.push(change);
        continue;
      }
      const part = roughVersion(change).stamp < before ? undefined : this.#nothingOf(change);
      this.#history.take({ change, beginnings, effects: undefined, part }, touched);
      beginnings = [];
    }
  }

  /** Returns a change that is known and does nothing. */
  #nothingOf(change: Change): PartOfRun {
    const { origin, sequence, stamp } = roughVersion(change);
    const effects = { origin, firstSequence: sequence, firstStamp: stamp, cleared: false, keys: NO_KEYS };
    return { effects, change: changesOfPart([change], effects, this.#owner)[0] as Change };
  }

  // Switching ----------------------------------------------------------------------------------------------

  waiting(): ReadonlyMap<string, number> {
    const first = new Map<string, number>();
    for (const { change } of this.#history.waiting()) {
      const { origin, sequence } = roughVersion(change);
      first.set(origin, Math.min(sequence, first.get(origin) ?? Infinity));
    }
    return first;
  }

  applied(): ReadonlyMap<string, number> {
    const latest = new Map<string, number>();
    for (const [actor, { message }] of this.#history.latest) {
      if (isBeginning({ actor })) continue;
      const { origin, sequence } = roughVersion({ actor, message });
      latest.set(origin, sequence);
    }
    return latest;
  }

  effectsOf(isOwn: (origin: string) => boolean): OwnEffect[] {
    const changes = this.#history.read(({ actor }) => {
      const origin = originOf(actor);
      return origin !== undefined && isOwn(origin);
    });
    return changes.flatMap((change) => {
      const { origin, sequence } = roughVersion(change);
      const on = { registers: this.#registers, column: this.#owner.column, origin, sequence };
      return change.operations.flatMap((_, index) => standingEffect(change, index, on) ?? []);
    });
  }

  hasBase(text: string): boolean {
    const waiting = this.#base.get(partOf(text));
    if (waiting !== undefined) return waiting.some((row) => row.text === text);
    return this.#registers.of(text).some((entry) => beginsPart(entry) !== undefined);
  }

  // Batches, size, export ----------------------------------------------------------------------------------

  beginUndo(): void {
    this.#registers.beginUndo();
    this.#history.beginUndo();
  }

  endUndo(keep: boolean): void {
    this.#registers.endUndo(keep);
    this.#history.endUndo(keep);
  }

  get history(): { readonly operations: number; readonly bytes: number } {
    return this.#history;
  }

  isLargest(origin: string): boolean {
    return this.#history.largestActor(isBeginning) === actorOf(origin, this.#epoch);
  }

  get heads(): readonly string[] {
    return this.#history.heads();
  }

  export(): Uint8Array {
    const untouched = Array.from(this.#base, ([part, rows]) =>
      partBeginning(part, rows, { epoch: this.#epoch, column: this.#owner.column }),
    ).flat();
    const ends = untouched.filter(({ hash }) => !untouched.some(({ deps }) => deps.includes(hash)));
    const on = { epoch: this.#epoch, column: this.#owner.column, history: this.#history };
    const reading = readingOf(this.#registers, on);
    const last = reading.at(-1);
    return exportDocument(
      [...this.#history.changes(), ...[...reading, ...untouched].map(({ bytes }) => bytes)],
      [...(last === undefined ? this.#history.heads() : [last.hash]), ...ends.map(({ hash }) => hash)],
      this.#owner.table,
    );
  }
}
