import { type Operation, type Table, type TableNode, isTablecastError } from '../../src/index.ts';
import type { decodeMessage } from '../../src/replication/wire/wire.ts';
import { textOf } from '../support/naive-model.ts';
import { readLog } from '../support/read-log.ts';
import { contentOf, nameOf } from './ledger.ts';
import { entriesOf } from './table-witness.ts';
import type { WorldTable } from './world.ts';

/** What a node says of itself when somebody connects. */
export type Hello = Extract<ReturnType<typeof decodeMessage>, { type: 'hello' }>['hello'];
/** The rows of a table, as texts. */
export type Rows = ReadonlyMap<string, string>;

/** The log from a position, or from where it begins if that is later. */
export async function readKept(
  node: TableNode,
  after: number,
): Promise<{ after: number; found: Operation[] }> {
  try {
    return { after, found: await readLog(node, { after }) };
  } catch (error) {
    if (!isTablecastError(error, 'LOG_TRIMMED')) throw error;
    const { trimmedTo } = error.details;
    if (typeof trimmedTo !== 'number')
      throw new Error(`${node.id}, after ${after}: ${error.message}`, { cause: error });
    return readKept(node, trimmedTo);
  }
}

export function line(operation: Operation): string {
  return `${operation.position} ${nameOf(operation)} ${contentOf(operation)}`;
}

/** The lines that stand in only one of two texts. */
export function difference(replayed: string, live: string): string {
  const [one, other] = [new Set(replayed.split('\n')), new Set(live.split('\n'))];
  const only = [...one].filter((text) => !other.has(text)).map((text) => `replayed only: ${text}`);
  const lacks = [...other].filter((text) => !one.has(text)).map((text) => `live only: ${text}`);
  return [...only, ...lacks].slice(0, 20).join('\n');
}

export function expiryOf({ writeExpire, createExpire }: WorldTable['declaration']): number {
  return Number(writeExpire ?? createExpire ?? 0);
}

export function stateText({ tables }: Hello): string {
  return tables
    .map(
      ({ name, mode, epoch, held }) =>
        `${name} ${mode} ${epoch?.counter} ${epoch?.origin} ${held.map(String).toSorted().join(' ')}`,
    )
    .toSorted()
    .join('; ');
}

export function rowsOf(table: Table): Rows {
  return new Map(entriesOf(table).map(([key, value]) => [textOf(key), textOf(value)]));
}

export function differingKeys(rows: readonly Rows[]): string[] {
  const [first, ...others] = rows as readonly [Rows, ...Rows[]];
  const keys = new Set(rows.flatMap((each) => [...each.keys()]));
  return [...keys].filter((key) => others.some((each) => each.get(key) !== first.get(key)));
}

export function show(rows: readonly Rows[], key: string): string {
  return `${key} is ${rows.map((each) => each.get(key)).join(' | ')}`;
}

/** What a table says it differs in. */
export function reported(table: Table): string[] {
  const texts: string[] = [];
  table.divergence
    .subscribe((list) => {
      for (const { peer, key, here, there } of list)
        texts.push(`${peer} ${textOf(key)} ${valueText(table, here)} ${valueText(table, there)}`);
    })
    .unsubscribe();
  return texts.toSorted();
}

function valueText(table: Table, side: { readonly value: unknown } | undefined): string | undefined {
  if (side === undefined) return undefined;
  return table.declaration.value === undefined ? textOf(undefined) : textOf(side.value);
}
