import { afterEach, expect, it, vi } from 'vitest';
import { NodeUnderAttack } from '../reliability/support/fake-peer.ts';
import { PATIENCE_MS } from '../support/patience.ts';
import { sendRuns, setRun } from './support.ts';

/** As many authors of one peer as are held back one by one. */
const AUTHORS = 256;
let target: NodeUnderAttack | undefined;

afterEach(async () => {
  await target?.close();
});

it('what is held back of a peer is looked through at its cost, with each frame that it sends', async () => {
  target = await NodeUnderAttack.open({ id: 'victim' });
  target.node.table('t', { key: 'string' });
  const peer = target.connect();
  peer.greet('relay');
  // Nobody said what the number of its key stands for.
  const refused = (author: number): Uint8Array =>
    setRun({ table: 't', origin: `x${author}@1`, keys: ['k'], known: 7 });
  const isAnswered = (time: number): boolean =>
    (peer.messages('pong') as { readonly time: number }[]).some((pong) => pong.time === time);
  for (let author = 0; author < AUTHORS; author++) sendRuns(peer, refused(author));
  peer.say({ type: 'ping', time: 1 });
  await vi.waitFor(() => expect(isAnswered(1)).toBe(true), { timeout: PATIENCE_MS, interval: 5 });
  // A hundred small frames have room in one turn, but not what is looked through because of them.
  for (let frame = 0; frame < 100; frame++) sendRuns(peer, refused(frame));
  peer.say({ type: 'ping', time: 2 });
  expect(isAnswered(2)).toBe(false);
  await vi.waitFor(() => expect(isAnswered(2)).toBe(true), { timeout: PATIENCE_MS, interval: 5 });
});
