import { afterEach, expect, it } from 'vitest';
import { frameOfChanges } from '../reliability/support/dear-changes.ts';
import { NodeUnderAttack } from '../reliability/support/fake-peer.ts';
import { donatedCheckpoint } from '../security/support-donor.ts';
import { Turns } from '../support/turns.ts';

const declaration = { key: 'string', value: 'int', mode: 'automerge' } as const;
const targets: NodeUnderAttack[] = [];

afterEach(async () => {
  await Promise.all(targets.splice(0).map((target) => target.close()));
});

it('a frame that was prepared while a checkpoint is taken over waits for its end', async () => {
  const checkpoint = await donatedCheckpoint(declaration, 1500);
  const turns = new Turns(256);
  const target = await NodeUnderAttack.open({ id: 'victim' }, turns);
  targets.push(target);
  const table = target.node.table('t', declaration);
  const told: string[] = [];
  table.changes.subscribe(({ key }) => told.push(key));
  const peers = [target.connect(), target.connect()];
  for (const [index, peer] of peers.entries()) peer.greet(`peer-${index}`);
  peers[0]?.deliver(frameOfChanges({ runs: 2, operations: 100, changes: 10, kind: 'puts' }, 'peer-0'));
  for (const message of checkpoint) peers[1]?.say(message);
  await turns.all();
  expect(told).toHaveLength(1700);
  expect(told.slice(0, 1500).every((key) => key.startsWith('key '))).toBe(true);
  expect(told.slice(1500).some((key) => key.startsWith('key '))).toBe(false);
  expect(peers.map(({ closedWith }) => closedWith)).toEqual([undefined, undefined]);
});
