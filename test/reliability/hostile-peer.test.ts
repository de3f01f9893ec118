import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeEvent, SetTable } from '../../src/index.ts';
import { RunWriter } from '../../src/log/runs/run-writer.ts';
import { encodeMessage } from '../../src/replication/wire/wire.ts';
import { threadTime } from '../support/thread-time.ts';
import { collectedHeap } from './support/collected-heap.ts';
import { type FakePeer, NodeUnderAttack } from './support/fake-peer.ts';
import { declareAll } from './support/valid-frames.ts';

const MIB = 1024 * 1024;
const HELLO = 1;
const HOSTILE_NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', 'valueOf'];

let target: NodeUnderAttack;
let events: NodeEvent[];

beforeEach(async () => {
  target = await NodeUnderAttack.open({ id: 'victim' });
  declareAll(target.node);
  events = [];
  target.node.events.subscribe((event) => events.push(event));
});

afterEach(async () => {
  await target.close();
});

const seen = (): SetTable => target.node.table('seen', { key: 'string', backend: 'memory' }) as SetTable;

function greeted(node: string): FakePeer {
  const peer = target.connect();
  peer.greet(node);
  return peer;
}

/** A run of `seen` with one key per operation, or of one key many times. */
function runOf(
  origin: string,
  firstSequence: number,
  keys: readonly string[],
  state = { keys: 0 },
): Uint8Array {
  const run = new RunWriter('none');
  run.begin(firstSequence, { chapter: 0, keys: state.keys, origins: 0 }, []);
  for (const [index, key] of keys.entries()) {
    run.addKey(key);
    run.addSet(state.keys + index, undefined, 5);
  }
  return run.encode('seen', origin, 1);
}

/** A checkpoint of `seen` without rows, with a header that says what it likes. */
function checkpoint(peer: FakePeer, header: Record<string, unknown>): void {
  const { fingerprint } = peer.hello.tables.find(({ name }) => name === 'seen') as { fingerprint: string };
  const said = {
    version: 1,
    table: 'seen',
    fingerprint,
    vector: [],
    contexts: [],
    dictionaries: [],
    ...header,
  };
  const chunk = new TextEncoder().encode(JSON.stringify(said));
  peer.say({ type: 'checkpoint', table: 'seen', index: 0, last: true, chunk });
}

function textFrame(type: number, text: string): Uint8Array {
  return Buffer.concat([Uint8Array.of(type), Buffer.from(text)]);
}

function milliseconds(work: () => void): number {
  const time = threadTime();
  work();
  return time();
}

/** Writes here still reach an honest peer. */
async function expectServes(): Promise<void> {
  const honest = greeted('honest');
  seen().add('still here');
  for (let turn = 0; turn < 100 && honest.messages('runs').length === 0; turn++) await setImmediate();
  expect(honest.closedWith).toBeUndefined();
  expect(honest.messages('runs').length).toBeGreaterThan(0);
}

describe('names that are members of every object', () => {
  it('are keys, origins, nodes and tables like any other, and reach no prototype', async () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    for (const name of HOSTILE_NAMES)
      target.node.table(name, { key: 'string', value: 'count', backend: 'memory' });
    const peer = target.connect();
    peer.greet('constructor');
    peer.say({ type: 'runs', runs: [runOf('constructor@1', 1, HOSTILE_NAMES)] });
    peer.say({
      type: 'sources',
      sources: { direct: [['__proto__', ['__proto__']]], have: [['__proto__', '__proto__', 1]] },
    });
    peer.say({ type: 'level', tables: HOSTILE_NAMES });
    expect(peer.closedWith).toBeUndefined();
    expect([...seen()]).toEqual(HOSTILE_NAMES);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
    await expectServes();
  });

  it('in the JSON of a hello change nothing but that hello', async () => {
    const peer = target.connect();
    const said = JSON.stringify(peer.hello).replace(
      '{',
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},',
    );
    peer.deliver(textFrame(HELLO, said));
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
    peer.close('enough');
    await expectServes();
  });
});

describe('a peer that lies about operations', () => {
  it('is refused with operations of the life this node lives', async () => {
    const peer = target.connect();
    const [own] = peer.hello.origins as [string];
    peer.greet('evil');
    peer.say({ type: 'runs', runs: [runOf(own, 1, ['forged'])] });
    expect(target.refusals).toEqual([expect.stringContaining('did not write')]);
    expect(peer.closedWith).toBeUndefined();
    expect([...seen()]).toEqual([]);
    await expectServes();
  });

  it('is refused with a checkpoint that claims more of this life than there is', async () => {
    const peer = target.connect();
    const [own] = peer.hello.origins as [string];
    peer.greet('evil');
    checkpoint(peer, { vector: [[own, 2 ** 53 - 1]] });
    expect(target.refusals).toEqual([expect.stringContaining('did not write')]);
    expect(peer.closedWith).toBeUndefined();
    await expectServes();
  });

  it('with a gap before its operations changes nothing and is told what is held', () => {
    const peer = greeted('evil');
    peer.say({ type: 'runs', runs: [runOf('evil@1', 5, ['far ahead'])] });
    expect([...seen()]).toEqual([]);
    expect(peer.closedWith).toBeUndefined();
    expect(
      peer
        .messages('tables')
        .at(-1)
        ?.tables.map(({ name }) => name),
    ).toEqual(['seen']);
  });

  it('under the name of nobody is refused', () => {
    for (const origin of ['', '__proto__', 'a@', '@1', 'a b@1', 'evil@1@1', '../x@1']) {
      const peer = greeted(`liar-${Math.abs(origin.length)}-${HOSTILE_NAMES.indexOf(origin)}`);
      peer.say({ type: 'runs', runs: [runOf(origin, 1, ['x'])] });
      expect(peer.closedWith, origin).toBeDefined();
    }
    expect([...seen()]).toEqual([]);
  });

  it('that refers to keys nobody named is refused', () => {
    const peer = greeted('evil');
    peer.say({ type: 'runs', runs: [runOf('evil@1', 1, ['x'], { keys: 2 ** 24 })] });
    expect(target.refusals).toEqual([expect.stringContaining('keys')]);
    expect(peer.closedWith).toBeUndefined();
  });
});

describe('a first message made to cost time', () => {
  it.each([
    [
      'a million lists where tables belong',
      `{"protocol":[1,1],"node":"evil","session":1,"origins":[],"tables":[${'[],'.repeat(1e6)}[]]}`,
    ],
    ['four million open brackets', '['.repeat(4e6)],
    [
      'a million texts',
      `{"protocol":[1,1],"node":"evil","session":1,"tables":[],"origins":[${'"a",'.repeat(1e6)}"a"]}`,
    ],
    ['a million members', `{${'"1":1,'.repeat(6e5)}"node":1}`],
    ['an open text of four megabytes', `{"node":"${'a'.repeat(4e6)}`],
  ])('%s is refused in the time of a glance', async (_, text) => {
    const peer = target.connect();
    const frame = textFrame(HELLO, text);
    // Each took up to 14 s before values were counted first; the bound leaves room for a busy machine.
    expect(milliseconds(() => peer.deliver(frame))).toBeLessThan(100);
    expect(peer.closedWith).toBeDefined();
    await expectServes();
  });

  it('with as many origins as one may name is taken, and with more refused', async () => {
    const held = (count: number) =>
      Array.from({ length: count }, (_, index) => [`n${index}@1`, 1] as [string, number]);
    for (const [count, taken] of [
      [16_384, true],
      [16_385, false],
    ] as const) {
      const peer = target.connect();
      const tables = peer.hello.tables
        .filter(({ name }) => name === 'seen')
        .map((table) => ({ ...table, held: held(count) }));
      const frame = encodeMessage({
        type: 'hello',
        hello: { ...peer.hello, node: `evil${count}`, origins: [], tables },
      });
      expect(milliseconds(() => peer.deliver(frame))).toBeLessThan(500);
      expect(peer.closedWith === undefined).toBe(taken);
    }
    await expectServes();
  });
});

describe('a peer that wants memory', () => {
  it('gets no more tables remembered than the limit', async () => {
    const peer = greeted('evil');
    const [state] = peer.hello.tables;
    const before = collectedHeap();
    for (let round = 0; round < 40 && peer.closedWith === undefined; round++) {
      const names = Array.from({ length: 1000 }, (_, index) => `t${round}x${index}`);
      const fingerprint = 'f'.repeat(3000);
      peer.say({
        type: 'tables',
        tables: names.map((name) => ({ ...(state as object), name, fingerprint, held: [] }) as never),
      });
      // Announcements are heard in turns; what comes faster waits, and is bounded by another limit.
      for (let turn = 0; turn < 20; turn++) await setImmediate();
    }
    expect(peer.closedWith).toContain('4096 tables');
    expect(collectedHeap() - before).toBeLessThan(32 * MIB);
  });

  it('gets nothing remembered of origins this node does not hold', async () => {
    const peer = greeted('evil');
    const before = collectedHeap();
    for (let round = 0; round < 10; round++) {
      const have = Array.from(
        { length: 16_000 },
        (_, index) => ['seen', `n${round}x${index}@1`, 5] as [string, string, number],
      );
      peer.say({ type: 'sources', sources: { direct: [], have } });
      for (let turn = 0; turn < 10; turn++) await setImmediate();
    }
    expect(peer.closedWith).toBeUndefined();
    expect(collectedHeap() - before).toBeLessThan(4 * MIB);
  });

  it('cannot send chunks out of order, nor of a table that is not shared', async () => {
    const chunk = new Uint8Array(100);
    for (const [node, index] of [
      ['late', 1],
      ['far', 2 ** 40],
    ] as const) {
      const peer = greeted(node);
      peer.say({ type: 'checkpoint', table: 'seen', index, last: false, chunk });
      expect(peer.closedWith).toContain('out of turn');
    }
    const peer = greeted('elsewhere');
    peer.say({ type: 'checkpoint', table: 'not declared', index: 7, last: false, chunk });
    expect(peer.closedWith).toBeUndefined();
    await expectServes();
  });

  it('cannot leave a checkpoint unfinished and keep its chunks beyond the session', async () => {
    const before = collectedHeap();
    const peer = greeted('endless');
    const chunk = new Uint8Array(MIB);
    for (let index = 0; index < 64; index++) {
      peer.say({ type: 'checkpoint', table: 'seen', index, last: false, chunk: chunk.slice() });
      await setImmediate();
    }
    expect(collectedHeap() - before).toBeGreaterThan(50 * MIB);
    peer.close('gone');
    let left = Infinity;
    for (let turn = 0; turn < 50 && left > 8 * MIB; turn++) {
      await setImmediate();
      left = collectedHeap() - before;
    }
    expect(left).toBeLessThan(8 * MIB);
  });

  it('cannot have a dictionary made that its checkpoint does not spell out', async () => {
    const peer = greeted('evil');
    checkpoint(peer, {
      vector: [['evil@1', 5]],
      dictionaries: [{ origin: 'evil@1', chapter: 0, keys: 2 ** 24, origins: [] }],
    });
    expect(target.refusals).toEqual([expect.stringContaining('dictionary')]);
    await expectServes();
  });
});
