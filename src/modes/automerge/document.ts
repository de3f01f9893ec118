import { ByteReader, ByteWriter, malformed } from '../../log/bytes.ts';
import type {
  BaseRow,
  DocumentOwner,
  EnteredCounter,
  OwnEffect,
  RunChanges,
  RunEffects,
  Standing,
  TableDocument,
  Version,
  WrittenRun,
} from '../conflict-mode.ts';
import { type Change, MAX_CHANGE_BYTES, cellOf, compareIds } from './change.ts';
import { readChange } from './change-reader.ts';
import { checkAgainstRun, checkEntered, type RunName } from './check.ts';
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
} from './genesis.ts';
import { History, type Pending } from './history.ts';
import { Registers } from './registers.ts';
import { changesFor } from './writing.ts';

/** Chunks of a document are closed at this many bytes; one change may go beyond. */
const CHUNK_BYTES: number = 256 * 1024;
/** What an entry of a chunk is. */
const APPLIED = 0;
const BEGINNING_OF_WAITING = 1;
const WAITING = 2;
/** Most operations of a document from elsewhere; documents are begun anew long before. */
const MAX_DOCUMENT_OPERATIONS: number = 4 * 1024 * 1024;
const STAMPS_PER_SECOND: number = 1024 * 1000;

/** A run that was checked, and its changes, which need not be read twice. */
interface Checked {
  readonly carried: RunChanges;
  readonly changes: readonly Change[];
}

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
      // Where anything was written there is nothing left from before: it went into the document first.
      if (this.#written.has(part)) continue;
      const known = this.#base.get(part);
      if (known === undefined) this.#base.set(part, [row]);
      else known.push(row);
    }
  }

  // Runs -----------------------------------------------------------------------------------------------

  write(effects: RunEffects): WrittenRun {
    const touched = new Set(effects.keys.keys());
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
      name: this.#nameOf(effects),
      column: this.#owner.column,
      registers: this.#registers,
      history: this.#history,
    });
    for (const change of changes) this.#history.take({ change, beginnings: [], effects }, touched);
    return { entered, changes: changes.map(({ bytes }) => bytes), touched };
  }

  #takeAlone(change: Change, touched: Set<string>): void {
    this.#history.take({ change, beginnings: [], effects: undefined }, touched);
  }

  check(effects: RunEffects, carried: RunChanges): void {
    checkEntered(carried, effects);
    const name = this.#nameOf(effects);
    this.#history.requireRoom();
    const changes = carried.changes.map(readChange);
    checkAgainstRun(changes, effects, {
      ...name,
      column: this.#owner.column,
      checkKey: (text) => this.#owner.checkKey(text),
    });
    const [first] = changes;
    const seq = this.#history.seqOf(name.actor) + 1;
    if (first !== undefined && first.seq !== seq && !this.#history.has(first.hash))
      throw malformed(`change ${first.seq} of an author whose next is ${seq}`);
    this.#checked = { carried, changes };
  }

  #read(carried: RunChanges): readonly Change[] {
    const known = this.#checked?.carried === carried ? this.#checked.changes : undefined;
    this.#checked = undefined;
    return known ?? carried.changes.map(readChange);
  }

  apply(effects: RunEffects, carried: RunChanges): ReadonlySet<string> {
    const changes = this.#read(carried);
    const touched = new Set(effects.keys.keys());
    this.#enterParts(effects, touched);
    const beginnings = carried.entered.map((counter) => counterBeginning(counter, this.#epoch));
    for (const [index, change] of changes.entries()) {
      if (this.#history.isApplied(change.hash)) this.#refineAll(change, effects);
      this.#history.take({ change, beginnings: index === 0 ? beginnings : [], effects }, touched);
    }
    return touched;
  }

  applyPart(part: RunEffects, carried: RunChanges): ReadonlySet<string> {
    const changes = this.#read(carried);
    const touched = new Set(part.keys.keys());
    this.#enterParts(part, touched);
    for (const counter of carried.entered)
      if (part.keys.has(counter.text)) this.#takeAlone(counterBeginning(counter, this.#epoch), touched);
    for (const change of changes) this.#applyOperations(change, part, touched);
    return touched;
  }

  #nameOf({ origin, firstSequence, firstStamp }: RunEffects): RunName {
    return {
      actor: actorOf(origin, this.#epoch),
      message: `${firstSequence} ${firstStamp}`,
      time: Math.floor(firstStamp / STAMPS_PER_SECOND),
    };
  }

  /** Puts rows from before into the document as soon as anything is written near them. */
  #enterParts({ cleared, keys }: RunEffects, touched: Set<string>): void {
    if (this.#base.size === 0) return;
    if (cleared) for (const part of this.#base.keys()) this.#enter(part, touched);
    else for (const text of keys.keys()) this.#enter(partOf(text), touched);
  }

  #enter(part: number, touched: Set<string>): void {
    const rows = this.#base.get(part);
    if (rows === undefined) return;
    this.#base.delete(part);
    this.#history.onUndo(() => this.#base.set(part, rows));
    for (const change of partBeginning(part, rows, { epoch: this.#epoch, column: this.#owner.column }))
      this.#takeAlone(change, touched);
    for (const row of rows) this.refine(row.text, row);
  }

  // The document ---------------------------------------------------------------------------------------

  #applied({ change, effects }: Pending, touched: Set<string>): void {
    const generation = generationOf(change);
    const [first] = change.operations;
    if (generation !== undefined && first !== undefined) this.#noteGeneration(first.key, generation);
    this.#applyOperations(change, effects, touched);
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

  #applyOperations(change: Change, effects: RunEffects | undefined, touched: Set<string>): void {
    const roughly = roughVersion(change);
    for (const [index, { key }] of change.operations.entries()) {
      const effect = effects?.keys.get(key);
      const version =
        effect === undefined
          ? roughly
          : { origin: roughly.origin, sequence: effect.sequence, stamp: effect.stamp };
      this.#registers.apply(change, index, version);
      touched.add(key);
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
    const entry = this.#registers.standing(text);
    if (entry === undefined) return;
    const { version } = entry;
    const rough = version.origin === NOBODY || (version.origin === origin && version.sequence <= sequence);
    if (rough) this.#registers.refine(text, entry, { origin, sequence, stamp });
  }

  standing(text: string): Standing | undefined {
    const entry = this.#registers.standing(text);
    return entry === undefined ? undefined : this.#registers.show(entry);
  }

  values(text: string): readonly Standing[] {
    return this.#registers
      .of(text)
      .toSorted((one, other) => compareIds(other, one))
      .map((entry) => this.#registers.show(entry));
  }

  covers(text: string): boolean {
    return !this.#base.has(partOf(text));
  }

  keys(): Iterable<string> {
    return this.#registers.keys();
  }

  // Checkpoints ------------------------------------------------------------------------------------------

  *chunks(): Iterable<Uint8Array> {
    let writer = new ByteWriter(CHUNK_BYTES);
    for (const [kind, bytes] of this.#records()) {
      writer.byte(kind);
      writer.varint(bytes.length);
      writer.raw(bytes);
      if (writer.length < CHUNK_BYTES) continue;
      yield writer.copy();
      writer = new ByteWriter(CHUNK_BYTES);
    }
    if (writer.length > 0) yield writer.copy();
  }

  *#records(): Iterable<readonly [kind: number, bytes: Uint8Array]> {
    // Both at this moment: what waits now may be in the document before it is asked for.
    const applied = [...this.#history.changes()];
    const waiting = [...this.#history.waiting()];
    for (const bytes of applied) yield [APPLIED, bytes];
    for (const { change, beginnings } of waiting) {
      for (const { bytes } of beginnings) yield [BEGINNING_OF_WAITING, bytes];
      yield [WAITING, change.bytes];
    }
  }

  merge(chunks: readonly Uint8Array[], trusted: boolean): void {
    const records = chunks.flatMap((chunk) => [...recordsOf(chunk)]);
    if (!trusted) this.#checkForeign(records.map(({ change }) => change));
    let beginnings: Change[] = [];
    const touched = new Set<string>();
    for (const { kind, change } of records) {
      const part = beginsPart(change);
      // Another node has begun this part: so does this one, from the rows both have alike.
      if (part !== undefined) this.#enter(part, touched);
      if (kind === BEGINNING_OF_WAITING) {
        beginnings.push(change);
        continue;
      }
      this.#history.take({ change, beginnings, effects: undefined }, touched);
      beginnings = [];
    }
  }

  #checkForeign(changes: readonly Change[]): void {
    const operations = changes.reduce((sum, change) => sum + change.operations.length, 0);
    if (operations > MAX_DOCUMENT_OPERATIONS) throw malformed(`a document of ${operations} operations`);
    for (const change of changes) this.#checkForeignChange(change);
  }

  #checkForeignChange(change: Change): void {
    const origin = originOf(change.actor);
    if (!change.actor.includes(this.#epoch)) throw malformed('a change of another document');
    if (origin !== undefined) {
      if (!RUN_NAME.test(change.message)) throw malformed('a change without the name of its run');
      this.#owner.checkOrigin(origin, this.#history.has(change.hash));
    }
    for (const { key, scalar } of change.operations) {
      this.#owner.checkKey(key);
      if (scalar === undefined) continue;
      const cell = cellOf(scalar, this.#owner.column);
      if (cell === undefined) throw malformed('a change with a value of another type than the table');
      // The sum of a counter may lie outside the type's range, and is shown inside it.
      if (scalar.type !== 'counter' && this.#owner.column !== 'none') this.#owner.checkCell(cell);
    }
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
    for (const [actor, message] of this.#history.latest) {
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
    return exportDocument(
      [...this.#history.changes(), ...untouched.map(({ bytes }) => bytes)],
      [...this.#history.heads(), ...ends.map(({ hash }) => hash)],
      this.#owner.table,
    );
  }
}

/** The message of a change: sequence and stamp of its run's first operation. */
const RUN_NAME = /^[1-9][0-9]{0,15} [0-9]{1,16}$/;

function* recordsOf(chunk: Uint8Array): Iterable<{ readonly kind: number; readonly change: Change }> {
  const reader = new ByteReader(chunk);
  while (reader.remaining > 0) {
    const kind = reader.byte();
    const change = readChange(reader.raw(reader.count('bytes of a change', MAX_CHANGE_BYTES)));
    yield { kind, change };
  }
}

/** Who wrote what every node makes by itself, where the row it stood in is not known any more. */
const NOBODY = 'nobody@0';

/** The version of a change's operations as far as the change says: that of the run's first. */
function roughVersion({ actor, message }: Pick<Change, 'actor' | 'message'>): Version {
  const [sequence, stamp] = message.split(' ').map(Number);
  return { origin: originOf(actor) ?? NOBODY, sequence: sequence || 1, stamp: stamp ?? 0 };
}
