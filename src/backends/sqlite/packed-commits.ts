import type { Commit } from '../../log/backend.ts';

/** Facts of one commit; a value of undefined removes the name. */
export type Facts = ReadonlyMap<string, Uint8Array | undefined>;

/** Commits called in one go, as one array of bytes. A rejected one rejects every later one of its generation. */
export interface CommitsRequest {
  readonly kind: 'commits';
  readonly generation: number;
  /** Counts the commits. */
  readonly count: number;
  /** Three numbers per segment: position, span, and where its bytes end in `bytes`. */
  readonly places: Float64Array;
  readonly bytes: Uint8Array;
  /** Lists the facts of those commits that have any, in order. */
  readonly facts: readonly Facts[];
}

/**
 * The same as it crosses a thread: a message of objects costs more to write and to read than the
 * crossing itself, so that commits without facts are nothing but their bytes.
 */
export type CommitsMessage =
  | Uint8Array
  | { readonly kind: 'packed'; readonly packed: Uint8Array; readonly facts: readonly Facts[] };

const HEAD_NUMBERS = 3;
const PLACE_NUMBERS = 3;
const NUMBER_BYTES = 8;
const NO_FACTS: readonly Facts[] = [];

function copyFacts(facts: Facts): Facts {
  return new Map([...facts].map(([name, value]) => [name, value === undefined ? undefined : value.slice()]));
}

/** Returns how many bytes {@link packInto} writes. */
export function packedBytes(commits: readonly Commit[]): number {
  let size = HEAD_NUMBERS * NUMBER_BYTES;
  for (const commit of commits) {
    size += commit.segments.length * PLACE_NUMBERS * NUMBER_BYTES;
    for (const segment of commit.segments) size += segment.bytes.length;
  }
  return size;
}

/** Copies all segments into memory of that size; numbers come first, so that it must begin where one may stand. */
export function packInto(packed: Uint8Array, commits: readonly Commit[], generation: number): void {
  let segments = 0;
  for (const commit of commits) segments += commit.segments.length;
  const numberCount = HEAD_NUMBERS + segments * PLACE_NUMBERS;
  const numbers = new Float64Array(packed.buffer, packed.byteOffset, numberCount);
  numbers[0] = generation;
  numbers[1] = commits.length;
  numbers[2] = segments;
  const start = numberCount * NUMBER_BYTES;
  let at = HEAD_NUMBERS;
  let end = 0;
  for (const commit of commits) {
    for (const { position, span, bytes } of commit.segments) {
      packed.set(bytes, start + end);
      end += bytes.length;
      numbers[at++] = position;
      numbers[at++] = span;
      numbers[at++] = end;
    }
  }
}

/** Returns whether any of the commits has facts, which do not become bytes. */
export function hasFacts(commits: readonly Commit[]): boolean {
  for (const commit of commits) if (commit.facts !== undefined) return true;
  return false;
}

/** Returns one copy of all segments, to be given away as a whole; the caller's bytes stay the caller's. */
export function packCommits(commits: readonly Commit[], generation: number): CommitsRequest {
  const packed = new Uint8Array(packedBytes(commits));
  packInto(packed, commits, generation);
  const facts = hasFacts(commits)
    ? commits.flatMap((commit) => (commit.facts === undefined ? [] : [copyFacts(commit.facts)]))
    : NO_FACTS;
  return laidOpen(packed, facts);
}

/** Makes the message of what {@link packCommits} made; its buffer is no longer the caller's. */
export function toMessage({ places, facts }: CommitsRequest): {
  readonly message: CommitsMessage;
  readonly buffer: ArrayBuffer;
} {
  const buffer = places.buffer as ArrayBuffer;
  const packed = new Uint8Array(buffer);
  return { message: facts.length === 0 ? packed : { kind: 'packed', packed, facts }, buffer };
}

/** Returns the commits of a message. */
export function fromMessage(message: CommitsMessage): CommitsRequest {
  return message instanceof Uint8Array
    ? laidOpen(message, NO_FACTS)
    : laidOpen(message.packed, message.facts);
}

function laidOpen(packed: Uint8Array, facts: readonly Facts[]): CommitsRequest {
  const { buffer, byteOffset } = packed;
  const head = new Float64Array(buffer, byteOffset, HEAD_NUMBERS);
  const numbers = HEAD_NUMBERS + (head[2] as number) * PLACE_NUMBERS;
  const places = new Float64Array(buffer, byteOffset + HEAD_NUMBERS * NUMBER_BYTES, numbers - HEAD_NUMBERS);
  const bytes = packed.subarray(numbers * NUMBER_BYTES);
  return { kind: 'commits', generation: head[0] as number, count: head[1] as number, places, bytes, facts };
}
