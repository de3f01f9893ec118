import { Subject } from 'rxjs';
import { malformed } from '../log/bytes.ts';
import {
  AuthorDictionary,
  Dictionary,
  MAX_DICTIONARY_KEYS,
  MAX_DICTIONARY_ORIGINS,
} from '../log/dictionary.ts';
import type { HybridClock } from '../log/hybrid-clock.ts';
import { CLEAR, DELETE, EXPIRE, type Operation, SET } from '../log/operation.ts';
import type { FinishedRun, Journal, RunAuthor } from '../log/journal.ts';
import type { Origins } from '../log/origin.ts';
import { Marks } from '../log/marks.ts';
import { type ContextEntry, type DecodedRun, RunWriter } from '../log/run.ts';
import { VersionVector } from '../log/version-vector.ts';
import type { ConflictMode, Version } from '../modes/conflict-mode.ts';
import type { Key, Schema, Value } from '../schema/index.ts';
import { Change, type ChangeKind, type Conflict, type OperationFacts, toOperation } from './change.ts';
import type { Deadlines } from './deadlines.ts';
import type { Dispatcher } from './dispatcher.ts';
import { type Dot, Rows } from './rows.ts';

/** A dictionary of this many keys is never too large to go on with. */
const CHAPTER_KEYS = 65_536;
/** How many local operations share one reading of the clock. */
const OPERATIONS_PER_STAMP = 64;
/** Removed keys are forgotten when there are more than this many and more than there are rows. */
const REMOVED_KEPT = 65_536;

/** What every projection of a node shares. */
export interface ProjectionContext {
  readonly origins: Origins;
  readonly clock: HybridClock;
  readonly dispatcher: Dispatcher;
  readonly journal: Journal;
  /** Live operations of the whole node. */
  readonly operations: Subject<Operation>;
  readonly session: number;
}

/** Where an operation stands that subscribers are told of, and what its author had seen. */
interface Live {
  readonly position: number;
  readonly context: VersionVector;
}

const NOTHING = new VersionVector();

/** What was in a slot before a write of a batch. */
interface Undo {
  readonly slot: number;
  readonly present: boolean;
  readonly value: Value;
  readonly dot: Dot;
  readonly created: number;
}

/**
 * One table: the fold of its operations into rows. Live and on replay the same code runs; what
 * subscribers see is a by-product that costs nothing while nobody subscribes.
 */
export class Projection implements RunAuthor {
  readonly schema: Schema;
  readonly rows: Rows;
  readonly store: 'memory' | 'sqlite';
  readonly changes: Subject<Change> = new Subject<Change>();
  readonly conflicts: Subject<Conflict> = new Subject<Conflict>();
  readonly held: VersionVector = new VersionVector();
  /** Per origin, what its author had seen of others when it wrote its latest operation held here. */
  readonly contexts: Map<number, VersionVector> = new Map();
  readonly dictionaries: Map<number, Dictionary> = new Map();
  readonly marks: Marks = new Marks();
  readonly #context: ProjectionContext;
  #mode: ConflictMode;
  #deadlines: Deadlines | undefined;
  #own = -1;
  #ownText = '';
  #sequence = 0;
  #author: AuthorDictionary | undefined;
  readonly #run: RunWriter;
  #running = false;
  #stamp = 0;
  #news = new Set<number>();
  #announced: ContextEntry[] = [];
  #undo: Undo[] | undefined;
  #slotKeepers = 0;

  constructor(schema: Schema, mode: ConflictMode, context: ProjectionContext) {
    this.schema = schema;
    this.rows = new Rows(schema);
    this.store = schema.backend;
    this.#mode = mode;
    this.#context = context;
    this.#run = new RunWriter(schema.column);
  }

  get mode(): ConflictMode {
    return this.#mode;
  }

  /** Origin of this node's own operations on this table. */
  get own(): number {
    return this.#own;
  }

  /** Turns expiry on; rows that are there already are taken in. */
  useDeadlines(deadlines: Deadlines): void {
    this.#deadlines = deadlines;
    for (const slot of this.rows.live.values()) deadlines.note(slot);
  }

  /** From now on this node writes as `origin`, going on after what it holds of it. */
  writeAs(origin: string, position: number): void {
    this.#own = this.#context.origins.intern(origin);
    this.#ownText = origin;
    this.#sequence = this.held.get(this.#own);
    // The dictionary of an earlier session stays until the first run, in case this life turns out to be behind.
    const before = this.dictionaries.get(this.#own);
    this.#author = new AuthorDictionary(new Dictionary(0));
    this.#author.dictionary.starts.push(...(before?.starts ?? []));
    this.#author.beginChapter((before?.chapter ?? -1) + 1, position);
    this.#news = new Set(
      Array.from(this.held.entries(), ([index]) => index).filter((index) => index !== this.#own),
    );
  }

  // Local operations ------------------------------------------------------------------------------

  /** Writes a canonical value to a slot. */
  set(slot: number, value: Value): void {
    const position = this.#context.journal.next(this);
    const run = this.#run;
    const { rows } = this;
    const present = rows.has(slot);
    const wanted = this.#wanted();
    const previous = present && wanted ? rows.value(slot) : undefined;
    if (this.#undo !== undefined) this.#remember(slot);
    const dot = this.#nextDot(run);
    run.addSet(this.#keyId(slot), this.schema.isSet ? undefined : this.schema.toColumn(value), dot.stamp);
    rows.put(slot, value, dot);
    this.#deadlines?.note(slot);
    if (wanted)
      this.#tell(present ? 'changed' : 'new', slot, previous, this.#facts(position, SET, dot, slot, value));
  }

  /** Removes a slot's row, if there is one; the operation is written either way, as in the original. */
  delete(slot: number): boolean {
    const position = this.#context.journal.next(this);
    const dot = this.#nextDot(this.#run);
    this.#run.addRemoval(DELETE, this.#keyId(slot), dot.stamp);
    return this.#takeAway(
      slot,
      'removed',
      dot,
      this.#wanted() ? this.#facts(position, DELETE, dot, slot) : undefined,
    );
  }

  /** Removes every row with one operation. */
  clear(): void {
    const position = this.#context.journal.next(this);
    const dot = this.#nextDot(this.#run);
    this.#run.addRemoval(CLEAR, 0, dot.stamp);
    this.#clearRows(dot, this.#wanted() ? this.#facts(position, CLEAR, dot) : undefined);
  }

  /** Removes a slot's row because its time is over; names the very write it expires. */
  expire(slot: number): void {
    const position = this.#context.journal.next(this);
    const { rows } = this;
    const origin = rows.origin(slot);
    const write = { origin: this.#originId(origin), sequence: rows.sequence(slot) };
    const dot = this.#nextDot(this.#run);
    this.#run.addExpire(this.#keyId(slot), write, dot.stamp);
    this.#takeAway(
      slot,
      'expired',
      dot,
      this.#wanted() ? this.#facts(position, EXPIRE, dot, slot) : undefined,
    );
  }

  #nextDot(run: RunWriter): Dot {
    if (run.count % OPERATIONS_PER_STAMP === 0) this.#stamp = this.#context.clock.stamp();
    return { origin: this.#own, sequence: ++this.#sequence, stamp: this.#stamp };
  }

  #keyId(slot: number): number {
    return (this.#author as AuthorDictionary).keyId(slot, this.rows.text(slot), this.#run);
  }

  #originId(origin: number): number {
    return (this.#author as AuthorDictionary).originId(
      origin,
      this.#context.origins.at(origin).text,
      this.#run,
    );
  }

  // Runs of this node ------------------------------------------------------------------------------

  get runFull(): boolean {
    return this.#run.full;
  }

  get runCharacters(): number {
    return this.#run.characters;
  }

  beginRun(position: number): void {
    const author = this.#author as AuthorDictionary;
    const { dictionary } = author;
    if (dictionary.size > Math.max(CHAPTER_KEYS, 2 * this.rows.live.size)) {
      author.beginChapter(dictionary.chapter + 1, position);
    }
    this.dictionaries.set(this.#own, dictionary);
    this.#announced = [];
    this.marks.note(this.#own, this.#sequence + 1, position);
    this.#run.begin(this.#sequence + 1, dictionary.state, this.#announced);
    for (const origin of this.#news) {
      this.#announced.push({ origin: this.#originId(origin), sequence: this.held.get(origin) });
    }
    this.#running = true;
  }

  finishRun(): FinishedRun {
    const run = this.#run;
    this.#running = false;
    this.held.advance(this.#own, this.#sequence);
    const seen = this.#contextOf(this.#own);
    for (const origin of this.#news) seen.advance(origin, this.held.get(origin));
    this.#news.clear();
    const bytes = run.encode(this.schema.name, this.#ownText, this.#context.session);
    const { firstSequence, count } = run;
    return { table: this.schema.name, origin: this.#ownText, firstSequence, count, bytes };
  }

  discardRuns(firstSequence: number | undefined): void {
    this.#running = false;
    this.#sequence = (firstSequence ?? this.#run.firstSequence) - 1;
    this.held.set(this.#own, this.#sequence);
    // What the forgotten runs told of others has reached nobody: the next run tells it again.
    for (const [origin] of this.held.entries()) this.noteSeen(origin);
    const author = this.#author as AuthorDictionary;
    author.beginChapter(author.dictionary.chapter + 1, author.dictionary.starts.at(-1)?.position ?? 0);
  }

  /** What is held of each origin, own operations included that are not in a finished run yet. */
  vector(): VersionVector {
    if (this.#own >= 0) this.held.advance(this.#own, this.#sequence);
    return this.held;
  }

  // Undo, for batches ------------------------------------------------------------------------------

  beginUndo(): void {
    this.#undo = [];
  }

  endUndo(): void {
    this.#undo = undefined;
  }

  /** Puts every row back to where it was at {@link beginUndo}. A row that comes back is last in iteration. */
  undo(): void {
    for (const { slot, present, value, dot, created } of (this.#undo ?? []).reverse()) {
      if (present) {
        this.rows.put(slot, value, dot);
        this.rows.setCreated(slot, created);
      } else {
        this.rows.remove(slot, dot);
      }
      this.#deadlines?.note(slot);
    }
    this.#undo = undefined;
  }

  #remember(slot: number): void {
    const { rows } = this;
    const dot = { origin: rows.origin(slot), sequence: rows.sequence(slot), stamp: rows.stamp(slot) };
    this.#undo?.push({
      slot,
      present: rows.has(slot),
      value: rows.value(slot),
      dot,
      created: rows.expiryBase(slot),
    });
  }

  // Runs of others, and replay --------------------------------------------------------------------

  /** How many of a run's first operations are held already; undefined when one before it is missing. */
  overlap(
    run: { readonly firstSequence: number; readonly count: number },
    origin: number,
  ): number | undefined {
    const held = this.vector().get(origin);
    if (run.firstSequence > held + 1) return undefined;
    return Math.min(run.count, held - run.firstSequence + 1);
  }

  /** Checks a run from elsewhere against schema and dictionaries, changing nothing. Throws `OPERATION_INVALID`. */
  check(run: DecodedRun, origin: number): void {
    const dictionary = this.dictionaries.get(origin);
    const continues = dictionary !== undefined && dictionary.chapter === run.state.chapter;
    const known = continues ? dictionary.size : 0;
    const knownOrigins = continues ? dictionary.origins.length : 0;
    if (run.state.keys > known || run.state.origins > knownOrigins) {
      throw malformed(`a run of ${run.origin} that refers to ${run.state.keys} keys, ${known} are known`);
    }
    const size = run.state.keys + run.newKeys.length;
    const originCount = run.state.origins + run.newOrigins.length;
    if (size > MAX_DICTIONARY_KEYS || originCount > MAX_DICTIONARY_ORIGINS)
      throw malformed('a dictionary too large');
    for (const text of run.newKeys) this.schema.checkKeyText(text);
    for (const text of run.newOrigins) this.#context.origins.intern(text);
    for (let index = 0; index < run.count; index++) {
      const clears = run.kinds?.[index] === CLEAR;
      if ((run.ids[index] as number) >= size && !clears)
        throw malformed(`key number ${run.ids[index]} of ${size}`);
    }
    for (const entry of run.context)
      if (entry.origin >= originCount) throw malformed(`origin number ${entry.origin}`);
    for (let index = 0; index < run.expired.length; index += 2) {
      if ((run.expired[index] as number) >= originCount)
        throw malformed(`origin number ${run.expired[index]}`);
    }
    for (const cell of run.values.numbers ?? run.values.cells ?? []) this.schema.checkCell(cell);
  }

  /**
   * Folds the operations of a checked run from index `skip` up to `end` (by default all) into the
   * rows. `position` is that of the first operation applied; unless `live`, nobody is told.
   */
  apply(
    run: DecodedRun,
    skip: number,
    at: { readonly position: number; readonly live: boolean; readonly end?: number | undefined },
  ): void {
    const { origins, clock } = this.#context;
    const origin = origins.intern(run.origin);
    const dictionary = this.#learn(run, origin, at.position);
    const context = this.#contextOf(origin);
    for (const entry of run.context)
      context.advance(dictionary.origins[entry.origin] as number, entry.sequence);
    clock.observe(run.stamps?.[run.count - 1] ?? run.firstStamp);
    const end = at.end ?? run.count;
    this.marks.note(origin, run.firstSequence, at.position);
    this.#fold(run, skip, { position: at.position, live: at.live, end, origin, dictionary, context });
    this.held.advance(origin, run.firstSequence + end - 1);
    if (origin !== this.#own) this.#news.add(origin);
  }

  #learn(run: DecodedRun, origin: number, position: number): Dictionary {
    let dictionary = this.dictionaries.get(origin);
    if (dictionary === undefined || dictionary.chapter !== run.state.chapter) {
      dictionary ??= new Dictionary(run.state.chapter);
      dictionary.beginChapter(run.state.chapter, position);
      this.dictionaries.set(origin, dictionary);
    }
    for (let index = dictionary.origins.length - run.state.origins; index < run.newOrigins.length; index++) {
      dictionary.origins.push(this.#context.origins.intern(run.newOrigins[index] as string));
    }
    for (let index = dictionary.size - run.state.keys; index < run.newKeys.length; index++) {
      dictionary.addKey(this.rows.slotOf(run.newKeys[index] as string));
    }
    return dictionary;
  }

  #fold(
    run: DecodedRun,
    skip: number,
    on: {
      position: number;
      live: boolean;
      end: number;
      origin: number;
      dictionary: Dictionary;
      context: VersionVector;
    },
  ): void {
    const { ids, kinds, stamps } = run;
    const cells = run.values.numbers ?? run.values.cells ?? [];
    const asIs = this.schema.isSet || run.values.numbers !== undefined;
    let cellAt = 0;
    let expiredAt = 0;
    for (let index = 0; index < on.end; index++) {
      const kind = kinds === undefined ? SET : (kinds[index] as number);
      const cell = kind === SET && !this.schema.isSet ? cells[cellAt++] : undefined;
      const names = kind === EXPIRE ? expiredAt : -1;
      if (kind === EXPIRE) expiredAt += 2;
      if (index < skip) continue;
      const stamp = stamps === undefined ? run.firstStamp : (stamps[index] as number);
      const dot = { origin: on.origin, sequence: run.firstSequence + index, stamp };
      const slot = kind === CLEAR ? -1 : on.dictionary.slot(ids[index] as number);
      const value = asIs || cell === undefined ? (cell as Value) : this.schema.fromColumn(cell);
      if (kind === EXPIRE) {
        const write = {
          origin: on.dictionary.origins[run.expired[names] as number] as number,
          sequence: run.expired[names + 1] as number,
        };
        this.#applyExpire(slot, write, dot, on.live ? on.position + index - skip : undefined);
      } else {
        this.#applyOne(
          kind,
          slot,
          value,
          dot,
          on.live ? { ...on, position: on.position + index - skip } : undefined,
        );
      }
    }
  }

  #applyOne(kind: number, slot: number, value: Value, dot: Dot, live: Live | undefined): void {
    if (live === undefined) {
      if (kind === SET) this.#write(slot, value, dot);
      else if (kind === DELETE) this.#takeAway(slot, 'removed', dot, undefined);
      else this.#clearRows(dot, undefined);
      return;
    }
    const facts = this.#facts(live.position, kind, dot, slot, value);
    if (kind === CLEAR) {
      if (this.conflicts.observed)
        for (const each of this.rows.live.values()) this.#reportUnseen(each, facts, live.context);
      this.#clearRows(dot, facts);
      return;
    }
    const { rows } = this;
    const present = rows.has(slot);
    if (present && this.conflicts.observed) this.#reportUnseen(slot, facts, live.context);
    if (kind === DELETE) {
      this.#takeAway(slot, 'removed', dot, facts);
      return;
    }
    const previous = present ? rows.value(slot) : undefined;
    this.#write(slot, value, dot);
    this.#tell(present ? 'changed' : 'new', slot, previous, facts);
  }

  #write(slot: number, value: Value, dot: Dot): void {
    if (!this.#takesEffect(slot, dot)) return;
    this.rows.put(slot, value, dot);
    this.#deadlines?.note(slot);
  }

  #takesEffect(slot: number, dot: Dot): boolean {
    if (!this.#mode.comparesVersions || this.rows.sequence(slot) === 0) return true;
    const { rows } = this;
    const present = { origin: rows.origin(slot), sequence: rows.sequence(slot), stamp: rows.stamp(slot) };
    return this.#mode.supersedes(this.#version(dot), this.#version(present));
  }

  #version(dot: Dot): Version {
    return { stamp: dot.stamp, origin: this.#context.origins.at(dot.origin).text, sequence: dot.sequence };
  }

  #applyExpire(
    slot: number,
    write: { origin: number; sequence: number },
    dot: Dot,
    position: number | undefined,
  ): void {
    const { rows } = this;
    const facts = position === undefined ? undefined : this.#facts(position, EXPIRE, dot, slot);
    if (!rows.has(slot) || rows.origin(slot) !== write.origin || rows.sequence(slot) !== write.sequence) {
      if (facts !== undefined) this.#tellLog(facts);
      return;
    }
    this.#takeAway(slot, 'expired', dot, facts);
  }

  // Removal, and telling -------------------------------------------------------------------------

  #takeAway(slot: number, kind: ChangeKind, dot: Dot, facts: OperationFacts | undefined): boolean {
    const { rows } = this;
    const present = rows.has(slot);
    if (this.#undo !== undefined) this.#remember(slot);
    const previous = rows.value(slot);
    if (this.#takesEffect(slot, dot)) rows.remove(slot, dot);
    if (facts === undefined) return present;
    this.#tellLog(facts);
    if (present && !rows.has(slot)) this.#tellChange(kind, slot, previous, facts);
    return present;
  }

  #clearRows(dot: Dot, facts: OperationFacts | undefined): void {
    if (facts !== undefined) this.#tellLog(facts);
    for (const slot of [...this.rows.live.values()]) {
      if (this.#undo !== undefined) this.#remember(slot);
      const previous = this.rows.value(slot);
      this.rows.remove(slot, dot);
      if (facts !== undefined) this.#tellChange('cleared', slot, previous, facts);
    }
  }

  #wanted(): boolean {
    return this.changes.observed || this.#context.operations.observed;
  }

  #facts(position: number, kind: number, dot: Dot, slot = -1, value: Value = undefined): OperationFacts {
    return {
      position,
      table: this.schema.name,
      origin: dot.origin === this.#own ? this.#ownText : this.#context.origins.at(dot.origin).text,
      sequence: dot.sequence,
      kind,
      key: slot < 0 ? undefined : this.rows.key(slot),
      value,
      stamp: dot.stamp,
    };
  }

  #tell(kind: ChangeKind, slot: number, previous: Value, facts: OperationFacts): void {
    this.#tellLog(facts);
    this.#tellChange(kind, slot, previous, facts);
  }

  #tellLog(facts: OperationFacts): void {
    const { operations, dispatcher } = this.#context;
    if (operations.observed) dispatcher.emit(operations, toOperation(facts));
  }

  #tellChange(kind: ChangeKind, slot: number, previous: Value, facts: OperationFacts): void {
    if (!this.changes.observed) return;
    const row = { key: this.rows.key(slot), value: facts.value, previous };
    this.#context.dispatcher.emit(this.changes, new Change(kind, row, facts));
  }

  #reportUnseen(slot: number, facts: OperationFacts, context: VersionVector): void {
    const { rows } = this;
    const origin = rows.origin(slot);
    const author = this.#context.origins.at(origin).text;
    if (author === facts.origin || context.get(origin) >= rows.sequence(slot)) return;
    const incoming = { value: facts.value, origin: facts.origin, sequence: facts.sequence };
    const standing = { value: rows.value(slot), origin: author, sequence: rows.sequence(slot) };
    const conflict = {
      table: facts.table,
      key: rows.key(slot),
      kept: incoming,
      lost: standing,
      operation: toOperation(facts),
    };
    this.#context.dispatcher.emit(this.conflicts, conflict);
  }

  #contextOf(origin: number): VersionVector {
    const known = this.contexts.get(origin);
    if (known !== undefined) return known;
    const context = new VersionVector();
    this.contexts.set(origin, context);
    return context;
  }

  /** Puts a row of a checkpoint in place; tells of it when `live` says where it stands in the log. */
  adoptRow(slot: number, row: { value: Value; dot: Dot; created: number }, live: Live | undefined): void {
    const { rows } = this;
    const present = rows.has(slot);
    const previous = rows.value(slot);
    const facts = live === undefined ? undefined : this.#facts(live.position, SET, row.dot, slot, row.value);
    if (facts !== undefined && present && this.conflicts.observed)
      this.#reportUnseen(slot, facts, live?.context ?? NOTHING);
    rows.put(slot, row.value, row.dot);
    rows.setCreated(slot, row.created);
    this.#deadlines?.note(slot);
    if (facts !== undefined) this.#tell(present ? 'changed' : 'new', slot, previous, facts);
  }

  /** Takes away a row that a checkpoint says is gone. */
  adoptRemoval(slot: number, dot: Dot, live: Live | undefined): void {
    const present = this.rows.has(slot);
    const previous = this.rows.value(slot);
    this.rows.remove(slot, dot);
    if (live === undefined) return;
    const facts = this.#facts(live.position, DELETE, dot, slot);
    this.#tellLog(facts);
    if (present) this.#tellChange('removed', slot, previous, facts);
  }

  /** Whether a version would take effect on what a slot holds. */
  accepts(slot: number, dot: Dot): boolean {
    return this.#takesEffect(slot, dot);
  }

  /** What an origin's author is known to have seen. */
  contextOf(origin: number): VersionVector {
    return this.#contextOf(origin);
  }

  /** Notes that a checkpoint raised what is held of an origin, so that the next run tells others. */
  noteSeen(origin: number): void {
    if (origin !== this.#own) this.#news.add(origin);
  }

  // Housekeeping -----------------------------------------------------------------------------------

  /** Keeps slots as they are numbered until the returned function is called. */
  keepSlots(): () => void {
    this.#slotKeepers++;
    return () => {
      this.#slotKeepers--;
    };
  }

  /** Forgets removed keys that nothing refers to any more, when they have become many. Not inside a run. */
  compact(): void {
    const { rows } = this;
    if (
      this.#running ||
      this.#slotKeepers > 0 ||
      rows.removedCount < REMOVED_KEPT ||
      rows.removedCount < rows.live.size
    )
      return;
    const referenced = new Uint8Array(rows.slots);
    for (const dictionary of this.dictionaries.values()) dictionary.mark(referenced);
    const renumbered = rows.compact(referenced);
    for (const dictionary of this.dictionaries.values()) {
      if (dictionary !== this.#author?.dictionary) dictionary.renumber(renumbered);
    }
    this.#author?.renumber(renumbered);
    this.#deadlines?.renumber(renumbered);
  }

  /** User form of a slot's key. */
  keyAt(slot: number): Key {
    return this.rows.key(slot);
  }
}
