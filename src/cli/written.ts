import type { PeerFlags } from './command.ts';
import { type JoinedTable, withNode } from './joined-node.ts';
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
 * table. The rows are here before the write, so it counts as one that has seen them and conflicts with nobody.
 * What is told in words is told then.
 */
export async function writeOne(
  name: string,
  flags: PeerFlags,
  write: (joined: JoinedTable, text: RowText) => Written,
  tell: (written: Written, text: RowText) => void = () => undefined,
): Promise<Written> {
  return withNode(flags, async (joined) => {
    const table = await joined.join(name);
    const text = new RowText(name, table.declaration);
    const written = write(table, text);
    await joined.confirmed(1, name);
    if (flags.json === true) {
      const { key, value, existed } = written;
      const rest = value === undefined ? '' : `,"value":${text.valueJson(value)}`;
      const start = `{"table":${JSON.stringify(name)},"key":${text.keyJson(key)}${rest}`;
      print(`${start},"existed":${existed},"node":${JSON.stringify(joined.peerId)}}`);
    } else {
      tell(written, text);
    }
    return written;
  });
}
