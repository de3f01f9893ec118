import type { ChildBundle } from '../../reliability/support/child-bundle.ts';
import { setRun } from '../support.ts';
import type { Attack, Said } from './attacks.ts';
import { SocketPeer } from './socket-peer.ts';
import { Victim } from './victim.ts';
import type { VictimReport } from './victim-child.ts';

/** What a node is like that is attacked, and how much of it. */
export interface Scale {
  readonly tables: number;
  readonly lives: number;
  /** Honest peers that are connected, and hear what an attack makes them hear. */
  readonly peers: number;
  /** Small messages of one attack. */
  readonly count: number;
}

/** What an attack came to. */
export interface Damage extends VictimReport {
  readonly sentBytes: number;
  /** What the attacker and the honest peers were sent because of it. */
  readonly answeredBytes: number;
  readonly keptBytes: number;
}

const credentials = [
  { name: 'relay', token: 'relay', nodes: ['relay', 'donor'], origins: 'relay' as const },
  { name: 'writer', token: 'writer', nodes: ['writer'], write: ['t'] },
  { name: 'reader', token: 'reader', nodes: ['reader'], write: [] },
  { name: 'honest', token: 'honest', nodes: ['honest*'], write: [] },
];
/** Lives that one frame brings. */
const LIVES_AT_ONCE = 500;

/** Attacks a new node over real sockets, once; what honest peers do meanwhile is done by the caller's process. */
export async function assault(programs: ChildBundle, attack: Attack, scale: Scale): Promise<Damage> {
  const victim = await Victim.start(programs, { tables: scale.tables, credentials });
  const peers: SocketPeer[] = [];
  const join = async (token: string, id: string): Promise<[SocketPeer, Said]> => {
    const peer = await SocketPeer.connect(victim.address, token);
    peers.push(peer);
    const hello = await peer.greet(id);
    const more = peer.messages().flatMap((message) => (message.type === 'tables' ? message.tables : []));
    await peer.settled();
    peer.keeps = false;
    return [peer, { hello, tables: [...hello.tables, ...more] }];
  };
  try {
    await bringLives((await join('relay', 'donor'))[0], scale.lives);
    for (let index = 0; index < scale.peers; index++) await join('honest', `honest${index}`);
    const [attacker, said] = await join(attack.token, attack.token);
    const frames = attack.frames(said, scale.count);
    const received = (): number => peers.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);
    await settledAll(peers);
    const before = await victim.report();
    const receivedBefore = received();
    for (const frame of frames) attacker.send(frame);
    await settledAll(peers);
    const report = await victim.report();
    return {
      ...report,
      sentBytes: frames.reduce((sum, { length }) => sum + length, 0),
      answeredBytes: received() - receivedBefore,
      keptBytes: report.memoryBytes - before.memoryBytes,
    };
  } finally {
    for (const peer of peers) peer.close();
    await victim.stop();
  }
}

async function bringLives(donor: SocketPeer, lives: number): Promise<void> {
  for (let at = 0; at < lives; at += LIVES_AT_ONCE) {
    const count = Math.min(LIVES_AT_ONCE, lives - at);
    const runs = Array.from({ length: count }, (_, index) =>
      setRun({ table: 't', origin: `life${at + index}@1`, keys: [`key ${index}`] }),
    );
    donor.say({ type: 'runs', runs });
  }
  await donor.settled();
}

async function settledAll(peers: readonly SocketPeer[]): Promise<void> {
  for (const peer of peers) await peer.settled();
}
