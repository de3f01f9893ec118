import type { Commit } from '../backend.ts';

/** Facts of one commit; a value of undefined removes the name. */
export type Facts = ReadonlyMap<string, Uint8Array | undefined>;

/** Commits called in one go, as one array of bytes. A rejected one rejects every later one of its generation. */
export interface CommitsRequest {
  readonly kind: 'commits';
  readonly generation: number;
  /** How many commits. */
  readonly count: number;
  /** Three numbers per segment: position, span, and where its bytes end in `bytes`. */
  readonly places: Float64Array;
  readonly bytes: Uint8Array;
  /** Of those commits that have any, in order. */
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

function copyFacts(facts: Facts): Facts {
  return new Map([...facts].map(([name, value]) => [name, value === undefined ? undefined : value.slice()]));
}

/** One copy of all segments, to be given away as a whole; the caller's bytes stay the caller's. */
export function packCommits(commits: readonly Commit[], generation: number): CommitsRequest {
  let size = 0;
  let segments = 0;
  for (const commit of commits) {
    segments += commit.segments.length;
    for (const segment of commit.segments) size += segment.bytes.length;
  }
  const packed = new Uint8Array((HEAD_NUMBERS + segments * PLACE_NUMBERS) * NUMBER_BYTES + size);
  const head = new Float64Array(packed.buffer, 0, HEAD_NUMBERS);
  head[0] = generation;
  head[1] = commits.length;
  head[2] = segments;
  const request = laidOpen(packed, []);
  const { places, bytes } = request;
  let at = 0;
  let end = 0;
  for (const commit of commits) {
    for (const { position, span, bytes: source } of commit.segments) {
      bytes.set(source, end);
      end += source.length;
      places[at++] = position;
      places[at++] = span;
      places[at++] = end;
    }
  }
  const facts = commits.flatMap((commit) => (commit.facts === undefined ? [] : [copyFacts(commit.facts)]));
  return facts.length === 0 ? request : { ...request, facts };
}

/** What {@link packCommits} made, as it is sent; its buffer is no longer the caller's. */
export function toMessage({ places, facts }: CommitsRequest): {
  readonly message: CommitsMessage;
  readonly buffer: ArrayBuffer;
} {
  const buffer = places.buffer as ArrayBuffer;
  const packed = new Uint8Array(buffer);
  return { message: facts.length === 0 ? packed : { kind: 'packed', packed, facts }, buffer };
}

/** The commits of a message. */
export function fromMessage(message: CommitsMessage): CommitsRequest {
  return message instanceof Uint8Array ? laidOpen(message, []) : laidOpen(message.packed, message.facts);
}

function laidOpen(packed: Uint8Array, facts: readonly Facts[]): CommitsRequest {
  const { buffer, byteOffset } = packed;
  const head = new Float64Array(buffer, byteOffset, HEAD_NUMBERS);
  const numbers = HEAD_NUMBERS + (head[2] as number) * PLACE_NUMBERS;
  const places = new Float64Array(buffer, byteOffset + HEAD_NUMBERS * NUMBER_BYTES, numbers - HEAD_NUMBERS);
  const bytes = packed.subarray(numbers * NUMBER_BYTES);
  return { kind: 'commits', generation: head[0] as number, count: head[1] as number, places, bytes, facts };
}
