import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Change, Conflict, MapTable, NodeEvent, Operation, TableDeclaration } from '../../src/index.ts';
import { type Message, encodeMessage } from '../../src/replication/wire/wire.ts';
import { NodeUnderAttack, type FakePeer } from '../reliability/support/fake-peer.ts';
import { donatedCheckpoint } from '../security/support-donor.ts';
import { readLog } from '../support/read-log.ts';
import { Turns } from '../support/turns.ts';
import { RunWriter } from '../../src/log/runs/run-writer.ts';

const ROWS = 600;
/** A checkpoint of so many rows is taken over in some more turns than so many per key of {@link gone}. */
const TURNS_PER_KEY = 3;
const naive = { key: 'string', value: 'double' } as const;
const lww = { key: 'string', value: 'double', mode: 'lww' } as const;
type Chunk = Extract<Message, { type: 'checkpoint' }>;

let target: NodeUnderAttack | undefined;
const checkpoints = new Map<TableDeclaration, Chunk[]>();

beforeAll(async () => {
  for (const declaration of [naive, lww])
    checkpoints.set(declaration, await donatedCheckpoint(declaration, ROWS));
});

afterEach(async () => {
  await target?.close();
  target = undefined;
});

interface Scene {
  readonly turns: Turns;
  readonly node: NodeUnderAttack['node'];
  readonly table: MapTable<string, number>;
  readonly peer: FakePeer;
  readonly events: NodeEvent[];
  readonly changes: Change<string, number>[];
  readonly conflicts: Conflict<string, number>[];
}

async function scene(declaration: TableDeclaration, own: Record<string, number> = {}): Promise<Scene> {
  const turns = new Turns(1);
  target = await NodeUnderAttack.open({ id: 'victim' }, turns);
  const { node } = target;
  const table = node.table('t', declaration) as unknown as MapTable<string, number>;
  const events: NodeEvent[] = [];
  const changes: Change<string, number>[] = [];
  const conflicts: Conflict<string, number>[] = [];
  for (const [key, value] of Object.entries(own)) table.set(key, value);
  node.events.subscribe((event) => events.push(event));
  table.changes.subscribe((change) => changes.push(change));
  table.conflicts.subscribe((conflict) => conflicts.push(conflict));
  const peer = target.connect();
  peer.greet('donor');
  return { turns, node, table, peer, events, changes, conflicts };
}

function sendCheckpoint(peer: FakePeer, declaration: TableDeclaration): void {
  for (const message of checkpoints.get(declaration) ?? []) peer.say(message);
}

/** Takes turns until the rows are about to be taken over: as many as a node before took, less one. */
async function half({ turns }: Scene, turnsWhole: number): Promise<void> {
  for (let turn = 0; turn < turnsWhole / 2; turn++) await turns.next();
}

/** How many turns pass until the rows are there. */
async function turnsOf(declaration: TableDeclaration, own: Record<string, number> = {}): Promise<number> {
  const { peer, turns, table } = await scene(declaration, own);
  sendCheckpoint(peer, declaration);
  while (!table.has('key 1')) await turns.next();
  const { taken } = turns;
  await turns.all();
  await target?.close();
  return taken;
}

function runOf(keys: readonly string[], value: number): Uint8Array {
  const run = new RunWriter('double');
  run.begin(1, { chapter: 0, keys: 0, origins: 0 }, []);
  for (const [index, key] of keys.entries()) {
    run.addKey(key);
    run.addSet(index, value, 5);
  }
  return run.encode('t', 'other@1', 1);
}

/** Keys that a checkpoint has seen removed. */
const gone = Array.from({ length: 20 }, (_, index) => `gone ${index}`);

/** A checkpoint of a node that had seen more. */
function withVector(chunks: readonly Chunk[], more: readonly [string, number][]): Chunk[] {
  return chunks.map((message) => {
    if (message.index > 0) return message;
    const header = JSON.parse(new TextDecoder().decode(message.chunk)) as {
      vector: unknown[];
      written?: unknown;
    };
    const { written: _, ...rest } = header;
    const text = JSON.stringify({ ...rest, vector: [...header.vector, ...more] });
    return { ...message, chunk: new TextEncoder().encode(text) };
  });
}

const own = { mine: 1, 'key 7': -7 };
const codes = ({ events }: Scene): string[] => events.map(({ code }) => code);

describe.each([
  ['naive', naive],
  ['lww', lww],
] as const)('a checkpoint taken over in slices, in mode %s', (mode, declaration) => {
  it('shows none of its rows before all, and tells each once', async () => {
    const one = await scene(declaration, own);
    sendCheckpoint(one.peer, declaration);
    const sizes = new Set([one.table.size]);
    while (one.turns.waits) {
      await one.turns.next();
      sizes.add(one.table.size);
    }
    expect([...sizes]).toEqual([2, ROWS + 1]);
    const told = one.changes.map(({ key }) => key).toSorted();
    const expected = Array.from({ length: ROWS }, (_, index) => `key ${index}`);
    // The row that was here is later than the checkpoint's where times decide.
    expect(told).toEqual(expected.filter((key) => mode === 'naive' || key !== 'key 7').toSorted());
    expect(one.table.get('key 7')).toBe(mode === 'naive' ? 7 : -7);
    expect(codes(one).filter((code) => code === 'checkpoint-adopted')).toHaveLength(1);
  });

  it('is told to the end also to who reads the rows and subscribes while it is being told', async () => {
    const one = await scene(declaration, own);
    sendCheckpoint(one.peer, declaration);
    while (!one.table.has('key 599')) await one.turns.next();
    const copy = new Map(one.table);
    const late: string[] = [];
    one.table.changes.subscribe(({ key, value }) => {
      late.push(key);
      copy.set(key, value as number);
    });
    one.table.set('key 5', -5);
    await one.turns.all();
    // It was told in slices: some before, the rest to both, and the write behind it.
    expect(late.length).toBeGreaterThan(1);
    expect(late).toEqual(one.changes.slice(-late.length).map(({ key }) => key));
    expect(late.at(-1)).toBe('key 5');
    expect(copy).toEqual(new Map(one.table));
  });

  it('is told to the end by a node that closes meanwhile', async () => {
    const one = await scene(declaration);
    sendCheckpoint(one.peer, declaration);
    while (!one.table.has('key 599')) await one.turns.next();
    one.table.set('key 5', -5);
    expect(one.changes.length).toBeLessThan(ROWS);
    await one.node.close();
    expect(one.changes).toHaveLength(ROWS + 1);
    expect(one.changes.at(-1)).toMatchObject({ key: 'key 5', value: -5 });
  });

  it('leaves what is written, removed and undone here in each of its turns as if it had come at their end', async () => {
    const one = await scene(declaration, own);
    sendCheckpoint(one.peer, declaration);
    let turn = 0;
    for (; !one.table.has('key 599'); turn++) {
      one.table.set(`key ${turn + 10}`, -turn);
      one.table.set(`new ${turn}`, turn);
      if (turn % 5 === 4) one.table.delete(`new ${turn - 2}`);
      expect(() =>
        one.node.batch(() => {
          one.table.set('key 4', -4);
          throw new Error('not so');
        }),
      ).toThrow('not so');
      expect(one.table.get(`key ${turn + 10}`)).toBe(-turn);
      await one.turns.next();
    }
    await one.turns.all();
    expect(turn).toBeGreaterThan(20);
    expect(turn).toBeLessThan(ROWS - 20);
    const rows = new Map(one.table);
    expect(rows.size).toBe(ROWS + 1 + turn - Math.floor(turn / 5));
    for (let index = 0; index < turn; index++) {
      expect(rows.get(`key ${index + 10}`)).toBe(mode === 'naive' ? index + 10 : -index);
      expect(rows.get(`new ${index}`)).toBe(index % 5 === 2 && index + 2 < turn ? undefined : index);
    }
    expect(rows.get('key 4')).toBe(4);
    // The log says the same.
    expect(await one.node.log.stateAt({ table: 't' })).toEqual(rows);
  });

  it('says that a row is gone, and not one that was written here meanwhile', async () => {
    const one = await scene(declaration);
    const live: Operation[] = [];
    one.node.log.operations().subscribe((operation) => live.push(operation));
    const other = (target as NodeUnderAttack).connect();
    other.greet('other');
    // The donor has seen these, and has them no longer.
    other.deliver(encodeMessage({ type: 'runs', runs: [runOf(gone, 5)] }));
    while (one.table.size < gone.length) await one.turns.all();
    const seen = withVector(checkpoints.get(declaration) ?? [], [['other@1', gone.length]]);
    for (const message of seen) one.peer.say(message);
    // One after the other, so that some are written when it is worked out already what goes.
    for (let turn = 0; !one.table.has('key 599'); turn++) {
      const key = gone[Math.floor(turn / TURNS_PER_KEY)];
      if (key !== undefined && turn % (2 * TURNS_PER_KEY) === 0) one.table.set(key, turn);
      await one.turns.next();
    }
    await one.turns.all();
    const kept = gone.filter((key) => one.table.has(key));
    expect(kept).toEqual(gone.filter((_, index) => index % 2 === 0));
    expect(await one.node.log.stateAt({ table: 't' })).toEqual(new Map(one.table));
    // What was written meanwhile does not change what is told of a removal: the log says the same.
    expect(live).toEqual(await readLog(one.node));
  });

  it('begins anew when the table is cleared meanwhile, and when it switches its mode', async () => {
    const turns = await turnsOf(declaration, own);
    const one = await scene(declaration, own);
    sendCheckpoint(one.peer, declaration);
    await half(one, turns);
    one.table.clear();
    await half(one, turns);
    const switching = one.table.switchMode(mode === 'naive' ? 'lww' : 'naive');
    await one.turns.all();
    await switching;
    // What comes from before a switch counts as seen, and changes no row.
    expect(one.table.size).toBe(0);
    expect(await one.node.log.stateAt({ table: 't' })).toEqual(new Map(one.table));
    expect(one.peer.closedWith).toBeUndefined();
  });

  it('is cleared by what clears the table behind it', async () => {
    const turns = await turnsOf(declaration, own);
    const one = await scene(declaration, own);
    sendCheckpoint(one.peer, declaration);
    await half(one, turns);
    one.table.clear();
    await one.turns.all();
    expect(one.table.size).toBe(mode === 'naive' ? ROWS : 0);
    expect(await one.node.log.stateAt({ table: 't' })).toEqual(new Map(one.table));
  });

  it('keeps what peers send meanwhile waiting, a second checkpoint among it', async () => {
    const turns = await turnsOf(declaration, own);
    const one = await scene(declaration, own);
    const other = (target as NodeUnderAttack).connect();
    other.greet('other');
    sendCheckpoint(one.peer, declaration);
    await half(one, turns);
    other.deliver(encodeMessage({ type: 'runs', runs: [runOf(['key 9', 'theirs'], 90)] }));
    sendCheckpoint(one.peer, declaration);
    sendCheckpoint(other, declaration);
    expect(one.table.has('theirs')).toBe(false);
    while (one.turns.waits || !one.table.has('theirs')) await one.turns.all();
    expect(one.table.size).toBe(ROWS + 2);
    expect(one.table.get('key 9')).toBe(mode === 'naive' ? 90 : 9);
    expect(codes(one).filter((code) => code === 'checkpoint-adopted')).toHaveLength(3);
    expect([one.peer.closedWith, other.closedWith]).toEqual([undefined, undefined]);
  });

  it('is finished when its session ends, and dropped when the node closes', async () => {
    const turns = await turnsOf(declaration, own);
    const one = await scene(declaration, own);
    sendCheckpoint(one.peer, declaration);
    await half(one, turns);
    one.peer.close('gone');
    await one.turns.all();
    expect(one.table.size).toBe(ROWS + 1);
    await target?.close();
    const two = await scene(declaration, own);
    sendCheckpoint(two.peer, declaration);
    await half(two, turns);
    await target?.close();
    await two.turns.all();
    expect(two.table.size).toBe(2);
    target = undefined;
  });
});
