import { type HolderFlags, holdersOf } from './holders.ts';
import { print } from './output.ts';
import { type AskedRow, type RowQuestion, type RowSource, withRows } from './row-source.ts';
import { RowText } from './row-text.ts';

/**
 * Has a running node do one thing to a row, and returns when it holds that as durably as it keeps the table, and so
 * many of the others that were named do. The node does it itself, to what stands then, so it conflicts with nobody.
 * What is told in words is told then. Throws `PEERS_BEHIND` when too few of the others hold it in time: the write
 * stands in the first.
 */
export async function writeOne(
  name: string,
  flags: HolderFlags,
  question: (text: RowText, declaration: RowSource['declaration']) => RowQuestion,
  tell: (row: AskedRow, text: RowText) => void = () => undefined,
): Promise<AskedRow> {
  const { others, peers } = holdersOf(flags);
  const act = async (rows: RowSource): Promise<AskedRow> => {
    const text = new RowText(name, rows.declaration);
    const asked = question(text, rows.declaration);
    const row = await rows.ask(asked);
    if (flags.json === true) {
      const { value, existed } = row;
      const rest = value === undefined ? '' : `,"value":${text.valueJson(value)}`;
      const start = `{"table":${JSON.stringify(name)},"key":${text.keyJson(asked.key)}${rest}`;
      const held = others.length > 0 ? `,"peers":${peers}` : '';
      print(`${start},"existed":${existed},"node":${JSON.stringify(rows.nodeId)}${held}}`);
    } else {
      tell(row, text);
    }
    return row;
  };
  return withRows(name, flags, act, { others, peers });
}
