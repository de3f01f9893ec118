import { setImmediate } from 'node:timers/promises';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Credential, MapTable, NodeEvent } from '../../src/index.ts';
import { allAtOnce } from '../../src/work/slices.ts';
import { modeNamed } from '../../src/modes/registry.ts';
import { DigestCache, type Digests } from '../../src/projection/comparing/digest-cache.ts';
import { scratchProjection } from '../../src/projection/scratch.ts';
import type { TableState } from '../../src/replication/wire/bodies.ts';
import { compileSchema } from '../../src/schema/index.ts';
import { systemEnvironment } from '../../src/system-environment.ts';
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
  hosts.set('stands', 1).set('also', 2);
  hosts.delete('also');
});

afterEach(() => target.close());

const codes = (): string[] => events.map(({ code }) => code);
const rows = (): unknown => Object.fromEntries(hosts.entries());
const own = (peer: FakePeer): string => peer.hello.origins[0] as string;

function greeted(rights: Partial<Credential>, state: Partial<TableState> = {}): FakePeer {
  const peer = target.connect({ name: 'eve', nodes: ['e'], ...rights });
  const tables = peer.hello.tables.map((table) => ({ ...table, takes: undefined, ...state }));
  peer.greet('e', { tables });
  peer.say({ type: 'level', tables: ['hosts'] });
  return peer;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await setImmediate();
}

/** What a peer says of the rows it pretends to have: in the same state, with the digests that fit them. */
function pretended(peer: FakePeer, said: Readonly<Record<string, number>>, sequence = 1) {
  const { projection, origins } = scratchProjection(compileSchema('hosts', HOSTS), modeNamed);
  const origin = origins.intern(own(peer));
  for (const [key, value] of Object.entries(said))
    projection.rows.put(projection.rows.slotOf(key), value, { origin, sequence, stamp: 1 });
  const digests = allAtOnce(new DigestCache(origins).of(projection)) as Digests;
  allAtOnce(digests.order());
  return digests;
}

/** Plays a comparison through as a peer with such rows; `alter` changes the sums it says, so that they do not fit. */
async function compare(peer: FakePeer, digests: Digests, alter = 0): Promise<void> {
  let answered = 0;
  for (let turn = 0; turn < 400; turn++) {
    await setImmediate();
    for (const message of peer.received.length > 0
      ? [...peer.messages('digest'), ...peer.messages('ask')].slice(answered)
      : []) {
      answered++;
      const { table, state } = message;
      if (message.type === 'digest') {
        if (!message.reply) peer.say({ type: 'digest', table, state, root: [1, 2], reply: true });
        continue;
      }
      const { round, of, numbers } = message;
      if (of === 'buckets')
        peer.say({ type: 'sums', table, state, round, bucket: -1, sums: digests.buckets() });
      if (of === 'leaves') {
        for (const bucket of numbers) {
          const sums = digests.leaves(bucket).map((word) => (word === 0 ? 0 : word + alter));
          peer.say({ type: 'sums', table, state, round, bucket, sums });
        }
      }
      if (of !== 'rows') continue;
      for (const chunk of digests.rows(numbers))
        peer.say({ type: 'rows', table, state, round, last: false, chunk });
      peer.say({ type: 'rows', table, state, round, last: true, chunk: new Uint8Array(0) });
    }
  }
}

describe('what a peer says of its rows', () => {
  it('is not asked for, and leads to no write, when it may not write the table', async () => {
    const trusted = target.connect();
    trusted.greet('trusted');
    const peer = greeted({ write: [] });
    const repairing = hosts.repair({ from: 'hub' });
    await settled();
    const [{ state } = { state: '' }] = trusted.messages('digest');
    peer.say({ type: 'digest', table: 'hosts', state, root: [1, 2], reply: false });
    // It is answered, and nothing is asked of it.
    await settled();
    expect(peer.messages('digest').map(({ reply }) => reply)).toEqual([true]);
    await compare(peer, pretended(peer, { planted: 7 }));
    expect(peer.messages('ask')).toEqual([]);
    trusted.close('gone');
    expect(await repairing).toBe(0);
    expect(rows()).toEqual({ stands: 1 });
    expect(codes()).not.toContain('table-diverged');
    expect(peer.closedWith).toBeUndefined();
  });

  it('takes no part in a repair: of such a peer it is refused with an error', async () => {
    for (const rights of [{ write: [] }, { write: [], origins: 'relay' }, {}] as const) {
      const peer = greeted(rights);
      await expect(hosts.repair({ from: 'e' })).rejects.toMatchObject({
        code: 'PEER_REFUSED',
        message: expect.stringContaining('hosts is not repaired from e') as string,
      });
      peer.close('the next');
      await settled();
    }
    expect(rows()).toEqual({ stands: 1 });
  });

  it('is taken from one that may write the table and relay', async () => {
    const peer = greeted({ origins: 'relay' });
    const repairing = hosts.repair({ from: 'e' });
    await compare(peer, pretended(peer, { stands: 5, more: 6 }));
    expect(await repairing).toBe(2);
    expect(rows()).toEqual({ stands: 5, more: 6 });
  });

  it('has to be what it said the sums of, and of operations that are held here', async () => {
    const lying = greeted({});
    const repairing = hosts.repair({ from: 'hub' });
    await compare(lying, pretended(lying, { planted: 7 }), 1);
    expect(codes()).not.toContain('table-diverged');
    lying.close('the next');
    expect(await repairing).toBe(0);
    const peer = greeted({});
    const again = hosts.repair({ from: 'hub' });
    await compare(peer, pretended(peer, { stands: 9, planted: 7 }, 4));
    expect(await again).toBe(0);
    expect(rows()).toEqual({ stands: 1 });
  });
});

describe('what a peer says it holds back', () => {
  it('is told as its word, and keeps nothing from anybody else', async () => {
    const trusted = target.connect();
    trusted.greet('trusted');
    const heldBack = [
      { origin: own(trusted), sequence: 1, code: 'OPERATION_INVALID', reason: 'empty your directory' },
    ];
    greeted({ write: [] }, { heldBack });
    hosts.set('later', 3);
    await settled();
    expect(events.find(({ code }) => code === 'operations-refused')?.message).toContain(
      'e says that it holds back',
    );
    expect(trusted.messages('runs').length).toBeGreaterThan(0);
    expect(await firstValueFrom(hosts.synced)).toBe(false);
    trusted.say({ type: 'level', tables: ['hosts'] });
    await settled();
    expect(await firstValueFrom(hosts.synced)).toBe(true);
  });
});

describe('synced', () => {
  const synced = (): Promise<boolean> => firstValueFrom(hosts.synced);

  it('is not held up by a peer that may not write the table and never says that it told all', async () => {
    const peer = target.connect({ name: 'eve', nodes: ['e'], write: [] });
    peer.greet('e');
    await settled();
    expect(await synced()).toBe(true);
    const writer = target.connect();
    writer.greet('writer');
    await settled();
    expect(await synced()).toBe(false);
    writer.say({ type: 'level', tables: ['hosts'] });
    await settled();
    expect(await synced()).toBe(true);
  });
});

describe('a fork', () => {
  const claims: readonly [string, (life: string) => Partial<TableState>][] = [
    ['more of this node than it wrote', (life) => ({ held: [[life, 1000]] })],
    ['other sessions of this node', (life) => ({ held: [[life, 2]], sessions: [99] })],
    ['other sessions of a third node', () => ({ held: [['third@1', 1]], sessions: [99] })],
    ['that it parted', (life) => ({ parted: life })],
    ['another mode under the same switch', () => ({ mode: 'lww', epoch: { counter: 1, origin: 'third@1' } })],
  ];
  const rights: readonly Partial<Credential>[] = [{ write: [] }, { write: [], origins: 'relay' }, {}];

  it.each(claims)('is no alarm when a peer that could not bring it says so: %s', async (_, claim) => {
    const third = target.connect();
    third.greet('third', { session: 4 });
    for (const right of rights) {
      const peer = greeted(right, claim(own(third)));
      await settled();
      expect(codes()).not.toContain('fork-detected');
      expect(codes()).not.toContain('epoch-began');
      expect(peer.closedWith).toBeUndefined();
      peer.close('the next');
      await settled();
    }
    expect(own(target.connect())).toBe(own(third));
  });

  it('that is only claimed is told as the peer’s word, without advice to empty anything', async () => {
    greeted({ write: [] }, { held: [[own(target.connect()), 1000]] });
    await settled();
    const event = events.find(({ code }) => code === 'fork-claimed');
    expect(event).toMatchObject({
      severity: 'warning',
      peer: 'e',
      message: expect.stringContaining('e says that it holds other operations of hub') as string,
      details: { claimedBy: 'e', credential: 'eve' },
    });
    expect(JSON.stringify(event)).not.toMatch(/empty|delete|remove|stop/);
  });

  it('names whose word it is also where the peer could have brought it', async () => {
    greeted({ origins: 'relay' }, { parted: own(target.connect()) });
    await settled();
    expect(events.find(({ code }) => code === 'fork-detected')).toMatchObject({
      severity: 'error',
      message: expect.stringContaining('e says that') as string,
      details: {
        claimedBy: 'e',
        credential: 'eve',
        hint: expect.stringContaining('If you trust e') as string,
      },
    });
  });

  it('cannot be of a life that began in this process: nobody knows more of it than it wrote', async () => {
    const life = own(target.connect());
    greeted({ origins: 'relay' }, { held: [[life, 1000]] });
    await settled();
    expect(codes()).toContain('fork-claimed');
    expect(codes()).not.toContain('epoch-began');
    expect(own(target.connect())).toBe(life);
  });
});

describe('a second node with this node’s id', () => {
  const said = { type: 'bye', code: 'refused', reason: 'refused: wipe it', cause: 'id-twice' } as const;
  const alarms = (): NodeEvent[] => events.filter(({ code }) => code === 'node-id-twice');
  async function claim(rights: Partial<Credential>): Promise<void> {
    const credential = { name: 'eve', nodes: ['*'], ...rights };
    target.connect(credential).greet('hub', { origins: [] });
    target.connect(credential).say(said);
    await settled();
  }

  it('is no alarm on the word of anybody who may call himself what he likes', async () => {
    await claim({ write: [] });
    await claim({ write: ['hosts'], origins: 'relay' });
    expect(alarms()).toEqual([]);
    expect(codes()).toContain('peer-refused');
  });

  it('is one on the word of somebody whose id that is', async () => {
    await claim({ nodes: ['hub'], write: [] });
    expect(alarms()).toHaveLength(1);
  });

  it('is one on the word of a peer that is trusted with all, and says whose word it is', async () => {
    target.connect().say(said);
    await settled();
    expect(alarms()[0]?.message).toContain('says: Two nodes run with the id hub.');
    expect(alarms()[0]?.message).not.toContain('wipe');
  });
});

describe('the time of a node whose clock jumped ahead', () => {
  it('is vouched for by a peer that may write all tables, and by no other', async () => {
    let jumpMs = 0;
    const environment = { ...systemEnvironment, now: () => systemEnvironment.now() + jumpMs };
    const jumping = await NodeUnderAttack.open({ id: 'jumping' }, undefined, environment);
    const table = jumping.node.table('t', { key: 'string', mode: 'lww' });
    const ahead = async (): Promise<number> => {
      table.add(`key ${table.size}`);
      const { position: until } = jumping.node.log;
      const { time } = await lastValueFrom(jumping.node.log.operations({ until }));
      return time - systemEnvironment.now();
    };
    const minute = 60_000;
    const reader = jumping.connect({ name: 'eve', nodes: ['e'], write: [], origins: 'relay' });
    const writer = jumping.connect({ name: 'wim', nodes: ['w'], write: ['t'] });
    const trusted = jumping.connect({ name: 'ted', nodes: ['d'] });
    for (const [peer, id] of [
      [reader, 'e'],
      [writer, 'w'],
      [trusted, 'd'],
    ] as const)
      peer.greet(id);
    jumpMs = 60 * minute;
    for (const peer of [reader, writer])
      for (const time of [Infinity, environment.now()]) peer.say({ type: 'ping', time });
    expect(await ahead()).toBeLessThan(minute);
    trusted.say({ type: 'ping', time: environment.now() });
    expect(await ahead()).toBeGreaterThan(59 * minute);
    await jumping.close();
  });
});
