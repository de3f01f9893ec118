import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, firstValueFrom } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Credential,
  type MapTable,
  type NodeEvent,
  type TableDeclaration,
  type TableNode,
  openNode,
} from '../../src/index.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { EVE, Grammar, SAID, type Said } from '../simulation/adversary/grammar.ts';
import { Knowledge } from '../simulation/adversary/knowledge.ts';
import { SocketPeer } from './cost/socket-peer.ts';

/** Messages of one type that each credential sends. */
const MESSAGES = 60;
const SECRET = 'eve-token';

const TABLES = {
  open: { key: 'string', value: 'int' },
  naive: { key: 'string', value: 'int', backend: 'sqlite' },
  lww: { key: 'string', value: 'int', mode: 'lww' },
  automerge: { key: 'string', value: 'int', mode: 'automerge', backend: 'sqlite' },
} as const satisfies Readonly<Record<string, TableDeclaration>>;
const CLOSED = ['naive', 'lww', 'automerge'] as const;

/** What both honest nodes were told. */
const events: NodeEvent[] = [];

function declared(node: TableNode): TableNode {
  for (const [name, declaration] of Object.entries(TABLES)) node.table(name, declaration);
  node.events.subscribe((event) => events.push(event));
  return node;
}

const table = (node: TableNode, name: string): MapTable<string, number> =>
  node.tables.get(name) as MapTable<string, number>;

/** Two honest nodes, of which the first takes connections of a peer with such rights. */
async function honest(directory: string, rights: Partial<Credential>): Promise<[TableNode, TableNode]> {
  const credentials = [
    { name: 'other', token: 'other-token', nodes: ['other'], origins: 'relay' as const },
    { name: EVE, token: SECRET, nodes: [EVE], ...rights },
  ];
  const at = (id: string): string => join(directory, id);
  const hub = declared(
    await openNode({ id: 'hub', directory: at('hub'), listen: { port: 0 }, auth: { credentials } }),
  );
  const peers = [hub.address as string];
  const other = declared(
    await openNode({ id: 'other', directory: at('other'), peers, auth: { token: 'other-token' } }),
  );
  return [hub, other];
}

/** Resolves as soon as a row says so. */
async function arrives(node: TableNode, name: string, key: string, value: number): Promise<void> {
  const here = table(node, name);
  if (here.get(key) === value) return;
  await firstValueFrom(here.changes.pipe(filter(() => here.get(key) === value)));
}

/** Says messages of one type, and connects again whenever the node has had enough of it. */
async function speak(hub: TableNode, type: Said, seed: number): Promise<void> {
  const known = new Knowledge(TABLES);
  const grammar = new Grammar(new SeededRandom(seed), known, () => Date.now());
  let peer: SocketPeer | undefined;
  for (let count = 0; count < MESSAGES; count++) {
    if (peer?.isOpen !== true) {
      peer = await SocketPeer.connect(hub.address as string, SECRET);
      known.learn({ type: 'hello', hello: (await peer.first('hello')).hello });
      if (type !== 'hello') await peer.greet(EVE);
    }
    peer.say(grammar.message(type));
    if (count % 10 === 9) await peer.settled();
  }
  peer?.close();
}

const RIGHTS: readonly (readonly [string, Partial<Credential>])[] = [
  ['reads', { write: [] }],
  ['reads and relays', { write: [], origins: 'relay' }],
  ['writes one table', { write: ['open'] }],
  ['writes and relays one table', { write: ['open'], origins: 'relay' }],
];

describe.each(RIGHTS)('a peer that %s', (_, rights) => {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-apart-'));
  let hub: TableNode;
  let other: TableNode;
  let round = 0;

  /** Both write all tables that the peer may not write, and get what the other wrote. */
  async function exchange(): Promise<void> {
    round++;
    for (const name of CLOSED) {
      table(hub, name).set('of hub', round);
      table(other, name).set('of other', -round);
      await arrives(other, name, 'of hub', round);
      await arrives(hub, name, 'of other', -round);
    }
  }

  beforeAll(async () => {
    [hub, other] = await honest(directory, rights);
    await exchange();
  });

  afterAll(async () => {
    await other.close();
    await hub.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it.each([...new Set(SAID)])('changes nothing of another table by any %s', async (type) => {
    const link = async (): Promise<unknown> => {
      return (await firstValueFrom(hub.peers)).find(({ nodeId }) => nodeId === 'other')?.since;
    };
    const before = await link();
    events.length = 0;
    for (let seed = 1; seed <= 2; seed++) await speak(hub, type, seed);
    await exchange();
    for (const node of [hub, other]) {
      for (const name of CLOSED) {
        const rows = Object.fromEntries(table(node, name).entries());
        expect(rows).toEqual({ 'of hub': round, 'of other': -round });
        expect(table(node, name).mode).toBe(name);
        expect(await firstValueFrom(table(node, name).synced)).toBe(true);
      }
    }
    // Its links are the same, its time is this machine's, and nobody is told to do anything because of it.
    expect(await link()).toBe(before);
    const alarms = events.filter(
      ({ code, table: of }) => /fork-detected|diverged|epoch-began/.test(code) && of !== 'open',
    );
    expect(alarms).toEqual([]);
    expect(await latestTime(hub)).toBeLessThan(Date.now() + 1000);
  });
});

/** The time of the latest write of a node, as an ordering clock that was moved would have it. */
async function latestTime(node: TableNode): Promise<number> {
  let latest = 0;
  await node.log.operations({ until: node.log.position }).forEach(({ time, table: of, origin }) => {
    if (of !== 'open' && origin.startsWith(`${node.id}@`)) latest = Math.max(latest, time);
  });
  return latest;
}
