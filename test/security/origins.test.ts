import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SetTable } from '../../src/index.ts';
import { RunWriter } from '../../src/log/runs/run-writer.ts';
import { Origins } from '../../src/log/operations/origin.ts';
import {
  CLAIMS_BEYOND,
  Claims,
  MAX_CLAIMS_OF_AUTHOR,
  MAX_CLAIMS_OF_TABLE,
} from '../../src/projection/held/claims.ts';
import { type FakePeer, NodeUnderAttack } from '../reliability/support/fake-peer.ts';
import { sendRuns, setRun } from './support.ts';
import { PATIENCE_MS } from '../support/patience.ts';

let target: NodeUnderAttack | undefined;

afterEach(async () => {
  await target?.close();
});

const writer = { name: 'writer', nodes: ['writer'], write: ['t'] };

/** A run of one operation that names origins of which nobody has one. */
function runNaming(index: number, names: readonly string[]): Uint8Array {
  const run = new RunWriter('none');
  const known = index * names.length;
  run.begin(index + 1, { chapter: 0, keys: index, origins: known }, []);
  for (const name of names) run.addOrigin(name);
  run.addKey(`key ${index}`);
  run.addSet(index, undefined, 5);
  return run.encode('t', 'writer@1', 1);
}

const invented = (frame: number): string[] =>
  Array.from({ length: 3200 }, (_, index) => `nobody${frame}x${index}@1`);

async function victim(): Promise<{ peer: FakePeer; relay: FakePeer; t: SetTable; other: SetTable }> {
  target = await NodeUnderAttack.open({ id: 'victim' });
  const t = target.node.table('t', { key: 'string' }) as SetTable;
  const other = target.node.table('other', { key: 'string' }) as SetTable;
  const peer = target.connect(writer);
  peer.greet('writer');
  const relay = target.connect();
  relay.greet('honest');
  return { peer, relay, t, other };
}

describe('origins that a writer of one table invents', () => {
  it('close no table to nodes that were never heard of, not even that one', async () => {
    const { peer, relay, t, other } = await victim();
    for (let frame = 0; frame < 82; frame++) sendRuns(peer, runNaming(frame, invented(frame)));
    peer.say({ type: 'ping', time: 1 });
    await vi.waitFor(() => expect(peer.messages('pong')).toHaveLength(1), PATIENCE_MS);
    expect(t.size).toBe(2);
    sendRuns(relay, setRun({ table: 'other', origin: 'newcomer@1', keys: ['here'] }));
    sendRuns(relay, setRun({ table: 't', origin: 'newcomer@1', keys: ['here'] }));
    await vi.waitFor(() => expect([other.has('here'), t.has('here')]).toEqual([true, true]), PATIENCE_MS);
  });

  // INV-5
  it('are not remembered of runs that are not taken', async () => {
    const { relay, t } = await victim();
    for (let frame = 0; frame < 100; frame++) {
      const runs = Array.from({ length: 1000 }, (_, index) =>
        setRun({ table: 't', origin: `gap${frame}x${index}@1`, keys: ['a'], firstSequence: 9 }),
      );
      sendRuns(relay, ...runs);
    }
    sendRuns(relay, setRun({ table: 't', origin: 'newcomer@1', keys: ['here'] }));
    await vi.waitFor(() => expect(t.has('here')).toBe(true), PATIENCE_MS);
  });
});

describe('what a node may name without having seen it', () => {
  const names = (from: number, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `n${from + index}@1`);

  function named(): {
    claims: Claims;
    origins: Origins;
    name(this: void, author: string, from: number, count: number): void;
  } {
    const origins = new Origins();
    const claims = new Claims(origins, 't');
    const name = (author: string, from: number, count: number): void => {
      const texts = names(from, count);
      claims.require(author, claims.unknown(texts));
      for (const text of texts) claims.intern(text, author);
    };
    return { claims, origins, name };
  }

  it('is as much as the limit of an author, and not one more', () => {
    const { name } = named();
    name('a', 0, MAX_CLAIMS_OF_AUTHOR);
    expect(() => name('a', MAX_CLAIMS_OF_AUTHOR, 1)).toThrow(/name 8193 origins/);
    name('b', MAX_CLAIMS_OF_AUTHOR, 1);
  });

  it('is free again as soon as something of it is held', () => {
    const { claims, origins, name } = named();
    name('a', 0, MAX_CLAIMS_OF_AUTHOR);
    claims.held(origins.intern('n0@1'));
    name('a', MAX_CLAIMS_OF_AUTHOR, 1);
  });

  it('is a few for everybody when those of a table are used up', () => {
    const { name } = named();
    for (let at = 0; at < MAX_CLAIMS_OF_TABLE; at += 4096) name(`a${at}`, at, 4096);
    name('late', MAX_CLAIMS_OF_TABLE, CLAIMS_BEYOND);
    expect(() => name('late', MAX_CLAIMS_OF_TABLE + CLAIMS_BEYOND, 1)).toThrow(/of all nodes together/);
    name('later', MAX_CLAIMS_OF_TABLE + CLAIMS_BEYOND, 1);
  });
});
