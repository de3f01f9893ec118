import { ByteWriter } from '../log/bytes/bytes.ts';
import type { RunHeader } from '../log/runs/run.ts';
import { MAX_FRAME_OPERATIONS, MAX_FRAME_RUNS } from '../replication/wire/wire.ts';

/** A frame that is to be published. */
export interface Waiting {
  readonly runs: readonly (RunHeader & { readonly bytes: Uint8Array })[];
  readonly bytes: number;
  readonly operations: number;
  /** It is left to others until then. */
  readonly after: number;
}

/** Operations of one author in one table that are published together. */
export interface Group {
  readonly table: string;
  readonly origin: string;
  readonly session: number;
  readonly first: number;
  readonly last: number;
  readonly operations: number;
  readonly runs: readonly Uint8Array[];
}

/** Frames in batches of which each fits into a message and a frame, or is one frame. */
export function batchesOf(frames: readonly Waiting[], maxBytes: number): Waiting[][] {
  const batches: Waiting[][] = [];
  let sum = { bytes: Infinity, operations: 0, runs: 0 };
  for (const { bytes, operations, runs, ...frame } of frames) {
    const more = {
      bytes: sum.bytes + bytes,
      operations: sum.operations + operations,
      runs: sum.runs + runs.length,
    };
    const isFull =
      more.bytes > maxBytes || more.operations > MAX_FRAME_OPERATIONS || more.runs > MAX_FRAME_RUNS;
    if (isFull) batches.push([]);
    sum = isFull ? { bytes, operations, runs: runs.length } : more;
    batches.at(-1)?.push({ bytes, operations, runs, ...frame });
  }
  return batches;
}

/** A plan has the frames that are due, in the order in which they are published. */
export interface Plan {
  /** Each is in one table, and taken by itself. */
  readonly singles: readonly Waiting[];
  /** The frames of each are of one author, and readers take them together. */
  readonly bundles: readonly (readonly Waiting[])[];
}

/**
 * Plans how frames are published, each author's in order: where one is in several tables, all are in bundles, as many
 * frames in each as one could be. `goesOn` says of an author’s first frame that it ends an open bundle.
 */
export function planOf(
  frames: readonly Waiting[],
  maxBytes: number,
  goesOn: (first: Waiting) => boolean,
): Plan {
  const authors = new Map<string, Waiting[]>();
  for (const frame of frames) {
    const origin = frame.runs[0]?.origin ?? '';
    const own = authors.get(origin);
    if (own === undefined) authors.set(origin, [frame]);
    else own.push(frame);
  }
  const [singles, bundles]: [Waiting[], Waiting[][]] = [[], []];
  for (const own of authors.values()) {
    const open = own.slice(0, 1).filter(goesOn);
    if (open.length === 0 && !own.some(isInSeveralTables)) singles.push(...own);
    else bundles.push(...open.map((first) => [first]), ...batchesOf(own.slice(open.length), maxBytes));
  }
  return { singles, bundles };
}

function isInSeveralTables({ runs }: Waiting): boolean {
  return runs.some(({ table }) => table !== runs[0]?.table);
}

/** Frames of which each is due, and each before it of its author: a later one alone would leave out operations. */
export function inOrder(frames: readonly Waiting[], isDue: (frame: Waiting) => boolean): Waiting[] {
  const held = new Set<string | undefined>();
  return frames.filter((frame) => {
    const origin = frame.runs[0]?.origin;
    const isNext = !held.has(origin) && isDue(frame);
    if (!isNext) held.add(origin);
    return isNext;
  });
}

/** The runs of each author. */
export function byAuthor(runs: Waiting['runs']): Waiting['runs'][] {
  const authors = new Map<string, Waiting['runs'][number][]>();
  for (const run of runs) {
    const own = authors.get(run.origin);
    if (own === undefined) authors.set(run.origin, [run]);
    else own.push(run);
  }
  return [...authors.values()];
}

/** The runs of frames by author and table. */
export function groupsOf(frames: readonly Waiting[]): Group[] {
  const groups = new Map<string, { group: Group; runs: Uint8Array[] }>();
  for (const run of frames.flatMap(({ runs }) => runs)) {
    const { table, origin, session, firstSequence: first, count } = run;
    const name = `${table}\n${origin}`;
    const known = groups.get(name);
    const runs = [...(known?.runs ?? []), run.bytes];
    const last = first + count - 1;
    groups.set(name, {
      group: {
        table,
        origin,
        session,
        first: known?.group.first ?? first,
        last,
        operations: count + (known?.group.operations ?? 0),
        runs,
      },
      runs,
    });
  }
  return Array.from(groups.values(), ({ group }) => group);
}

/** Bytes in pieces of at most so many. */
export function piecesOf(bytes: Uint8Array, maxBytes: number): Uint8Array[] {
  if (bytes.length <= maxBytes) return [bytes];
  return Array.from({ length: Math.ceil(bytes.length / maxBytes) }, (_, index) =>
    bytes.subarray(index * maxBytes, (index + 1) * maxBytes),
  );
}

/** Puts pieces together again. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return only;
  const writer = new ByteWriter(pieces.reduce((sum, { length }) => sum + length, 0));
  for (const piece of pieces) writer.raw(piece);
  return writer.finish();
}
