import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MapTable, NodeEvent } from '../../src/index.ts';
import { MAX_MISSED_SWITCHES, isWithinReach } from '../../src/log/operations/epoch.ts';
import { RunWriter } from '../../src/log/runs/run-writer.ts';
import { VersionVector } from '../../src/log/operations/version-vector.ts';
import { modeNamed } from '../../src/modes/registry.ts';
import { checkpointChunks } from '../../src/projection/checkpoints/checkpoint-writer.ts';
import { scratchProjection } from '../../src/projection/scratch.ts';
import { compileSchema } from '../../src/schema/index.ts';
import { type FakePeer, NodeUnderAttack } from '../reliability/support/fake-peer.ts';

const HOSTS = { key: 'string', value: 'count' } as const;
let target: NodeUnderAttack;
let events: NodeEvent[];
let hosts: MapTable<string, number | bigint>;

beforeEach(async () => {
  target = await NodeUnderAttack.open({ id: 'hub' });
  events = [];
  target.node.events.subscribe((event) => events.push(event));
  hosts = target.node.table('hosts', HOSTS);
});

afterEach(() => target.close());

async function settled(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await setImmediate();
}

/** A peer that claims to have switched the table, and sends its rows. */
async function claims(counter: number): Promise<FakePeer> {
  const peer = target.connect();
  const epoch = { counter, origin: 'e@1', mode: 'lww' } as const;
  const { projection, origins } = scratchProjection(compileSchema('hosts', HOSTS), modeNamed);
  projection.inForce.enter(epoch, new VersionVector(), { before: new VersionVector() });
  const tables = peer.hello.tables.map((table) => ({
    ...table,
    takes: undefined,
    held: [] as [string, number][],
    mode: 'lww',
    epoch: { counter, origin: 'e@1' },
  }));
  peer.greet('e', { tables });
  const chunks = [...checkpointChunks(projection, origins)];
  for (const [index, chunk] of chunks.entries())
    peer.say({ type: 'checkpoint', table: 'hosts', index, last: index === chunks.length - 1, chunk });
  await settled();
  return peer;
}

/** The switch that the node says is in force, to whoever comes next; what it says can be read, or this throws. */
function said(): number | undefined {
  return target.connect().hello.tables.find(({ name }) => name === 'hosts')?.epoch?.counter;
}

describe('a switch that a peer claims', () => {
  it.each([
    [MAX_MISSED_SWITCHES, true],
    [MAX_MISSED_SWITCHES + 1, false],
    [2 ** 31, false],
    [2 ** 51 + 1, false],
  ])('leaves room for those that follow: as the %d th (%s)', async (counter, isBelieved) => {
    hosts.set('stands', 1);
    await claims(counter);
    expect(hosts.mode).toBe(isBelieved ? 'lww' : 'naive');
    expect(said()).toBe(isBelieved ? counter : undefined);
    if (!isBelieved) {
      const refused = events.filter(({ code }) => code === 'table-refused');
      expect(refused.map(({ message }) => message).join()).toContain(`it claims switch ${counter}`);
      expect(hosts.get('stands')).toBe(1);
    }
    await hosts.switchMode(isBelieved ? 'naive' : 'lww');
    expect(said()).toBe(isBelieved ? counter + 1 : 1);
  });

  it('is believed as little when an operation claims to follow it', async () => {
    hosts.set('stands', 1);
    const peer = target.connect();
    peer.greet('e');
    const run = new RunWriter('integer');
    run.epoch = { counter: MAX_MISSED_SWITCHES + 1, origin: 'e@1', mode: 'lww' };
    run.begin(1, { chapter: 0, keys: 0, origins: 0 }, []);
    run.addKey('k');
    run.addSet(0, 1, Date.now() * 1024);
    peer.say({ type: 'runs', runs: [run.encode('hosts', 'e@1', 7)] });
    await settled();
    expect(target.refusals.join()).toContain(`A peer claims switch ${MAX_MISSED_SWITCHES + 1}`);
  });

  it('is believed by a node that holds nothing, far beyond what can be reached in steps, with room beyond', async () => {
    await claims(2 ** 51);
    expect([hosts.mode, said()]).toEqual(['lww', 2 ** 51]);
    await hosts.switchMode('naive');
    expect(said()).toBe(2 ** 51 + 1);
    expect(isWithinReach({ counter: 2 ** 51 + 1 }, { counter: 0, isEmpty: true })).toBe(false);
  });
});
