import type { Key } from '../../schema/index.ts';
import type { NodeEvent } from '../../events.ts';
import type { AttachedTable } from './attached-table.ts';
import type { Comparison } from './comparison.ts';
import type { Transfers } from './transfers.ts';

/** Keys of each kind that an event names; the result of the check names all. */
const MAX_NAMED = 100;

/** A check compares a table here with the same table in a Zeek process. */
export interface ZeekCheck {
  readonly table: string;
  /** Names the Zeek process that was asked: the one that runs the WebSocket server. */
  readonly zeekNode: string;
  readonly rowsHere: number;
  readonly rowsAtZeek: number;
  /** Lists keys with rows on both sides that differ; differences that Zeek's text forms make do not count. */
  readonly different: readonly Key[];
  readonly onlyHere: readonly Key[];
  readonly onlyAtZeek: readonly Key[];
  /** Counts the keys that changed during the check, on either side, and were left out. */
  readonly undecided: number;
  /** Counts the rows of Zeek's that do not fit the declaration; keys in `onlyHere` may be theirs. */
  readonly unreadable: number;
}

/** Says what a comparison says. */
function checkOf(comparison: Comparison, zeekNode: string): ZeekCheck {
  const { attached, rows, undecided, unreadable } = comparison;
  const held = attached.projection.rows;
  const different: Key[] = [];
  const onlyHere: Key[] = [];
  const onlyAtZeek: Key[] = [];
  for (const { keyText, key, zeek } of comparison.differences()) {
    if (zeek === undefined) onlyHere.push(key);
    else if (held.find(keyText) === undefined) onlyAtZeek.push(key);
    else different.push(key);
  }
  return {
    table: attached.name,
    zeekNode,
    rowsHere: held.size,
    rowsAtZeek: rows,
    different,
    onlyHere,
    onlyAtZeek,
    undecided,
    unreadable,
  };
}

/** Asks a Zeek process and compares: see `ZeekAttachment.check`. Keys of `waiting` changes are left out. */
export async function checkAt(
  zeekNode: string,
  attached: AttachedTable,
  { transfers, waiting }: { readonly transfers: Transfers; readonly waiting: readonly unknown[] },
): Promise<ZeekCheck> {
  const asked = transfers.ask(zeekNode, attached);
  const { schema } = attached.projection;
  for (const key of waiting) transfers.touched(attached, schema.keyText(key));
  const comparison = await asked;
  try {
    return checkOf(comparison, zeekNode);
  } finally {
    comparison.close();
  }
}

/** Makes what is told of a check; undefined when both sides agree. */
export function checkEvent(check: ZeekCheck): NodeEvent | undefined {
  const { table, zeekNode, different, onlyHere, onlyAtZeek, unreadable } = check;
  const count = different.length + onlyHere.length + onlyAtZeek.length;
  if (count + unreadable === 0) return undefined;
  const message = `${table} is not the same at Zeek: ${different.length} rows differ, ${onlyHere.length} are only here, ${onlyAtZeek.length} only at Zeek, ${unreadable} cannot be read.`;
  const named = (keys: readonly Key[]): readonly Key[] => keys.slice(0, MAX_NAMED);
  const keys = {
    different: named(different),
    onlyHere: named(onlyHere),
    onlyAtZeek: named(onlyAtZeek),
  };
  return {
    code: 'zeek-diverged',
    severity: 'warning',
    message,
    table,
    details: { count, zeekNode, unreadable, ...keys },
  };
}
