// Compiled against the built package by every version of TypeScript that is supported: scripts/type-versions.mjs.
import { type Change, type TableNode, defineTable, isTablecastError, typed } from 'tablecast';

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
  for await (const change of table.changes) told(change);
  try {
    await node.flush();
  } catch (error) {
    if (isTablecastError(error, 'PEERS_BEHIND')) {
      const code: 'PEERS_BEHIND' = error.code;
      throw new Error(code, { cause: error });
    }
  }
}

function told(change: Change<readonly [string, string], number>): number {
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
