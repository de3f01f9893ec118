import assert from 'node:assert/strict';
import type { Backend, Commit, Segment } from '../log/backend.ts';
import { assertBytes } from './suite.ts';

/** A place is where a backend keeps its data, as one case of a suite sees it. */
export interface BackendPlace {
  readonly backend: Backend;
  /** Makes another backend on the same data; called for durable ones only, after the one before was closed. */
  reopen(): Backend;
  /**
   * Makes another backend on what a killed process left, without a close of the one before; left out where that
   * cannot be had within one process.
   */
  abandoned?(): Backend;
  /**
   * Says whether there is room for what is committed from now on. While there is none, commits reject with an error
   * that is retryable; left out where that cannot be had.
   */
  setRoom?(isRoom: boolean): void;
  /** Takes the data away again; called once the backend is closed. */
  remove(): Promise<void> | void;
}

/** A promise of the port, checked on one place. */
export interface BackendCase {
  readonly title: string;
  readonly check: (place: BackendPlace) => Promise<void>;
}

/** Returns a segment whose bytes follow from its position. */
export function segment(position: number, span = 1, size = 3): Segment {
  return { position, span, bytes: new Uint8Array(size).fill(position % 251) };
}

/** A commit without facts. */
export const commitOf = (...segments: Segment[]): Commit => ({ segments });

/** Lists where segments begin. */
export const positionsOf = (segments: readonly Segment[]): number[] =>
  segments.map(({ position }) => position);

/** Throws unless what was read is what was committed, bit for bit. */
export function assertRead(found: readonly Segment[], expected: readonly Segment[]): void {
  assert.deepEqual(positionsOf(found), positionsOf(expected));
  for (const [index, { span, bytes }] of expected.entries()) {
    assert.equal(found[index]?.span, span);
    assertBytes(found[index]?.bytes, bytes);
  }
}
