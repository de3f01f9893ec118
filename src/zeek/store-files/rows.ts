/** Rows of Zeek's files: the type of their table, and those that cannot be read. */
import { isTablecastError, TablecastError } from '../../errors.ts';
import {
  compileZeekTable,
  declarationOf,
  type DerivedDeclaration,
  type ZeekTable,
} from '../protocol/zeek-table.ts';
import type { ZeekType } from '../protocol/zeek-type.ts';
import { guarded, type Refusal } from './sqlite-file.ts';

/** Is told of each row that cannot be read, which is then left out. */
export type OnUnreadable = (error: TablecastError) => void;

/** Returns the table of a type, with the columns of its index; undefined without a type. */
export function tableOf(name: string | undefined, type: ZeekType | undefined): ZeekTable | undefined {
  if (type === undefined) return undefined;
  const shell = compileZeekTable(name ?? 'imported', { type: 'set[string]' });
  if (type.kind === 'table') return { ...shell, index: type.index, value: type.value };
  if (type.kind === 'set') return { ...shell, index: type.index, value: undefined };
  throw new TablecastError('DECLARATION_INVALID', `A table or a set is imported, not a ${type.kind}.`, {
    hint: 'Give the type of the table as its Zeek script declares it, such as "table[addr] of count".',
  });
}

/** Returns the declaration of a table; undefined where it cannot be declared. */
export function declared(table: ZeekTable | undefined): DerivedDeclaration | undefined {
  try {
    return table === undefined ? undefined : declarationOf(table);
  } catch (error) {
    if (isTablecastError(error, 'DECLARATION_INVALID')) return undefined;
    throw error;
  }
}

/** Gives what `decode` makes of each row, one read from disk at a time. */
export function* decodedRows<Row, Entry>(
  from: { readonly file: string; readonly refuse: Refusal; readonly rows: () => Iterable<Row> },
  decode: (row: Row) => Entry,
  onUnreadable: OnUnreadable | undefined,
): Generator<Entry> {
  const { file, refuse } = from;
  const iterator = guarded(file, refuse, () => from.rows()[Symbol.iterator]());
  try {
    for (;;) {
      const next = guarded(file, refuse, () => iterator.next());
      if (next.done === true) return;
      const entry = readable(() => decode(next.value), onUnreadable);
      if (entry !== undefined) yield entry;
    }
  } finally {
    iterator.return?.();
  }
}

/** Returns what an attempt gives; undefined when somebody is told why it gives nothing. */
function readable<T>(attempt: () => T, onUnreadable: OnUnreadable | undefined): T | undefined {
  try {
    return attempt();
  } catch (error) {
    if (onUnreadable === undefined || !isTablecastError(error)) throw error;
    onUnreadable(error);
    return undefined;
  }
}
