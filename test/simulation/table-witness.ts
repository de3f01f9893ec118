import type { Change, Conflict, MapTable, Operation, Table } from '../../src/index.ts';
import { type ModelRow, textOf } from '../support/naive-model.ts';
import { type Ledger, type Seen, type Written, nameOf } from './ledger.ts';
import type { WorldTable } from './world.ts';

/** What every witness of a world knows. */
export interface Surroundings {
  readonly ledger: Ledger;
  readonly tables: Readonly<Record<string, WorldTable>>;
  /** Nodes whose disk was put back to an earlier state, and those of them that wrote before they met a peer. */
  readonly restored: Set<string>;
  readonly forked: Set<string>;
  /** Whether nodes forget the oldest part of their durable log. */
  readonly trims: boolean;
  /** Whether nodes may start from checkpoints of their own. */
  readonly checkpoints: boolean;
  /** Whether a user is writing at this moment. */
  userWrites: boolean;
  count(what: string): void;
  /** Says what is wrong, from where nothing can be thrown. */
  fail(error: unknown): void;
}

type Version = Pick<Operation, 'origin' | 'sequence'>;

/** An operation that a node told of, and how things were then. */
export interface Told {
  readonly operation: Operation;
  /** Whether it was in the log already when the node started. */
  readonly old: boolean;
  /** Whether a user was writing. */
  readonly byUser: boolean;
}

/** Follows one table on one node through one life, and says what should be there. */
export class TableWitness {
  readonly table: Table;
  readonly #id: string;
  readonly #around: Surroundings;
  readonly #ledger: Ledger;
  /** Whether the rows follow from the log alone, by the rules of `naive`. */
  readonly exact: boolean;
  readonly #rows = new Map<string, ModelRow>();
  /** What took away a key's row last, for keys without one. */
  readonly #removals = new Map<string, Version>();
  #latestClear: Version | undefined;
  /** Per name the operation that stands for it here: a name may stand for another one elsewhere. */
  readonly #here = new Map<string, Operation>();
  /** Per key the operations that touched it, in the order of this node's log; `undefined` for clear. */
  readonly #touched: {
    readonly text: string | undefined;
    readonly name: string;
    readonly position: number;
  }[] = [];
  readonly #reportedAt: { readonly text: string; readonly position: number }[] = [];
  readonly #byChanges = new Map<string, unknown>();
  readonly #last = new Map<string, number>();
  /** What those had seen whose operations are here: it may come behind them. */
  readonly #past = new Map<string, number>();
  readonly #expiredAhead = new Set<string>();
  readonly #expected: string[] = [];
  /** Those of {@link #expected} in which a removal is lost, no row: a checkpoint of a naive table forgets removals. */
  readonly #removalsLost = new Set<string>();
  /** Per entry of {@link #removalsLost}, what may be told where the removal is forgotten: a later one stands. */
  readonly #othersInstead = new Map<string, readonly string[]>();
  /** Per key without a row everything that removed it since it had one, and the same of the whole table. */
  readonly #removers = new Map<string, Version[]>();
  readonly #clears: Version[] = [];
  readonly #reported: string[] = [];
  /** Keys whose row was removed before this life, which a checkpoint of a naive table forgets; and whether a clear was. */
  readonly #removedBefore = new Set<string>();
  #clearedBefore = false;
  /** What may be told of removals that removed nothing, where the one that did was seen by the write and is forgotten here. */
  readonly #toldInstead = new Set<string>();
  #inexact = false;
  /** Whether an expiry was found that its author never told of: it cannot be known which write it names. */
  #unclear = false;
  /** Whether a checkpoint was taken over: from then on the stream of operations has holes. */
  adopted = false;
  /** Whether everything up to now was there when the node started. */
  loading = true;
  /** Whether a user wrote what is looked at. */
  #byUser = false;

  constructor(id: string, table: Table, around: Surroundings) {
    this.#id = id;
    this.table = table;
    this.#around = around;
    this.#ledger = around.ledger;
    const { declaration, switched } = around.tables[table.name] as WorldTable;
    const trims = around.trims && declaration.backend === 'sqlite';
    this.exact = declaration.mode === 'naive' && !switched && !trims;
    for (const [key, value] of entriesOf(table)) this.#byChanges.set(textOf(key), value);
    table.changes.subscribe((change) => this.#change(change));
    table.conflicts.subscribe((conflict) => this.#conflict(conflict));
  }

  #change({ kind, key, value, previous }: Change<unknown, unknown>): void {
    const text = textOf(key);
    const present = this.#byChanges.has(text);
    if (present === (kind === 'new'))
      throw this.#wrong(`${kind} of ${text}, which was ${present ? '' : 'not '}there`);
    if (present && textOf(previous) !== textOf(this.#byChanges.get(text)))
      throw this.#wrong(
        `${kind} of ${text} from ${textOf(previous)}, not ${textOf(this.#byChanges.get(text))}`,
      );
    if (kind === 'new' || kind === 'changed') this.#byChanges.set(text, value);
    else this.#byChanges.delete(text);
  }

  #conflict({ key, kept, lost, operation }: Conflict<unknown, unknown>): void {
    this.#ledger.reported.add(`${this.table.name} ${textOf(key)}`);
    const by = nameOf({ table: this.table.name, origin: kept.origin, sequence: kept.sequence });
    if (this.exact && by !== nameOf(operation))
      throw this.#wrong(`a conflict kept ${by} because of ${nameOf(operation)}`);
    this.#reportedAt.push({ text: textOf(key), position: operation.position });
    this.#reported.push(`${textOf(key)}: ${by} over ${lost.origin} ${lost.sequence}`);
  }

  /** The next operation of the node's log. */
  operation({ operation, old, byUser }: Told): void {
    this.loading = old;
    this.#byUser = byUser;
    const { origin, sequence } = operation;
    const last = this.#last.get(origin) ?? 0;
    if (!this.adopted && sequence !== last + 1) {
      throw this.#wrong(`${nameOf(operation)} came after ${last} of that origin`);
    }
    const own = origin.startsWith(`${this.#id}@`);
    const written =
      own && !this.loading && this.#isNew(operation)
        ? this.#wrote(operation)
        : this.#ledger.found(operation, own ? 'author' : 'other', this.#exactNames);
    this.#last.set(origin, Math.max(last, sequence));
    if (written?.seen !== undefined) merge(this.#past, written.seen);
    this.#here.set(`${origin} ${sequence}`, operation);
    if (this.exact) this.#apply(operation, written);
    else this.#touch(operation);
  }

  /** Whether this node has just written an operation, rather than got it back. */
  #isNew(operation: Operation): boolean {
    if (!this.#ledger.hasSpread(operation)) return true;
    // Rows of a checkpoint go by the names of the writes they come from, and may be their sum.
    return this.#around.restored.has(this.#id) && this.#isWritten && !this.#ledger.isKnown(operation);
  }

  /** Whether an operation told now cannot have come with a checkpoint. */
  get #isWritten(): boolean {
    return !this.adopted || this.#byUser;
  }

  /** Whether what a checkpoint brings stands in the log exactly as it was written. */
  get #exactNames(): boolean {
    return this.exact || !this.adopted;
  }

  #wrote(operation: Operation): undefined {
    const { kind } = operation;
    const row = kind === 'expire' ? this.#rows.get(textOf(operation.key)) : undefined;
    const byUser = this.#byUser;
    const elsewhere =
      this.#ledger.hasSpread(operation) || (this.#isWritten && this.#ledger.isSummedUp(operation));
    const about = {
      seen: this.adopted ? undefined : this.#seen,
      names: row === undefined ? undefined : `${row.origin} ${row.sequence}`,
      byUser,
    };
    const restored = this.#around.restored.has(this.#id);
    if (restored && elsewhere) {
      this.#around.forked.add(this.#id);
      this.#ledger.writeAgain(operation, about);
      return undefined;
    }
    if (!byUser && kind !== 'expire' && kind !== 'switch') this.#around.count('carried over');
    this.#ledger.write(operation, about, restored ? 'copied' : 'only');
    return undefined;
  }

  /** What the author of a write made now has seen. */
  get #seen(): Seen {
    return this.table.mode === 'automerge'
      ? this.#ledger.shown(this.table.name, this.#last)
      : merge(new Map(this.#last), this.#past);
  }

  #apply(operation: Operation, written: Written | undefined): void {
    const { kind, key, value, origin, sequence } = operation;
    const text = textOf(key);
    // It changes no row.
    if (kind === 'touch') return;
    if (kind === 'expire') return this.#expire(text, written);
    if (kind === 'clear') return this.#clear(operation, written);
    if (this.#isOvertaken(text, operation)) return;
    this.#touch(operation);
    this.#judge(text, operation, written);
    // A removal of what is removed hides nothing that its author had not seen.
    const hides = kind === 'delete' && !this.#rows.has(text);
    if (!hides || !this.#isUnseen(this.#removals.get(text), operation, written))
      this.#removals.set(text, operation);
    if (kind === 'delete') this.#removers.set(text, [...(this.#removers.get(text) ?? []), operation]);
    else this.#removers.delete(text);
    if (kind !== 'delete') this.#removedBefore.delete(text);
    else if (this.loading) this.#removedBefore.add(text);
    if (kind === 'delete' || this.#expiredAhead.delete(`${origin} ${sequence}`)) this.#rows.delete(text);
    else this.#rows.set(text, { key, value, origin, sequence });
  }

  #clear(operation: Operation, written: Written | undefined): void {
    this.#touch(operation);
    this.#clears.push(operation);
    if (this.loading) this.#clearedBefore = true;
    for (const each of this.#rows.keys()) {
      if (this.#isOvertaken(each, operation)) continue;
      this.#judge(each, operation, written);
      this.#removals.set(each, operation);
      this.#rows.delete(each);
    }
    if (!this.#isUnseen(this.#latestClear, operation, written)) this.#latestClear = operation;
  }

  /** Whether what stands under a key, or took its row away, had been written by somebody who had seen an operation. */
  #isOvertaken(text: string, { origin, sequence }: Version): boolean {
    const row = this.#rows.get(text);
    const standing = row === undefined ? [this.#removals.get(text), this.#latestClear] : [row];
    return standing.some((version) => {
      if (version === undefined || version.origin === origin) return false;
      const seen = this.#ledger.seenBy(this.#here.get(`${version.origin} ${version.sequence}`));
      if (seen === undefined) this.#unclear = true;
      return (seen?.get(origin) ?? 0) >= sequence;
    });
  }

  #touch({ kind, key, table, origin, sequence, position }: Operation): void {
    const text = kind === 'clear' || kind === 'switch' ? undefined : textOf(key);
    this.#touched.push({ text, name: nameOf({ table, origin, sequence }), position });
  }

  #expire(text: string, written: Written | undefined): void {
    const row = this.#rows.get(text);
    if (written === undefined) {
      this.#rows.delete(text);
      return;
    }
    const { names = '' } = written;
    if (names === '') this.#unclear = true;
    if (row !== undefined && `${row.origin} ${row.sequence}` === names) this.#rows.delete(text);
    const [origin = '', sequence = ''] = names.split(' ');
    if ((this.#last.get(origin) ?? 0) < Number(sequence)) this.#expiredAhead.add(names);
  }

  #isUnseen(version: Version | undefined, { origin }: Version, written: Written | undefined): boolean {
    if (version === undefined || written === undefined || version.origin === origin) return false;
    if (written.seen === undefined) this.#inexact = true;
    return (written.seen?.get(version.origin) ?? 0) < version.sequence;
  }

  /** Notes the conflict that an operation of another node should cause. */
  #judge(text: string, operation: Operation, written: Written | undefined): void {
    if (written === undefined || this.loading) return;
    const row = this.#rows.get(text);
    const unseen = (version: Version | undefined): boolean => this.#isUnseen(version, operation, written);
    const overwritten = operation.kind === 'set' ? [this.#removals.get(text), this.#latestClear] : [];
    const lost = (row === undefined ? overwritten : [row]).find(unseen);
    const over = (version: Version): string =>
      `${text}: ${nameOf(operation)} over ${version.origin} ${version.sequence}`;
    const others = [...(this.#removers.get(text) ?? []), ...this.#clears];
    const instead = (): string[] => others.filter((other) => other !== lost && unseen(other)).map(over);
    if (lost === undefined) {
      const isForgotten = row === undefined && (this.#clearedBefore || this.#removedBefore.has(text));
      if (isForgotten && operation.kind === 'set') for (const each of instead()) this.#toldInstead.add(each);
      return;
    }
    const expected = over(lost);
    this.#expected.push(expected);
    if (row !== undefined) return;
    this.#removalsLost.add(expected);
    this.#othersInstead.set(expected, instead());
  }

  /** Where the last operation on a key stands here, and which it was. */
  lastTouch(text: string): { readonly name: string; readonly position: number } | undefined {
    return this.#touched.findLast((touch) => touch.text === undefined || touch.text === text);
  }

  /** Whether a conflict on a key was reported here after an operation took its place. */
  reportedAfter(text: string, name: string): boolean {
    const position = this.#touched.find((touch) => touch.name === name)?.position ?? 0;
    return this.#reportedAt.some((report) => report.text === text && report.position > position);
  }

  /** The highest sequence of an origin that was told of here. */
  heldOf(origin: string): number {
    return this.#last.get(origin) ?? 0;
  }

  /** What can be looked at after every step. */
  glance(): void {
    if (this.table.size !== this.#byChanges.size)
      throw this.#wrong(`${this.table.size} rows, ${this.#byChanges.size} by the changes told`);
  }

  /** Compares rows, changes and conflicts with what they should be. */
  check(): void {
    const live = entriesOf(this.table).map(([key, value]) => `${textOf(key)} ${textOf(value)}`);
    const model = Array.from(this.#rows.values(), ({ key, value }) => `${textOf(key)} ${textOf(value)}`);
    if (this.exact && !this.#unclear) this.#same('rows, by the log', live, model);
    const changed = Array.from(this.#byChanges, ([key, value]) => `${key} ${textOf(value)}`);
    this.#same('rows, by the changes', live, changed);
    const exact = this.exact && !this.#unclear && !this.adopted;
    if (exact && !this.#inexact) this.#checkConflicts();
  }

  #checkConflicts(): void {
    if (!this.#around.checkpoints) return this.#same('conflicts', this.#reported, this.#expected);
    const told = new Set(this.#reported);
    const forgotten = this.#expected.filter((each) => this.#removalsLost.has(each) && !told.has(each));
    const instead = new Set(forgotten.flatMap((each) => this.#othersInstead.get(each) ?? []));
    const reported = this.#reported.filter((each) => !instead.has(each) && !this.#toldInstead.has(each));
    this.#same('conflicts', [...reported, ...forgotten], this.#expected);
  }

  #same(what: string, found: readonly string[], expected: readonly string[]): void {
    const [one, other] = [found, expected].map((list) => list.toSorted().join('\n'));
    if (one !== other) throw this.#wrong(`${what}:\nfound\n${one}\nexpected\n${other}`);
  }

  #wrong(what: string): Error {
    return new Error(`${this.#id}, table ${this.table.name}: ${what}`);
  }
}

/** Puts the highest of both into the first. */
function merge(seen: Map<string, number>, more: Seen): Map<string, number> {
  for (const [origin, sequence] of more) if ((seen.get(origin) ?? 0) < sequence) seen.set(origin, sequence);
  return seen;
}

/** Keys and values of any table; undefined values for a set. */
export function entriesOf(table: Table): [unknown, unknown][] {
  const entries = [...(table as MapTable).entries()];
  return table.declaration.value === undefined ? entries.map(([key]) => [key, undefined]) : entries;
}
