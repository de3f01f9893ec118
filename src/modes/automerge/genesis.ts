import type { BaseRow, EnteredCounter } from '../conflict-mode.ts';
import { type Change, MAX_CHANGE_OPERATIONS, PUT, byteString, scalarOf } from './change.ts';
import { encodeChange } from './change-writer.ts';
import { sha256 } from '../../log/bytes/sha256.ts';

/**
 * Counts the parts that what a table had before its document began is spread over, each begun when first
 * written to.
 */
const PARTS = 1024;
const NAME_BYTES = 4;
const KEY_BYTES = 12;
/** First byte of the actors below; a node's own begin with its id. */
const PART = '\u0000';
const COUNTER = '\u0001';
const READING = '\u0002';

const encoder = new TextEncoder();

/** Names a switch of mode in actors, so that documents from before and after it can be told apart. */
export function epochName(epoch: { readonly counter: number; readonly origin: string }): string {
  const digest = sha256(encoder.encode(`${epoch.counter} ${epoch.origin}`));
  return byteString(digest.subarray(0, NAME_BYTES));
}

/** Returns the part of a table's document that a key belongs to. */
export function partOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash ^ (hash >>> 15)) & (PARTS - 1);
}

/** Returns the actor an origin writes as. */
export function actorOf(origin: string, epoch: string): string {
  return origin + epoch;
}

/** Returns the origin behind an actor; undefined for a beginning, which nobody wrote. */
export function originOf(actor: string): string | undefined {
  return actor.startsWith(PART) || actor.startsWith(COUNTER) ? undefined : actor.slice(0, -NAME_BYTES);
}

/** Returns whether a change is one that every node makes by itself. */
export function isBeginning({ actor }: { readonly actor: string }): boolean {
  return actor.startsWith(PART) || actor.startsWith(COUNTER);
}

/** Returns the changes that put the rows of one part into the document, the same on every node. */
export function partBeginning(
  part: number,
  rows: readonly BaseRow[],
  on: { epoch: string; column: string },
): Change[] {
  const actor = PART + on.epoch + String.fromCharCode(part >>> 8, part & 0xff);
  const sorted = rows.toSorted((one, other) => (one.text < other.text ? -1 : 1));
  const changes: Change[] = [];
  for (let at = 0; at < sorted.length; at += MAX_CHANGE_OPERATIONS) {
    const before = changes.at(-1);
    const operations = sorted.slice(at, at + MAX_CHANGE_OPERATIONS).map(({ text, cell }) => {
      return { action: PUT, key: text, scalar: scalarOf(cell, on.column), by: 0, before: [] } as const;
    });
    const content = { actor, seq: changes.length + 1, startOp: at + 1, time: 0, message: '', operations };
    changes.push(encodeChange({ ...content, deps: before === undefined ? [] : [before.hash] }));
  }
  return changes;
}

/** Most counters that are begun under one key, one after the other; with more, what is added is a write. */
export const MAX_GENERATION: number = 0xffffffff;

/** Returns the change that begins a counter, the same on every node. */
export function counterBeginning(entered: EnteredCounter, epoch: string): Change {
  const { text, generation, start } = entered;
  const numbers = new DataView(new ArrayBuffer(12));
  numbers.setUint32(0, generation);
  numbers.setFloat64(4, start);
  const key = sha256(encoder.encode(text)).subarray(0, KEY_BYTES);
  const actor = COUNTER + epoch + byteString(new Uint8Array(numbers.buffer)) + byteString(key);
  return encodeChange({
    actor,
    seq: 1,
    startOp: 1,
    time: 0,
    message: '',
    deps: [],
    operations: [{ action: PUT, key: text, scalar: { type: 'counter', value: start }, by: 0, before: [] }],
  });
}

/**
 * Bounds what tells the counters of a document's keys apart by how often they were begun: marker, document
 * and generation.
 */
const GENERATION_END = 5 + NAME_BYTES;

/** Returns whether an operation begins a counter. */
export function beginsCounter({ actor }: { readonly actor: string }): boolean {
  return actor.startsWith(COUNTER);
}

/**
 * Returns whether two operations on one key that begin counters begin the same one, by nodes with different
 * defaults.
 */
export function beginSame(one: { readonly actor: string }, other: { readonly actor: string }): boolean {
  return one.actor.slice(0, GENERATION_END) === other.actor.slice(0, GENERATION_END);
}

/** Returns the generation of a counter that a change begins; undefined when it begins none. */
export function generationOf({ actor }: { readonly actor: string }): number | undefined {
  if (!beginsCounter({ actor })) return undefined;
  let generation = 0;
  for (let at = 1 + NAME_BYTES; at < GENERATION_END; at++)
    generation = generation * 256 + actor.charCodeAt(at);
  return generation;
}

/** Names whose the changes of an export are that say how a table reads its document. */
export function readingActor(epoch: string): string {
  return READING + epoch;
}

/** Returns the part that a change begins; undefined when it begins none. */
export function beginsPart({ actor }: { readonly actor: string }): number | undefined {
  if (!actor.startsWith(PART)) return undefined;
  return actor.charCodeAt(1 + NAME_BYTES) * 256 + actor.charCodeAt(2 + NAME_BYTES);
}
