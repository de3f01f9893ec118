// Compiled against the built package by every version of TypeScript that is supported: scripts/type-versions.mjs.
import {
  type Change,
  type TableNode,
  TablecastError,
  defineTable,
  isTablecastError,
  openNode,
  typed,
} from 'tablecast';

interface Login {
  readonly user: string;
  readonly tries: number;
}

export const hits = defineTable('hits', { key: ['addr', 'port'], value: 'count', writeExpire: '5m' });

export async function program(node: TableNode): Promise<void> {
  const table = node.table(hits, { backend: 'sqlite' });
  const next: number = (table.get(['10.0.0.1', '22/tcp']) ?? 0) + 1;
  table.set(['10.0.0.1', '22/tcp'], next);
  const bytes = node.table('bytes', { key: 'addr', value: { type: 'count', as: 'bigint' } });
  const large: bigint | undefined = bytes.get('10.0.0.1');
  const logins = node.table('logins', { key: 'string', value: typed<Login>('record'), complexValues: true });
  logins.set(String(large), { user: 'u', tries: 1 });
  for await (const change of table.changes) valueOf(change);
  try {
    await node.flush();
  } catch (error) {
    if (isTablecastError(error, 'PEERS_BEHIND')) {
      const code: 'PEERS_BEHIND' = error.code;
      throw new Error(code, { cause: error });
    }
    throw new Error(told(error), { cause: error });
  }
}

function told(error: unknown): string {
  if (!isTablecastError(error)) return 'not ours';
  const table: string | undefined = error.details.table;
  switch (error.code) {
    case 'PEERS_BEHIND': {
      const { held, wanted }: { held: number; wanted: number | string } = error.details;
      return `${held} of ${wanted}`;
    }
    case 'LIMIT_EXCEEDED':
      return error.details.limit.toFixed();
    case 'CLOCK_AHEAD':
      return error.details.acceptableAt.slice(0, 10);
    case 'INTEGER_TOO_LARGE':
      return error.details.value.padStart(20);
    default:
      return table ?? error.hint;
  }
}

export function narrowed(error: unknown): string {
  if (error instanceof TablecastError && error.code === 'BACKEND_NEWER')
    return error.details.file.concat(error.details.version.toFixed());
  if (isTablecastError(error, 'SIMULATION_FAILED')) {
    // @ts-expect-error there is no such detail of any error
    const wrong: unknown = error.details.trase;
    if (wrong !== undefined) return 'wrong';
    return error.details.trace.concat(error.details.seed.toFixed());
  }
  const known = new TablecastError('PEERS_BEHIND', 'm', {
    hint: 'h',
    details: { held: 0, wanted: 'everyone', timeoutMs: 1 },
  });
  // @ts-expect-error a limit is always there
  throw new TablecastError('LIMIT_EXCEEDED', 'm', { hint: 'h', cause: known });
}

function valueOf(change: Change<readonly [string, string], number>): number {
  switch (change.kind) {
    case 'new':
      return change.value;
    case 'changed':
      return change.value - change.previous;
    default:
      return -change.previous;
  }
}

export function refused(node: TableNode): void {
  // @ts-expect-error no duration
  node.table('t', { key: 'addr', writeExpire: '5 minutes' });
  // @ts-expect-error no duration of a table at Zeek
  node.attachZeek({ url: 'ws://z', tables: { t: { type: 'set[addr]', createExpire: '5 minutes' } } });
  // @ts-expect-error no duration of the log
  void openNode({ id: 'a', retention: { age: 'a month' } });
  void openNode({ id: 'a', retention: { age: '30d' } });
  // @ts-expect-error two expiries
  node.table('t', { key: 'addr', createExpire: '5m', writeExpire: '5m' });
  // @ts-expect-error complex values are to be asked for
  node.table('t', { key: 'addr', value: 'record' });
  // @ts-expect-error a set has no default
  node.table('t', { key: 'addr', default: 1 });
  // @ts-expect-error no form of text
  node.table('t', { key: 'addr', value: { type: 'string', as: 'bigint' } });
  // @ts-expect-error a number is no bigint
  node.table('t', { key: 'addr', value: { type: 'count', as: 'bigint' } }).set('10.0.0.1', 1);
}
