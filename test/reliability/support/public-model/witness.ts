import type { Change, Operation, Table, TableNode } from '../../../../src/index.ts';
import { textOf } from './kinds.ts';
import { difference } from './table-model.ts';

/** What names an operation everywhere. */
export type OperationName = Pick<Operation, 'table' | 'origin' | 'sequence'>;

type AnyTable = Table & Iterable<unknown>;

/** The rows of a table by the texts of their keys. */
export function rowsOf(table: Table): Map<string, unknown> {
  if (table.declaration.value === undefined)
    return new Map(Array.from(table.keys(), (key) => [textOf(key), undefined]));
  return new Map(
    Array.from(table as AnyTable as Iterable<[unknown, unknown]>, ([key, value]) => [textOf(key), value]),
  );
}

/** Follows everything that one life of a node tells: changes, which must fit each other, conflicts and operations. */
export class Witness {
  readonly node: TableNode;
  /** Operations told as they happened, and where the log stood before. */
  readonly live: Operation[] = [];
  readonly since: number;
  changes = 0;
  readonly #folded = new Map<string, Map<string, unknown>>();
  /** By table and origin, the highest sequence that was seen. */
  readonly #seen = new Map<string, number>();
  readonly #problems: string[] = [];
  readonly #conflicts: { readonly table: string; readonly key: string; readonly by: string }[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(node: TableNode, tables: readonly Table[]) {
    this.node = node;
    this.since = node.log.position;
    for (const table of tables) this.#follow(table);
    node.events.subscribe(() => this.#wake());
    node.log.operations({ after: this.since }).subscribe((operation) => this.#operation(operation));
  }

  #follow(table: Table): void {
    const { name } = table;
    const rows = rowsOf(table);
    this.#folded.set(name, rows);
    table.changes.subscribe((change) => {
      this.#fold(name, rows, change);
      this.#wake();
    });
    table.conflicts.subscribe(({ key, kept }) =>
      this.#conflicts.push({ table: name, key: textOf(key), by: kept.origin }),
    );
  }

  #fold(
    table: string,
    rows: Map<string, unknown>,
    { kind, key, value, previous }: Change<unknown, unknown>,
  ): void {
    this.changes++;
    const text = textOf(key);
    const isThere = rows.has(text);
    if ((kind === 'new') === isThere)
      this.#say(`${table} tells ${kind} of ${text}, ${isThere ? 'there' : 'not there'}`);
    if (textOf(rows.get(text)) !== textOf(previous))
      this.#say(`${table} tells that ${text} was ${textOf(previous)}, not ${textOf(rows.get(text))}`);
    if (kind === 'new' || kind === 'changed') rows.set(text, value);
    else rows.delete(text);
  }

  #operation(operation: Operation): void {
    this.live.push(operation);
    this.note(operation);
    this.#wake();
  }

  /** Takes in an operation that the log held already. */
  note({ table, origin, sequence }: Operation): void {
    const name = `${table} ${origin}`;
    this.#seen.set(name, Math.max(sequence, this.#seen.get(name) ?? 0));
  }

  hasSeen({ table, origin, sequence }: OperationName): boolean {
    return (this.#seen.get(`${table} ${origin}`) ?? 0) >= sequence;
  }

  /** Whether a life has two later ones in a table: what it had seen need not be known any more. */
  #isLongOver(table: string, life: string): boolean {
    const ofNode = `${table} ${life.slice(0, life.indexOf('@') + 1)}`;
    // Epochs are times of one length, and so are their texts.
    const later = [...this.#seen.keys()].filter(
      (name) => name.startsWith(ofNode) && name > `${table} ${life}`,
    );
    return later.length >= 2;
  }

  #say(problem: string): void {
    this.#problems.push(`${this.node.id}: ${problem}`);
  }

  /** Afterwards: others may be told of the same. */
  #wake(): void {
    if (this.#waiting.size > 0)
      queueMicrotask(() => {
        for (const look of this.#waiting) look();
      });
  }

  /** Resolves as soon as something holds, looked at whenever anything is told; false after so many milliseconds. */
  async until(holds: () => boolean, timeoutMs: number): Promise<boolean> {
    if (holds()) return true;
    return new Promise((resolve) => {
      const end = (result: boolean): void => {
        this.#waiting.delete(look);
        clearTimeout(timer);
        resolve(result);
      };
      const look = (): void => {
        if (holds()) end(true);
      };
      const timer = setTimeout(() => end(holds()), timeoutMs);
      this.#waiting.add(look);
    });
  }

  /** What was told wrongly so far; a conflict on a key that nobody contested counts. */
  problems(isContested: (table: string, key: string) => boolean): string[] {
    for (const { table, key, by } of this.#conflicts.splice(0))
      if (!isContested(table, key) && !this.#isLongOver(table, by))
        this.#say(`${table} tells of a conflict on ${key}, which one node wrote at a time`);
    for (const [name, folded] of this.#folded) {
      const differs = difference(folded, rowsOf(this.node.tables.get(name) as Table));
      if (differs !== undefined)
        this.#say(`the changes of ${name} add up to other rows than it has: ${differs}`);
    }
    return this.#problems.splice(0);
  }
}
