import { afterEach, describe, expect, it } from 'vitest';
import type { NodeEvent, PeerState } from '../../src/index.ts';
import { readRunHeader } from '../../src/log/runs/run.ts';
import { type FakePeer, NodeUnderAttack } from '../reliability/support/fake-peer.ts';
import { sendRuns, setRun } from '../security/support.ts';
import { clustersOfATest } from '../support/clusters-of-a-test.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { VirtualTime } from '../support/virtual-time.ts';

const clusterOf = clustersOfATest();
const names = { key: 'string' } as const;
const targets: NodeUnderAttack[] = [];

afterEach(async () => {
  for (const target of targets.splice(0)) await target.close();
});

interface Scene {
  readonly time: VirtualTime;
  readonly target: NodeUnderAttack;
  readonly peer: FakePeer;
  readonly events: NodeEvent[];
  /** Keys of a table. */
  readonly keys: (table: string) => string[];
  /** What `node.peers` says of the peer. */
  readonly state: () => PeerState;
  /** Lets time pass, of which the peer says each second that it is there. */
  readonly pass: (seconds: number) => Promise<void>;
}

/** A node with tables `a` and `b`, and a peer that relays. */
async function sceneOf(): Promise<Scene> {
  const time = new VirtualTime();
  const environment = time.environment(new SeededRandom(1));
  const target = await time.until(NodeUnderAttack.open({ id: 'victim' }, undefined, environment));
  targets.push(target);
  const tables = ['a', 'b'].map((name) => [name, target.node.table(name, names)] as const);
  const events: NodeEvent[] = [];
  target.node.events.subscribe((event) => events.push(event));
  let states: readonly PeerState[] = [];
  target.node.peers.subscribe((now) => (states = now));
  const peer = target.connect();
  peer.greet('hub');
  return {
    time,
    target,
    peer,
    events,
    keys: (name) => [...(tables.find(([known]) => known === name)?.[1] ?? [])],
    state: () => states[0] as PeerState,
    pass: async (seconds) => {
      for (let second = 0; second < seconds; second++) {
        peer.say({ type: 'pong', time: time.now });
        await time.run(1000);
      }
    },
  };
}

/** A run of one key; with `known` 9, of a key number that nobody named. */
const run = (table: string, origin: string, firstSequence: number, known = firstSequence - 1): Uint8Array =>
  setRun({ table, origin, keys: [`${origin} ${firstSequence}`], firstSequence, known });
const broken = (table: string, origin: string, firstSequence: number): Uint8Array =>
  run(table, origin, firstSequence, 9);

const refusals = (events: readonly NodeEvent[]): unknown[] =>
  events
    .filter(({ code }) => code === 'operations-refused')
    .map(({ table, details }) => [table, details?.['origin'], details?.['sequence']]);

describe('what is refused of an author in a table', () => {
  it('takes with it nothing else: not the rest of the frame, nor other tables, nor who brought it', async () => {
    const { peer, keys, events, state, time } = await sceneOf();
    sendRuns(
      peer,
      run('a', 'good@1', 1),
      broken('a', 'bad@1', 1),
      run('a', 'bad@1', 2),
      run('a', 'good@1', 2),
      run('b', 'bad@1', 1),
      run('b', 'good@1', 1),
    );
    sendRuns(peer, run('a', 'bad@1', 3), run('a', 'good@1', 3));
    expect(peer.closedWith).toBeUndefined();
    expect(keys('a')).toEqual(['good@1 1', 'good@1 2', 'good@1 3']);
    expect(keys('b')).toEqual(['bad@1 1', 'good@1 1']);
    expect(refusals(events)).toEqual([['a', 'bad@1', 1]]);
    await time.run(1);
    expect(state().state).toBe('connected');
    expect(state().heldBack).toMatchObject([
      { by: 'here', table: 'a', origin: 'bad@1', sequence: 1, code: 'OPERATION_INVALID', times: 1 },
    ]);
  });

  it('is told to who brought it within a second, and what comes behind it asks for nothing', async () => {
    const { peer, time, pass } = await sceneOf();
    sendRuns(peer, broken('a', 'bad@1', 1));
    for (let sequence = 2; sequence < 50; sequence++) sendRuns(peer, run('a', 'bad@1', sequence));
    expect(peer.messages('tables')).toEqual([]);
    await time.run(1000);
    const said = peer.messages('tables').flatMap(({ tables }) => tables);
    expect(said).toMatchObject([
      { name: 'a', heldBack: [{ origin: 'bad@1', sequence: 1, code: 'OPERATION_INVALID' }] },
    ]);
    for (let sequence = 50; sequence < 100; sequence++) sendRuns(peer, run('a', 'bad@1', sequence));
    await pass(3600);
    expect(peer.messages('tables')).toHaveLength(1);
  });

  it('is told once, however often it comes again, and counted', async () => {
    const { peer, events, state, time } = await sceneOf();
    for (let times = 0; times < 1000; times++) sendRuns(peer, broken('a', 'bad@1', 1));
    await time.run(1);
    expect(refusals(events)).toHaveLength(1);
    expect(state().heldBack).toMatchObject([{ times: 1000 }]);
  });

  it('is not told again when its peer comes back with it, but counted', async () => {
    const { peer, target, events, time } = await sceneOf();
    sendRuns(peer, broken('a', 'bad@1', 1));
    for (let times = 0; times < 20; times++) {
      peer.close('again');
      await time.run(1000);
      const again = target.connect();
      again.greet('hub');
      sendRuns(again, broken('a', 'bad@1', 1));
      again.close('and again');
      await time.run(1000);
    }
    expect(refusals(events)).toHaveLength(1);
    await time.run(60_000);
    expect(refusals(events)).toHaveLength(2);
    const last = events.findLast(({ code }) => code === 'operations-refused');
    expect(last?.details).toMatchObject({ times: 20 });
  });

  it('is taken from another peer, and then the rest is asked of the first', async () => {
    const { peer, target, keys, events, time, state } = await sceneOf();
    sendRuns(peer, broken('a', 'bad@1', 1));
    await time.run(1000);
    const other = target.connect();
    other.greet('other');
    sendRuns(other, run('a', 'bad@1', 1));
    await time.run(2000);
    expect(keys('a')).toEqual(['bad@1 1']);
    const last = peer.messages('tables').at(-1)?.tables[0];
    expect([last?.held, last?.heldBack]).toEqual([[['bad@1', 1]], undefined]);
    expect(events.filter(({ code }) => code === 'operations-taken')).toHaveLength(1);
    expect(state().heldBack).toEqual([]);
    sendRuns(peer, run('a', 'bad@1', 2));
    expect(keys('a')).toEqual(['bad@1 1', 'bad@1 2']);
  });

  it('is said to whoever greets later, with who brought it, and keeps nothing from being sent', async () => {
    const { peer, target, time, state } = await sceneOf();
    sendRuns(peer, broken('a', 'bad@1', 1));
    const operator = target.connect();
    const [table] = operator.hello.tables.filter(({ name }) => name === 'a');
    expect(table?.heldBack).toMatchObject([{ origin: 'bad@1', sequence: 1, from: 'hub' }]);
    operator.greet('operator', {
      tables: [{ ...table, held: [], heldBack: [{ ...table?.heldBack?.[0], origin: 'good@1' }] } as never],
    });
    sendRuns(peer, run('a', 'good@1', 1));
    await time.run(100);
    expect(operator.messages('runs')).toHaveLength(1);
    expect(target.refusals).toHaveLength(1);
    expect(state().heldBack).toHaveLength(1);
  });

  it('of more than 256 authors of a peer holds back all of the table, and is bounded', async () => {
    const { peer, keys, state, time } = await sceneOf();
    for (let author = 0; author < 257; author++) sendRuns(peer, broken('a', `bad-${author}@1`, 1));
    sendRuns(peer, run('a', 'good@1', 1), run('b', 'good@1', 1));
    await time.run(1);
    expect([keys('a'), keys('b')]).toEqual([[], ['good@1 1']]);
    expect(state().heldBack).toHaveLength(257);
    await time.run(1000);
    const told = peer.messages('tables').flatMap(({ tables }) => tables);
    expect(told.map(({ heldBack }) => heldBack?.length)).toEqual([64]);
  });
});

describe('a checkpoint that is refused', () => {
  it('is held back with its table alone, and neither missed nor asked for at once', async () => {
    const { peer, keys, state, time, pass } = await sceneOf();
    peer.say({ type: 'checkpoint', table: 'a', index: 0, last: true, chunk: new Uint8Array(9) });
    await time.run(1000);
    expect(peer.closedWith).toBeUndefined();
    expect(state().heldBack).toMatchObject([{ table: 'a', origin: undefined, sequence: 0 }]);
    sendRuns(peer, run('a', 'good@1', 1), run('a', 'good@1', 3), run('b', 'good@1', 1));
    await pass(60);
    expect([keys('a'), keys('b')]).toEqual([['good@1 1'], ['good@1 1']]);
    expect(peer.messages('tables').flatMap(({ tables }) => tables)).toMatchObject([
      { name: 'a', heldBack: [{ origin: '', code: 'OPERATION_INVALID' }] },
    ]);
    await pass(300);
    expect(peer.messages('tables').at(-1)?.tables).toMatchObject([
      { name: 'a', heldBack: [{ asked: true }] },
    ]);
  });
});

describe('a node whose peer holds something back', () => {
  it('sends nothing of that author in that table until it is asked, and says so', async () => {
    const { peer, target, events, state, time } = await sceneOf();
    const other = target.connect();
    other.greet('other');
    sendRuns(other, run('a', 'bad@1', 1), run('b', 'bad@1', 1));
    await time.run(10);
    const table = peer.hello.tables.find(({ name }) => name === 'a') as never as Record<string, unknown>;
    const told = [{ origin: 'bad@1', sequence: 2, code: 'LIMIT_EXCEEDED', reason: 'no\u0007 room' }];
    const say = (heldBack: object | undefined): void =>
      peer.say({
        type: 'tables',
        tables: [{ ...table, takes: undefined, held: [['bad@1', 1]], heldBack } as never],
      });
    say(told);
    await time.run(10);
    sendRuns(other, run('a', 'bad@1', 2), run('a', 'good@1', 1), run('b', 'bad@1', 2));
    await time.run(10);
    const sent = (): string[] =>
      peer
        .messages('runs')
        .flatMap(({ runs }) => runs.map((bytes) => readRunHeader(bytes)))
        .map((header) => `${header.table} ${header.origin} ${header.firstSequence}`);
    expect(sent()).toEqual(['a bad@1 1', 'b bad@1 1', 'a good@1 1', 'b bad@1 2']);
    expect(events.filter(({ code }) => code === 'operations-refused')).toMatchObject([
      { table: 'a', peer: 'hub', details: { by: 'there', origin: 'bad@1', sequence: 2 } },
    ]);
    expect(state().heldBack).toMatchObject([{ by: 'there', code: 'LIMIT_EXCEEDED', reason: 'no  room' }]);
    say([{ ...told[0], asked: true }]);
    await time.run(10);
    expect(sent().slice(4)).toContain('a bad@1 2');
    say(undefined);
    await time.run(10);
    expect(state().heldBack).toEqual([]);
  });
});

describe('a write dated ahead', () => {
  it('reaches nobody who cannot take it yet, and keeps nothing else: it comes when its time has come', async () => {
    const cluster = await clusterOf({ size: 3, topology: 'chain' });
    await cluster.stop(0);
    cluster.member(0).skewMs = 400_000;
    await cluster.start(0);
    const [one, two, three] = cluster.declare('t', { key: 'string', value: 'int', mode: 'lww' });
    const [first, , third] = cluster.declare('other', { key: 'string', value: 'int' });
    await cluster.run(1000);
    one!.set('ahead', 1);
    await cluster.run(1000);
    two!.set('after', 2);
    first!.set('k', 1);
    await cluster.run(1000);
    expect([two!.has('ahead'), three!.get('after'), third!.get('k')]).toEqual([false, 2, 1]);
    const codes = cluster.member(1).events.map(({ code }) => code);
    expect(codes.filter((code) => code === 'frame-refused')).toEqual([]);
    const refused = cluster.member(1).events.filter(({ code }) => code === 'operations-refused');
    expect(refused.map(({ details }) => details?.['code'])).toContain('CLOCK_AHEAD');
    await cluster.run(150_000);
    expect([two!.get('ahead'), three!.get('ahead')]).toEqual([1, 1]);
    expect(cluster.member(1).events.map(({ code }) => code)).toContain('operations-taken');
  });
});
