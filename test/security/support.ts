import { RunWriter } from '../../src/log/runs/run-writer.ts';
import type { FakePeer } from '../reliability/support/fake-peer.ts';

/** What a run of a table of type `none` (a set) says; each key is written once. */
export interface SetRun {
  readonly table: string;
  readonly origin: string;
  readonly keys: readonly string[];
  readonly firstSequence?: number;
  /** How many keys the author's dictionary has before it. */
  readonly known?: number;
}

/** The bytes of a run as its author would have written them. */
export function setRun({ table, origin, keys, firstSequence = 1, known = 0 }: SetRun): Uint8Array {
  const run = new RunWriter('none');
  run.begin(firstSequence, { chapter: 0, keys: known, origins: 0 }, []);
  for (const [index, key] of keys.entries()) {
    run.addKey(key);
    run.addSet(known + index, undefined, 5);
  }
  return run.encode(table, origin, 1);
}

/** Sends runs in one frame. */
export function sendRuns(peer: FakePeer, ...runs: Uint8Array[]): void {
  peer.say({ type: 'runs', runs });
}

/** Everything a node sent to a peer, as one piece. */
export function everythingSent(peer: FakePeer): Buffer {
  return Buffer.concat(peer.received);
}
