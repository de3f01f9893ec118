import { type HolderFlags, holdersOf } from './holders.ts';
import { type JoinedNode, type JoinedTable, withNode } from './joined-node.ts';
import { print } from './output.ts';
import { RowText } from './row-text.ts';

/** Written says what one write did. */
export interface Written {
  readonly key: unknown;
  /** Undefined for sets and removals. */
  readonly value?: unknown;
  /** Says whether the key was there before. */
  readonly existed: boolean;
}

/**
 * Joins a table, writes one operation and returns when the running node holds it as durably as it keeps the
 * table, and so many of the others that were named do. The rows are here before the write, so it counts as one that has
 * seen them and conflicts with nobody. What is told in words is told then. Throws `PEERS_BEHIND` when too few of the
 * others hold it in time: the write stands in the first.
 */
export async function writeOne(
  name: string,
  flags: HolderFlags,
  write: (joined: JoinedTable, text: RowText) => Written,
  tell: (written: Written, text: RowText) => void = () => undefined,
): Promise<Written> {
  const { others, peers } = holdersOf(flags);
  const act = async (joined: JoinedNode): Promise<Written> => {
    const table = await joined.join(name);
    const text = new RowText(name, table.declaration);
    const written = write(table, text);
    await joined.confirmed(1, name);
    if (others.length > 0) await joined.node.flush({ peers, timeoutMs: flags.timeout });
    if (flags.json === true) {
      const { key, value, existed } = written;
      const rest = value === undefined ? '' : `,"value":${text.valueJson(value)}`;
      const start = `{"table":${JSON.stringify(name)},"key":${text.keyJson(key)}${rest}`;
      const held = others.length > 0 ? `,"peers":${peers}` : '';
      print(`${start},"existed":${existed},"node":${JSON.stringify(joined.peerId)}${held}}`);
    } else {
      tell(written, text);
    }
    return written;
  };
  return withNode(flags, act, { others });
}
