/** Events that no short program brings about: made by what the tests of their area attack a node with. */
import type { NodeEvent, NodeEventCode } from '../../src/index.ts';
import { MAX_NOTICES } from '../../src/replication/costs/notices.ts';
import { NodeUnderAttack } from '../reliability/support/fake-peer.ts';
import { sendRuns, setRun } from '../security/support.ts';
import { atCarrier, fill, forge, loseRows, remake } from './carried.ts';
import { type Cluster, type ClusterOptions, createCluster } from '../support/cluster.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { VirtualTime } from '../support/virtual-time.ts';
import type { ZeekAttachmentOptions } from '../../src/zeek/options.ts';
import { simulated } from '../zeek/cluster.ts';
import { type Attached, attached, attachmentTo, later, quick, until } from '../zeek/support.ts';

const COUNTS = { key: 'string', value: 'count' } as const;
const DURABLE = { ...COUNTS, backend: 'sqlite' } as const;
/** Leaves Zeek nodes that nobody announced alone. */
const PATIENT = { ...quick, refillPauseMs: 60_000 };

/** Brings an event about; ends when it was told, and gives everything that was. */
type Producer = () => Promise<readonly NodeEvent[]>;
type StandIn = ReturnType<typeof simulated>;

/** Plays on two nodes in virtual time; gives what the first told. */
function inCluster(play: (cluster: Cluster) => Promise<void>, options?: Partial<ClusterOptions>): Producer {
  return async () => {
    const cluster = await createCluster({ size: 2, topology: 'pair', ...options });
    later(() => cluster.close());
    await cluster.run(1000);
    await play(cluster);
    return cluster.member(0).events;
  };
}

/** Two nodes write one key while neither hears of the other. */
async function diverge(cluster: Cluster): Promise<void> {
  const [here, there] = cluster.declare('visits', COUNTS);
  await cluster.run(1000);
  here?.set('10.0.0.1', 1);
  there?.set('10.0.0.1', 2);
  await cluster.run(10_000);
}

async function agreeAgain(cluster: Cluster): Promise<void> {
  await diverge(cluster);
  cluster.node(0).tables.get('visits')?.delete('10.0.0.1');
  await cluster.run(10_000);
}

async function misspell(cluster: Cluster): Promise<void> {
  cluster.node(0).table('visit', COUNTS);
  cluster.node(1).table('visits', COUNTS);
  await cluster.run(15_000);
}

/** The disk of the first node is full for one commit. */
function recover(): Promise<readonly NodeEvent[]> {
  let outcome: 'kept' | 'full' = 'kept';
  const play = async (cluster: Cluster): Promise<void> => {
    const [here] = cluster.declare('visits', DURABLE);
    await cluster.run(1000);
    outcome = 'full';
    here?.set('10.0.0.1', 1);
    await cluster.run(10);
    outcome = 'kept';
    await cluster.run(2000);
  };
  return inCluster(play, { outcome: (index) => (index === 0 ? outcome : 'kept') })();
}

/** Plays a node against peers whose every byte is the test's. */
function attacked(play: (target: NodeUnderAttack) => void, last: NodeEventCode): Producer {
  return async () => {
    const target = await NodeUnderAttack.open({ id: 'a' });
    later(() => target.close());
    const events: NodeEvent[] = [];
    target.node.events.subscribe((event) => events.push(event));
    target.node.table('hosts', { key: 'string' }).add('10.0.0.1');
    play(target);
    await until(() => events.some(({ code }) => code === last), last);
    return events;
  };
}

/** A peer that may not bring operations of others says it knows more of this node than the node itself. */
function claim(target: NodeUnderAttack): void {
  const peer = target.connect({ name: 'eve', nodes: ['e'] });
  const [own = ''] = peer.hello.origins;
  const held: [string, number][] = [[own, 1000]];
  peer.greet('e', { tables: peer.hello.tables.map((state) => ({ ...state, held })) });
}

/** Of one author a damaged run comes, and from another peer the whole one. */
function bringTwice(target: NodeUnderAttack): void {
  const run = { table: 'hosts', origin: 'b@1', keys: ['10.0.0.2'] };
  const [bad, good] = [target.connect(), target.connect()];
  bad.greet('hub');
  sendRuns(bad, setRun({ ...run, known: 9 }));
  good.greet('other');
  sendRuns(good, setRun(run));
}

/** More peers come under new names than are told of, and a minute of virtual time passes. */
async function tellMuch(): Promise<readonly NodeEvent[]> {
  const time = new VirtualTime();
  const environment = time.environment(new SeededRandom(1));
  const target = await time.until(NodeUnderAttack.open({ id: 'a' }, undefined, environment));
  later(() => target.close());
  const events: NodeEvent[] = [];
  target.node.events.subscribe((event) => events.push(event));
  for (let index = 0; index < MAX_NOTICES + 2; index++) {
    const peer = target.connect();
    peer.greet(`n${index}`);
    peer.deliver(new Uint8Array([1]));
    await time.run(1);
  }
  await time.run(120_000);
  return events;
}

/** Attaches a node to a stand-in for Zeek, which may have the script package loaded. */
function inZeek(
  play: (zeek: StandIn, node: Attached) => Promise<void>,
  options: Parameters<typeof simulated>[0] = {},
  attachment: Partial<ZeekAttachmentOptions> = {},
): Producer {
  return async () => {
    const zeek = simulated(options);
    await zeek.listen();
    later(() => zeek.stop());
    const node = await attached({ id: 'a' }, attachmentTo(zeek.url, { timings: PATIENT, ...attachment }));
    await until(() => node.codes().includes('zeek-connected'));
    await play(zeek, node);
    return node.events;
  };
}

const heard = (node: Attached, code: NodeEventCode): Promise<void> =>
  until(() => node.codes().includes(code), code);

/** The connection breaks, and the cluster writes meanwhile. */
async function miss(zeek: StandIn, node: Attached): Promise<void> {
  zeek.node('worker').set('E2e::counts', 'k', 1);
  await until(() => node.counts.get('k') === 1);
  await zeek.close('crash');
  await heard(node, 'zeek-lost');
  zeek.node('worker').set('E2e::counts', 'k', 2);
  zeek.node('manager').set('E2e::counts', 'k', 2);
  await zeek.listen();
}

async function loseOne(zeek: StandIn, node: Attached): Promise<void> {
  const write = (value: number): void => zeek.node('worker').set('E2e::counts', 'k', value);
  write(1);
  await until(() => node.counts.get('k') === 1);
  zeek.faults.dropEvery = 1;
  write(2);
  await until(() => zeek.dropped === 1);
  zeek.faults.dropEvery = 0;
  write(3);
  await heard(node, 'zeek-diverged');
}

async function share(zeek: StandIn): Promise<readonly NodeEvent[]> {
  const a = await attached({ id: 'a', listen: { port: 0 } }, attachmentTo(zeek.url));
  const b = await attached({ id: 'b', peers: [a.node.address ?? ''] }, attachmentTo(zeek.url));
  await until(() => a.codes().includes('zeek-connected') && b.codes().includes('zeek-connected'));
  await heard(a, 'peer-connected');
  b.counts.set('k', 1);
  await heard(a, 'zeek-shared');
  return a.events;
}

const SCRIPTS = { tablecast: { tables: ['E2e::counts'], announceMs: 20 } };

/** How each event is brought about that its page shows without a program. */
export const PRODUCERS: Readonly<Partial<Record<NodeEventCode, Producer>>> = {
  'table-alone': inCluster(misspell),
  'table-diverged': inCluster(diverge),
  'table-agrees': inCluster(agreeAgain),
  'backend-recovered': recover,
  'fork-claimed': attacked(claim, 'fork-claimed'),
  'operations-taken': attacked(bringTwice, 'operations-taken'),
  'notices-left-out': tellMuch,
  'carrier-replaced': atCarrier(remake),
  'carrier-refused': atCarrier(fill),
  'carrier-recovered': atCarrier(fill),
  'carrier-passed-over': atCarrier(forge),
  'carrier-incomplete': atCarrier(loseRows),
  'zeek-connected': inZeek(() => Promise.resolve()),
  'zeek-lost': inZeek(async (zeek, node) => {
    await zeek.close('crash');
    await heard(node, 'zeek-lost');
  }),
  'zeek-found': inZeek(
    (_, node) => heard(node, 'zeek-found'),
    { tablecast: { tables: ['E2e::counts'], announceMs: 20, pulseMs: 30 } },
    { tables: 'all' },
  ),
  'zeek-refilled': inZeek(async (zeek, node) => {
    await until(() => zeek.script('worker').acknowledged);
    node.counts.set('k', 1);
    zeek.startNode('worker');
    await heard(node, 'zeek-refilled');
  }, SCRIPTS),
  'zeek-missed': inZeek(async (zeek, node) => {
    await miss(zeek, node);
    await heard(node, 'zeek-missed');
  }),
  'zeek-caught-up': inZeek(async (zeek, node) => {
    await miss(zeek, node);
    await heard(node, 'zeek-caught-up');
  }, SCRIPTS),
  'zeek-diverged': inZeek(loseOne),
  'zeek-refused': inZeek((_, node) => heard(node, 'zeek-refused'), {
    tablecast: { tables: ['E2e::counts', 'E2e::other'], announceMs: 20 },
  }),
  'zeek-problem': inZeek(async (zeek, node) => {
    zeek.sendRaw('[');
    await heard(node, 'zeek-problem');
  }),
  'zeek-shared': async () => {
    const zeek = simulated();
    await zeek.listen();
    later(() => zeek.stop());
    return share(zeek);
  },
};
