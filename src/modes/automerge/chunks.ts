import { ByteReader, ByteWriter, malformed } from '../../log/bytes/bytes.ts';
import type { DocumentOwner } from '../conflict-mode.ts';
import { type Change, MAX_CHANGE_BYTES, cellOf } from './change.ts';
import { readChange, readInSteps } from './change-reader.ts';
import { originOf } from './genesis.ts';
import type { History } from './history.ts';
import { namesRun } from './run-name.ts';

/** Chunks of a document are closed at this many bytes; one change may go beyond. */
const CHUNK_BYTES: number = 256 * 1024;
/** Most operations of a document from elsewhere; documents are begun anew long before. */
const MAX_DOCUMENT_OPERATIONS: number = 4 * 1024 * 1024;
/** Numbers what an entry of a chunk is. */
const APPLIED = 0;
const BEGINNING_OF_WAITING = 1;
const WAITING = 2;

/** One change of a document in chunks. */
export interface DocumentEntry {
  readonly change: Change;
  /** Says whether it takes effect together with the entry that follows. */
  readonly beginsNext: boolean;
}

/** Everything a document consists of, in chunks that {@link entriesIn} takes. */
export function* chunksOf(history: History): Iterable<Uint8Array> {
  let writer = new ByteWriter(CHUNK_BYTES);
  for (const [kind, bytes] of entriesOf(history)) {
    writer.byte(kind);
    writer.varint(bytes.length);
    writer.raw(bytes);
    if (writer.length < CHUNK_BYTES) continue;
    yield writer.copy();
    writer = new ByteWriter(CHUNK_BYTES);
  }
  if (writer.length > 0) yield writer.copy();
}

function* entriesOf(history: History): Iterable<readonly [kind: number, bytes: Uint8Array]> {
  // Both at this moment: what waits now may be in the document before it is asked for.
  const applied = [...history.changes()];
  const waiting = [...history.waiting()];
  for (const bytes of applied) yield [APPLIED, bytes];
  for (const { change, beginnings } of waiting) {
    for (const { bytes } of beginnings) yield [BEGINNING_OF_WAITING, bytes];
    yield [WAITING, change.bytes];
  }
}

/** Entries that were read before they are needed, by the list of their chunks. */
const prepared = new WeakMap<readonly Uint8Array[], readonly DocumentEntry[]>();

/** Returns the changes in chunks, in order. Throws `OPERATION_INVALID` for bytes that are none. */
export function entriesIn(chunks: readonly Uint8Array[]): readonly DocumentEntry[] {
  const known = prepared.get(chunks);
  if (known !== undefined) return known;
  return Array.from(bytesIn(chunks), ([kind, bytes]) => entryOf(kind, readChange(bytes)));
}

/**
 * Reads the changes in chunks in steps, each of which gives the microseconds it takes at most: {@link entriesIn}
 * does not read them again. Throws `OPERATION_INVALID`.
 */
export function* readEntries(chunks: readonly Uint8Array[]): Generator<number, void, undefined> {
  const entries: DocumentEntry[] = [];
  for (const [kind, bytes] of bytesIn(chunks)) entries.push(entryOf(kind, yield* readInSteps(bytes)));
  prepared.set(chunks, entries);
}

function entryOf(kind: number, change: Change): DocumentEntry {
  return { change, beginsNext: kind === BEGINNING_OF_WAITING };
}

function* bytesIn(chunks: readonly Uint8Array[]): Iterable<readonly [kind: number, bytes: Uint8Array]> {
  for (const chunk of chunks) {
    const reader = new ByteReader(chunk);
    while (reader.remaining > 0)
      yield [reader.byte(), reader.raw(reader.count('bytes of a change', MAX_CHANGE_BYTES))];
  }
}

/** Checks changes of a peer's document as far as they can be without knowing their runs. Throws `OPERATION_INVALID`. */
export function checkForeign(
  changes: readonly Change[],
  on: { readonly owner: DocumentOwner; readonly epoch: string; readonly has: (hash: string) => boolean },
): void {
  const operations = changes.reduce((sum, change) => sum + change.operations.length, 0);
  if (operations > MAX_DOCUMENT_OPERATIONS) throw malformed(`a document of ${operations} operations`);
  for (const change of changes) {
    if (!change.actor.includes(on.epoch)) throw malformed('a change of another document');
    checkAuthor(change, on);
    checkContent(change, on.owner);
  }
}

function checkAuthor(
  { actor, hash, message }: Change,
  { owner, has }: { readonly owner: DocumentOwner; readonly has: (hash: string) => boolean },
): void {
  const origin = originOf(actor);
  if (origin === undefined) return;
  if (!namesRun(message)) throw malformed('a change without the name of its run');
  owner.checkOrigin(origin, has(hash));
}

function checkContent({ operations }: Change, owner: DocumentOwner): void {
  for (const { key, scalar } of operations) {
    owner.checkKey(key);
    if (scalar === undefined) continue;
    const cell = cellOf(scalar, owner.column);
    if (cell === undefined) throw malformed('a change with a value of another type than the table');
    // The sum of a counter may lie outside the type's range, and is shown inside it.
    if (scalar.type !== 'counter' && owner.column !== 'none') owner.checkCell(cell);
  }
}
