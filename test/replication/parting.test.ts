import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeEvent } from '../../src/index.ts';
import { RunWriter } from '../../src/log/runs/run-writer.ts';
import { modeNamed } from '../../src/modes/registry.ts';
import { checkpointChunks } from '../../src/projection/checkpoints/checkpoint-writer.ts';
import { scratchProjection } from '../../src/projection/scratch.ts';
import type { TableState } from '../../src/replication/wire/bodies.ts';
import { decodeMessage } from '../../src/replication/wire/wire.ts';
import { compileSchema } from '../../src/schema/index.ts';
import { type FakePeer, NodeUnderAttack } from '../reliability/support/fake-peer.ts';
import { readLog } from '../support/read-log.ts';

const counts = { key: 'string', value: 'count', backend: 'memory' } as const;

describe('what a peer says of the sessions that wrote what it holds', () => {
  let under: NodeUnderAttack;
  let events: NodeEvent[];

  beforeEach(async () => {
    under = await NodeUnderAttack.open({ id: 'here' });
    events = [];
    under.node.events.subscribe((event) => events.push(event));
    under.node.table('counts', counts).set('key', 1);
    await under.node.flush();
  });
  afterEach(() => under.close());

  /** Greets, and says so much of the table more than the node did itself. */
  async function greeted(more: (state: TableState) => Partial<TableState>): Promise<FakePeer> {
    const peer = under.connect();
    const tables = peer.hello.tables.map((state) => ({ ...state, ...more(state) }));
    peer.greet('there', { tables });
    await setImmediate();
    return peer;
  }

  const forks = (): NodeEvent[] => events.filter(({ code }) => code === 'fork-detected');

  it('agrees with what this node says', async () => {
    const peer = await greeted(() => ({}));
    under.node.table('counts', counts).set('key', 2);
    await under.node.flush();
    await setImmediate();
    expect(forks()).toEqual([]);
    expect(peer.messages('runs')).toHaveLength(1);
  });

  it('is not needed: a peer of 0.1.0 does not say it', async () => {
    // What the first peer says of this node's own is judged by what was here at the start.
    await greeted(() => ({ held: [], sessions: undefined }));
    const peer = await greeted(() => ({ sessions: undefined }));
    under.node.table('counts', counts).set('key', 2);
    await under.node.flush();
    await setImmediate();
    expect(forks()).toEqual([]);
    expect(peer.messages('runs')).toHaveLength(1);
  });

  it('parts the table when it is another one for the same operation, which the peer is told', async () => {
    const peer = await greeted(({ sessions = [] }) => ({ sessions: sessions.map((session) => session + 1) }));
    under.node.table('counts', counts).set('key', 2);
    await under.node.flush();
    await setImmediate();
    expect(forks()).toHaveLength(1);
    expect(peer.messages('runs')).toEqual([]);
    expect(peer.messages('tables').map(({ tables: [state] }) => state?.parted)).toEqual([
      peer.hello.tables[0]?.held[0]?.[0],
    ]);
    expect(peer.closedWith).toBeUndefined();
  });

  it('may be that it knows of a fork, of a life that this node holds; of another it means nothing', async () => {
    await greeted(() => ({ parted: 'nobody@1\n2026 forged line' }));
    expect(forks()).toEqual([]);
    await greeted(({ held }) => ({ parted: held[0]?.[0] }));
    expect(forks()).toHaveLength(1);
  });

  it('is refused when it is no list of numbers', async () => {
    const peer = await greeted(() => ({ sessions: ['one'] as never }));
    expect(peer.closedWith).toMatch(/^A peer sent a message whose tables/);
  });

  it('may be longer or shorter than what it holds', async () => {
    await greeted(() => ({ held: [] }));
    for (const sessions of [[], [0], Array.from({ length: 100 }, () => 0)])
      await greeted(() => ({ sessions }));
    expect(forks()).toEqual([]);
  });

  // INV-4
  it('shows in operations that come twice, from two sessions of their author', async () => {
    const peer = await greeted(() => ({ held: [] }));
    peer.say({ type: 'runs', runs: [runOf({ first: 1, session: 8, value: 10 })] });
    peer.say({ type: 'runs', runs: [runOf({ first: 1, session: 8, value: 10 })] });
    await setImmediate();
    expect(forks()).toEqual([]);
    const others = [runOf({ first: 1, session: 9, value: 20 }), runOf({ first: 2, session: 9, value: 30 })];
    peer.say({ type: 'runs', runs: others });
    await setImmediate();
    expect(forks().map(({ details }) => details?.['origin'])).toEqual(['author@1']);
    expect(under.node.table('counts', counts).get('of another')).toBe(10);
  });
});

/** One write of a node that is neither of the two. */
function runOf({ first, session, value }: { first: number; session: number; value: number }): Uint8Array {
  const writer = new RunWriter('integer');
  writer.begin(first, { chapter: first, keys: 0, origins: 0 }, []);
  writer.addKey('of another');
  writer.addSet(0, value, 1000 + first);
  return writer.encode('counts', 'author@1', session);
}

describe('what a peer wrote itself and has forgotten', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tablecast-forgotten-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('is given back after it was told that it is there, so that it begins a new life first', async () => {
    const under = await NodeUnderAttack.open({ id: 'here' });
    const seen = under.node.table('seen', { key: 'string', backend: 'memory' });
    const peer = under.connect();
    peer.greet('there');
    await setImmediate();
    // It comes after the greeting: what the peer sent in its last life was still being taken in.
    const other = under.connect();
    other.greet('other');
    const runs = [1, 2].map((sequence) => {
      const run = new RunWriter('none');
      run.begin(sequence, { chapter: 0, keys: sequence - 1, origins: 0 }, []);
      run.addKey(`key ${sequence}`);
      run.addSet(sequence - 1, undefined, 5);
      return run.encode('seen', 'there@1', 3);
    });
    for (const run of runs) other.say({ type: 'runs', runs: [run] });
    await setImmediate();
    expect(seen.size).toBe(2);
    const types = peer.received.map((frame) => decodeMessage(frame).type);
    expect(types.filter((type) => type === 'tables' || type === 'runs')).toEqual(['tables', 'runs', 'runs']);
    expect(peer.messages('tables')[0]?.tables).toMatchObject([{ name: 'seen', held: [['there@1', 1]] }]);
    await under.close();
  });

  /** A checkpoint that went on while it was made: a row is newer than what it says to hold. */
  async function giveBack(under: NodeUnderAttack): Promise<FakePeer> {
    const peer = under.connect();
    const schema = compileSchema('rows', rows);
    const { projection, origins } = scratchProjection(schema, modeNamed);
    const own = peer.hello.origins.at(-1) as string;
    const dot = { origin: origins.intern(own), sequence: 2, stamp: 5 };
    projection.rows.put(projection.rows.slotOf('forgotten'), 7, dot);
    peer.greet('there');
    const chunks = [...checkpointChunks(projection, origins)];
    for (const [index, chunk] of chunks.entries())
      peer.say({ type: 'checkpoint', table: 'rows', index, last: index === chunks.length - 1, chunk });
    await setImmediate();
    return peer;
  }
  const rows = { key: 'string', value: 'count', backend: 'sqlite', mode: 'lww' } as const;

  it('begins a new life also when only rows of a checkpoint say so', async () => {
    const under = await NodeUnderAttack.open({ id: 'here', directory });
    const table = under.node.table('rows', rows);
    const peer = await giveBack(under);
    expect([...table]).toEqual([['forgotten', 7]]);
    expect(peer.closedWith).toBeUndefined();
    table.set('new', 1);
    const written = (await readLog(under.node)).at(-1);
    expect(written).toMatchObject({ key: 'new', sequence: 1 });
    expect(peer.hello.origins).not.toContain(written?.origin);
    await under.close();
  });

  it('parts the table when others were written under the same names', async () => {
    const under = await NodeUnderAttack.open({ id: 'here', directory });
    const events: NodeEvent[] = [];
    under.node.events.subscribe((event) => events.push(event));
    const table = under.node.table('rows', rows);
    table.set('mine', 1);
    const peer = await giveBack(under);
    expect([...table]).toEqual([['mine', 1]]);
    expect(peer.closedWith).toBeUndefined();
    expect(events.map(({ code }) => code)).toEqual(['peer-connected', 'fork-detected']);
    await under.close();
  });
});
