import type { TableDeclaration } from '../../src/index.ts';
import type { Message } from '../../src/replication/wire/wire.ts';
import { setImmediate } from 'node:timers/promises';
import { NodeUnderAttack } from '../reliability/support/fake-peer.ts';

/** The frames of a checkpoint of a table `t` as node `donor` sends it, with so many rows. */
export async function donatedCheckpoint(
  declaration: TableDeclaration,
  rows: number,
  valueOf: (index: number) => unknown = (index) => index,
): Promise<Extract<Message, { type: 'checkpoint' }>[]> {
  const donor = await NodeUnderAttack.open({ id: 'donor', limits: { maxMemoryLogBytes: 1 << 20 } });
  const table = donor.node.table('t', declaration) as {
    set?: (key: string, value: unknown) => unknown;
    add?: (key: string) => unknown;
  };
  // Written more often than there are rows, so that the rows are cheaper to send than what was written.
  for (let round = 0; round * rows <= 2 * rows + 2000; round++)
    for (let index = 0; index < rows; index++) {
      if (table.set === undefined) table.add?.(`key ${index}`);
      else table.set(`key ${index}`, valueOf(index));
      if (index % 10_000 === 0) await setImmediate();
    }
  await donor.node.flush();
  const late = donor.connect();
  late.greet('late');
  while (!late.received.some((frame) => frame[0] === 7)) {
    await setImmediate();
    late.say({
      type: 'ack',
      bytes: late.received.reduce((sum, frame) => sum + frame.length, 0),
      operations: 0,
    });
  }
  const chunks = late.messages('checkpoint');
  await donor.close();
  return chunks;
}
