import { malformed } from '../../log/bytes/bytes.ts';
import { type Epoch, MAX_SWITCHES, isModeName } from '../../log/operations/epoch.ts';
import { type Origins, checkOrigin } from '../../log/operations/origin.ts';
import { MAX_STRETCHES, type Stretches, sessionIn } from '../../log/operations/session-marks.ts';
import { readInPieces } from '../../log/bytes/pieced-json.ts';
import { type Work, allAtOnce } from '../../work/slices.ts';
import type { Schema } from '../../schema/index.ts';
import type { Held } from '../held/held.ts';
import type { TableState } from '../table-state.ts';
import { MAX_EXPIRED_AHEAD } from '../rows/versions.ts';
import { isCount } from './checkpoint-format.ts';
import { type TouchedHeader, isTouchedSaid, touchedOf } from './touched-header.ts';
import { type OvertakenHeader, isOvertakenSaid, namesOfOvertaken, overtakenOf } from './overtaken-header.ts';

const CHECKPOINT_VERSION = 1;
/** Most values in a header, and how deep they stand. */
const MOST_OF_HEADER = { values: 1_000_000, depth: 8 };
/** A header longer than this travels in pieces of this size, each behind a byte that says so: a frame is not unbounded. */
const PIECE_BYTES = 1024 * 1024;
const PIECE = 4;
/** Longest header of a peer's checkpoint: more than its values can take. */
const MAX_HEADER_BYTES: number = 128 * 1024 * 1024;
/** Most lives that a peer's checkpoint names in a version vector: as many as a node may say when it greets. */
const MAX_LIVES = 16_384;
const COPIED_PER_UNIT = 4096;

type Pairs = readonly (readonly [origin: string, sequence: number])[];

/** A header is what a checkpoint says of itself, in its first chunk. */
export interface CheckpointHeader extends OvertakenHeader, TouchedHeader {
  readonly version: number;
  readonly table: string;
  readonly fingerprint: string;
  readonly vector: Pairs;
  /** Per entry of `vector`, in which sessions of its author it was written; left out by 0.1.0. */
  readonly written?: readonly Stretches[] | undefined;
  readonly contexts: readonly (readonly [origin: string, seen: Pairs])[];
  /**
   * The switch of mode in force, and what took effect under it; undefined before any. In modes that compare
   * versions, what was written before it; 0.2 does not say it.
   */
  readonly epoch?: (Epoch & { readonly base: Pairs; readonly before?: Pairs | undefined }) | undefined;
  /** The latest `clear`, in modes that compare versions. */
  readonly cleared?: readonly [origin: string, sequence: number, stamp: number] | undefined;
  /** Writes that have expired and are not in `vector`, with their keys. */
  readonly expired?: readonly (readonly [key: string, origin: string, sequence: number])[] | undefined;
  /** Per node, the highest epoch of a life that was forgotten. */
  readonly forgotten?: Pairs | undefined;
  readonly dictionaries: readonly {
    readonly origin: string;
    readonly chapter: number;
    readonly keys: number;
    readonly origins: readonly string[];
  }[];
}

/** A source is also what is held. */
interface HeldSource extends Pick<Held, 'sequences' | 'contexts' | 'vector'> {
  readonly overtakings: Pick<Held['overtakings'], 'size' | 'all'>;
  readonly sessions: Pick<Held['sessions'], 'stretches'>;
  readonly lives: Pick<Held['lives'], 'forgotten'>;
}

/** A source is what a checkpoint's header says of a table. */
export type HeaderSource = Pick<TableState, 'schema' | 'rows' | 'versions'> & {
  readonly held: HeldSource;
  readonly inForce: Pick<TableState['inForce'], 'epoch' | 'mode' | 'effective'>;
};

/** Encodes the first chunk of a checkpoint, or the first ones. */
export function encodeHeader(
  projection: HeaderSource,
  origins: Origins,
  dictionaries: readonly { origin: string; chapter: number; origins: readonly string[]; slots: Int32Array }[],
): Uint8Array[] {
  const pairs = (entries: Iterable<[number, number]>): Pairs =>
    Array.from(entries, ([origin, sequence]) => [origins.at(origin).text, sequence] as const);
  const { before } = projection.versions;
  const header: CheckpointHeader = {
    version: CHECKPOINT_VERSION,
    table: projection.schema.name,
    fingerprint: projection.schema.fingerprint,
    vector: pairs(projection.held.vector().entries()),
    written: Array.from(projection.held.vector().entries(), ([origin]) =>
      projection.held.sessions.stretches(origin),
    ),
    contexts: Array.from(
      projection.held.contexts,
      ([origin, seen]) => [origins.at(origin).text, pairs(seen.entries())] as const,
    ),
    ...versionsOf(projection, origins),
    epoch:
      projection.inForce.epoch.counter === 0
        ? undefined
        : {
            ...projection.inForce.epoch,
            base: pairs(projection.inForce.effective().entries()),
            before: before === undefined ? undefined : pairs(before.entries()),
          },
    ...overtakenOf(projection, origins),
    ...touchedOf(projection.rows),
    forgotten: projection.held.lives.forgotten.size === 0 ? undefined : [...projection.held.lives.forgotten],
    dictionaries: dictionaries.map(({ origin, chapter, origins: named, slots }) => {
      return { origin, chapter, keys: slots.length, origins: named };
    }),
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  if (text.length <= PIECE_BYTES) return [text];
  return Array.from({ length: Math.ceil(text.length / PIECE_BYTES) }, (_, index) => {
    const piece = text.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES);
    const chunk = new Uint8Array(piece.length + 1).fill(PIECE, 0, 1);
    chunk.set(piece, 1);
    return chunk;
  });
}

/** The text of a checkpoint's header, and the chunks behind it. */
export function* takeHeader(
  chunks: readonly Uint8Array[],
): Work<{ text: Uint8Array; rest: readonly Uint8Array[] }> {
  const [first] = chunks;
  if (first === undefined) throw malformed('a checkpoint without a header');
  if (first[0] !== PIECE) return { text: first, rest: chunks.slice(1) };
  const end = chunks.findIndex((chunk) => chunk[0] !== PIECE);
  const pieces = end < 0 ? chunks : chunks.slice(0, end);
  const length = pieces.reduce((sum, piece) => sum + piece.length - 1, 0);
  if (length > MAX_HEADER_BYTES) throw malformed(`a header of ${length} bytes`);
  const text = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    text.set(piece.subarray(1), at);
    at += piece.length - 1;
    yield 1 + Math.ceil(piece.length / COPIED_PER_UNIT);
  }
  return { text, rest: chunks.slice(pieces.length) };
}

/**
 * Reads what a checkpoint of this node's own says that it holds, of its first chunks: who keeps it for others must
 * know what it stands for.
 */
export function readOwnHeader(chunks: readonly Uint8Array[]): {
  readonly vector: Pairs;
  /** Per entry of `vector`, the session of its author that wrote it; 0 where that is not known. */
  readonly sessions: readonly number[];
} {
  const { text } = allAtOnce(takeHeader(chunks));
  const { vector, written = [] } = parsed(text) as CheckpointHeader;
  const sessions = vector.map(([, sequence], index) => sessionIn(written[index] ?? [], sequence));
  return { vector, sessions };
}

function versionsOf(
  { versions, held: { sequences: held } }: HeaderSource,
  origins: Origins,
): Pick<CheckpointHeader, 'cleared' | 'expired'> {
  const { cleared } = versions;
  const expired = Array.from(
    versions.expiredAhead(held),
    ({ text, origin, sequence }) => [text, origins.at(origin).text, sequence] as const,
  );
  return {
    cleared:
      cleared === undefined ? undefined : [origins.at(cleared.origin).text, cleared.sequence, cleared.stamp],
    expired: expired.length === 0 ? undefined : expired,
  };
}

/** Reads the header of a checkpoint of a table. Throws `OPERATION_INVALID`; it is checked and bounded only if `trusted` is false. */
export function* readHeader(bytes: Uint8Array, schema: Schema, trusted: boolean): Work<CheckpointHeader> {
  const header: unknown = trusted ? parsed(bytes) : yield* readInPieces(bytes, MOST_OF_HEADER);
  if (!isHeader(header) || !(yield* areContexts(header.contexts)))
    throw malformed('the header of a checkpoint');
  if (header.version !== CHECKPOINT_VERSION) {
    throw malformed(`a checkpoint of version ${header.version}, this program reads ${CHECKPOINT_VERSION}`);
  }
  if (header.table !== schema.name || header.fingerprint !== schema.fingerprint) {
    throw malformed(`a checkpoint of ${JSON.stringify(header.table)}, declared ${header.fingerprint}`);
  }
  if (!trusted) yield* checkHeader(header, schema);
  return header;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw malformed('the header of a checkpoint');
  }
}

/** Checks the keys and origins that a header names, before anything of its checkpoint takes effect. */
function* checkHeader(header: CheckpointHeader, schema: Schema): Work {
  const { vector, contexts, epoch, cleared, expired = [], overtakingRemovals = [], dictionaries } = header;
  for (const [text] of header.touched ?? []) {
    schema.checkKeyText(text);
    yield 1;
  }
  for (const { length } of [vector, contexts, epoch?.base ?? [], dictionaries])
    if (length > MAX_LIVES) throw malformed(`a header that names ${length} lives`);
  const checkPairs = (pairs: Pairs): number => {
    for (const [origin] of pairs) checkOrigin(origin);
    return 1 + pairs.length / 4;
  };
  yield checkPairs(vector);
  yield checkPairs(epoch?.base ?? []);
  yield checkPairs(epoch?.before ?? []);
  for (const [origin, seen] of contexts) {
    checkOrigin(origin);
    yield checkPairs(seen);
  }
  if (cleared !== undefined) checkOrigin(cleared[0]);
  for (const [text, origin] of expired) {
    schema.checkKeyText(text);
    checkOrigin(origin);
    yield 1;
  }
  for (const [text] of overtakingRemovals) {
    schema.checkKeyText(text);
    yield 1;
  }
  for (const text of namesOfOvertaken(header)) {
    checkOrigin(text);
    yield 1;
  }
  for (const { origin, origins } of dictionaries) {
    for (const text of [origin, ...origins]) checkOrigin(text);
    yield 1 + origins.length / 4;
  }
}

function* areContexts(contexts: CheckpointHeader['contexts']): Work<boolean> {
  for (const entry of contexts as readonly unknown[]) {
    if (!Array.isArray(entry) || typeof entry[0] !== 'string' || !arePairs(entry[1])) return false;
    yield 1 + entry[1].length / 16;
  }
  return true;
}

function isHeader(value: unknown): value is CheckpointHeader {
  if (typeof value !== 'object' || value === null) return false;
  const header = value as Partial<CheckpointHeader>;
  return (
    typeof header.version === 'number' &&
    typeof header.table === 'string' &&
    typeof header.fingerprint === 'string' &&
    arePairs(header.vector) &&
    (header.written === undefined || areWritten(header.written, header.vector.length)) &&
    (header.forgotten === undefined || arePairs(header.forgotten)) &&
    (header.epoch === undefined || isEpoch(header.epoch)) &&
    (header.cleared === undefined || isDot(header.cleared)) &&
    (header.expired === undefined || areExpired(header.expired)) &&
    isOvertakenSaid(header) &&
    isTouchedSaid(header) &&
    Array.isArray(header.contexts) &&
    Array.isArray(header.dictionaries) &&
    header.dictionaries.every(
      (entry: Partial<CheckpointHeader['dictionaries'][number]> | null) =>
        typeof entry === 'object' &&
        entry !== null &&
        typeof entry.origin === 'string' &&
        Number.isSafeInteger(entry.chapter) &&
        Number.isSafeInteger(entry.keys) &&
        Array.isArray(entry.origins) &&
        entry.origins.every((origin) => typeof origin === 'string'),
    )
  );
}

function areWritten(value: unknown, length: number): boolean {
  return Array.isArray(value) && value.length === length && value.every(areStretches);
}

function areStretches(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length <= 2 * MAX_STRETCHES &&
    value.length % 2 === 0 &&
    value.every((number) => isCount(number, 0))
  );
}

function isEpoch(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { counter, origin, mode, base, before } = value as Partial<NonNullable<CheckpointHeader['epoch']>>;
  if (!isCount(counter, 1) || (counter as number) > MAX_SWITCHES) return false;
  return (
    typeof origin === 'string' &&
    isModeName(mode) &&
    arePairs(base) &&
    (before === undefined || arePairs(before))
  );
}

function isDot(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const [origin, sequence, stamp] = value as unknown[];
  return typeof origin === 'string' && isCount(sequence, 1) && isCount(stamp, 0);
}

function areExpired(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length <= MAX_EXPIRED_AHEAD &&
    value.every(
      (entry) =>
        Array.isArray(entry) &&
        typeof entry[0] === 'string' &&
        typeof entry[1] === 'string' &&
        isCount(entry[2], 1),
    )
  );
}

function arePairs(value: unknown): value is Pairs {
  return (
    Array.isArray(value) &&
    value.every(
      (pair) =>
        Array.isArray(pair) && typeof pair[0] === 'string' && Number.isSafeInteger(pair[1]) && pair[1] >= 1,
    )
  );
}
