import { TablecastError } from '../errors.ts';
import { readRunHeader, readRunName } from '../log/runs/run.ts';
import {
  MAX_FRAME_OPERATIONS,
  MAX_FRAME_RUNS,
  type Message,
  decodeMessage,
  encodeMessage,
} from '../replication/wire/wire.ts';
import { frameLimits } from '../transport/limits.ts';
import type { Carried } from './carrier.ts';
import { joined } from './frames.ts';
import { type Author, type OperationsHead, publisherOf } from './subjects.ts';

/** Most bytes of what was begun and not ended, of all authors together; beyond it who has most of it gives way. */
const MAX_UNFINISHED_BYTES: number = 64 * 1024 * 1024;
/** Is counted for each message beside its bytes. */
const OVERHEAD_BYTES = 512;
/** Something that was begun and not ended holds back the place of readers for so long, in milliseconds. */
export const OPEN_MS = 60_000;

/** A complete bundle has all its frames, in order. */
export interface Complete {
  readonly frames: readonly Uint8Array[];
}

/** A frame of one author, what is in it, and the place of its first message. */
export interface Piece {
  readonly author: Author;
  readonly frame: Uint8Array;
  readonly first: number;
  readonly operations: number;
  readonly runs: number;
  readonly from: number;
}

/** A message of operations that is all there. */
export type Whole = Author & Pick<OperationsHead, 'held' | 'bundle'> & Pick<Piece, 'frame' | 'from'>;

/** Something that was begun and not ended. */
interface Open {
  readonly author: Author;
  /** The node that publishes a bundle. */
  readonly by?: string;
  /** The parts of a bundle. */
  readonly parts: Piece[];
  readonly from: number;
  readonly since: number;
  readonly frames: Uint8Array[];
  bytes: number;
  isLate: boolean;
}

/** Puts together what did not fit into one message, and holds back bundles until all of them is there. */
export class Parts {
  readonly #elapsed: () => number;
  /** Holds messages by subject, and bundles by who wrote them and by name; the oldest first. */
  readonly #pieces = new Map<string, Open>();
  readonly #bundles = new Map<string, Open>();
  #bytes = 0;

  constructor(elapsed: () => number) {
    this.#elapsed = elapsed;
  }

  /** Takes a message of operations; returns the bytes that are complete by it, and where they begin. */
  take(
    { subject, place, bytes }: Carried,
    [index, count]: OperationsHead['part'],
    author: Author,
  ): { readonly frame: Uint8Array; readonly from: number } | undefined {
    const name = subject.join('\n');
    if (index === 0) this.#drop(this.#pieces, name);
    if (count === 1) return { frame: bytes, from: place };
    if (index === 0) this.#pieces.set(name, this.#begun(place, author));
    const open = this.#pieces.get(name);
    // A piece whose beginning is not here: who reads begins earlier.
    if (open?.frames.length !== index) return undefined;
    this.#add(open, bytes);
    // What is longer than any frame nobody can read.
    if (index === count - 1 || open.bytes > frameLimits().maxFrameBytes) this.#drop(this.#pieces, name);
    return index === count - 1 ? { frame: joined(open.frames), from: open.from } : undefined;
  }

  /** Forgets the parts of a message whose operations are there already. */
  pass({ subject }: Carried): void {
    this.#drop(this.#pieces, subject.join('\n'));
  }

  /** Holds a frame back until all of its bundle is there; returns what is too much for a batch, frame by frame. */
  hold(bundle: string, piece: Piece): Complete[] {
    const name = nameOf(piece.author, bundle);
    const begun = { ...this.#begun(piece.from, piece.author), by: publisherOf(bundle) };
    const open = this.#bundles.get(name) ?? begun;
    this.#bundles.set(name, open);
    this.#add(open, piece.frame);
    open.parts.push(piece);
    const sum = (of: 'operations' | 'runs'): number => open.parts.reduce((all, part) => all + part[of], 0);
    if (sum('operations') <= MAX_FRAME_OPERATIONS && sum('runs') <= MAX_FRAME_RUNS) return [];
    this.#drop(this.#bundles, name);
    return open.frames.map((frame) => ({ frames: [frame] }));
  }

  /**
   * Everything of a bundle is there, says a node; only who began it is believed. It publishes one after the other: those
   * that it began before are over as well, though the carrier may have lost where they ended.
   */
  end(bundle: string, by: string): Complete[] {
    if (publisherOf(bundle) !== by) return [];
    const ended = [...this.#bundles].filter(([, open]) => open.by === by);
    return ended.map(([name]) => ({ frames: this.#drop(this.#bundles, name)?.frames ?? [] }));
  }

  /** An author's node goes on with something else: bundles that it began before are all there, or never will be. */
  endBefore(author: Author, bundle: string | undefined): Complete[] {
    const node = nodeOf(author);
    const ended = [...this.#bundles].filter(
      ([name, open]) => nodeOf(open.author) === node && name !== nameOf(author, bundle ?? ''),
    );
    return ended.map(([name]) => ({ frames: this.#drop(this.#bundles, name)?.frames ?? [] }));
  }

  /** The place from which on must be read again for what may still be ended; Infinity when nothing may. */
  get from(): number {
    return this.#open()
      .filter(({ since }) => this.#elapsed() - since < OPEN_MS)
      .reduce((least, { from }) => Math.min(least, from), Infinity);
  }

  /** The place where the oldest of all begins that is not ended; Infinity when everything is. */
  get first(): number {
    return this.#open().reduce((least, { from }) => Math.min(least, from), Infinity);
  }

  /** Lists what of bundles is held back. */
  get held(): readonly Piece[] {
    return Array.from(this.#bundles.values(), ({ parts }) => parts).flat();
  }

  /** The last operation of an author in a table before those that are held back; Infinity when none are. */
  before(table: string, origin: string): number {
    return this.held
      .filter(({ author }) => author.table === table && author.origin === origin)
      .reduce((least, { first }) => Math.min(least, first - 1), Infinity);
  }

  /** Returns who did not end what he began in time, each once. */
  late(): Author[] {
    const late = this.#open().filter(({ isLate, since }) => !isLate && this.#elapsed() - since >= OPEN_MS);
    for (const open of late) open.isLate = true;
    return late.map(({ author }) => author);
  }

  clear(): void {
    this.#pieces.clear();
    this.#bundles.clear();
    this.#bytes = 0;
  }

  #open(): Open[] {
    return [...this.#pieces.values(), ...this.#bundles.values()];
  }

  #begun(from: number, author: Author): Open {
    const since = this.#elapsed();
    return { author, parts: [], from, since, frames: [], bytes: 0, isLate: false };
  }

  #add(open: Open, bytes: Uint8Array): void {
    open.frames.push(bytes);
    open.bytes += bytes.length + OVERHEAD_BYTES;
    this.#bytes += bytes.length + OVERHEAD_BYTES;
  }

  #drop(opens: Map<string, Open>, name: string): Open | undefined {
    const open = opens.get(name);
    opens.delete(name);
    this.#bytes -= open?.bytes ?? 0;
    return open;
  }

  /** Beyond the limit the oldest of who has most goes; returns bundles that are taken as far as they came. */
  bound(): Complete[] {
    const taken: Complete[] = [];
    while (this.#bytes > MAX_UNFINISHED_BYTES) {
      const node = this.#greatest();
      const isOf = ([, { author }]: [string, Open]): boolean => nodeOf(author) === node;
      const [bundle] = [...this.#bundles].find(isOf) ?? [];
      const [piece] = [...this.#pieces].find(isOf) ?? [];
      if (bundle !== undefined) taken.push({ frames: this.#drop(this.#bundles, bundle)?.frames ?? [] });
      else if (piece !== undefined) this.#drop(this.#pieces, piece);
    }
    return taken;
  }

  /** The node of whom most bytes are here. */
  #greatest(): string {
    const bytes = new Map<string, number>();
    for (const open of this.#open())
      bytes.set(nodeOf(open.author), (bytes.get(nodeOf(open.author)) ?? 0) + open.bytes);
    return [...bytes].reduce((most, one) => (one[1] > most[1] ? one : most), ['', 0])[0];
  }
}

function nodeOf({ origin }: Author): string {
  return origin.slice(0, origin.lastIndexOf('@'));
}

function nameOf(author: Author, bundle: string): string {
  return `${nodeOf(author)}\n${bundle}`;
}

/** Makes one frame of those of a bundle. Throws `FRAME_INVALID` or `OPERATION_INVALID` for what is none. */
export function oneFrame({ frames }: Complete): Uint8Array {
  const [only] = frames;
  if (frames.length === 1 && only !== undefined) return only;
  return encodeMessage({ type: 'runs', runs: frames.flatMap(runsOf) });
}

/** Reads the runs of a frame. Throws `FRAME_INVALID` or `OPERATION_INVALID`, also for a message of another type. */
function runsOf(frame: Uint8Array): readonly Uint8Array[] {
  const message: Message = decodeMessage(frame);
  if (message.type === 'runs') return message.runs;
  throw new TablecastError('FRAME_INVALID', `it is no message with operations but ${message.type}`, {
    hint: 'Look who publishes it.',
  });
}

/** Reads what a frame has; says what is wrong with it: who may append under a subject may write what it names, and nothing else. */
export function readFrame(
  frame: Uint8Array,
  { table, origin, held }: Author & { readonly held: number },
  isCareful: boolean,
): Pick<Piece, 'first' | 'operations' | 'runs'> | string {
  try {
    const runs = runsOf(frame).map(isCareful ? readRunHeader : readRunName);
    const other = runs.find((run) => run.table !== table || run.origin !== origin);
    if (other !== undefined) return `it has operations of ${other.origin} on ${other.table}`;
    const first = runs.reduce((least, { firstSequence }) => Math.min(least, firstSequence), held);
    const last = runs.reduce(
      (most, { firstSequence, count }) => Math.max(most, firstSequence + count - 1),
      0,
    );
    if (last !== held) return `it says that it ends with operation ${held}, and ends with ${last}`;
    const operations = runs.reduce((sum, { count }) => sum + count, 0);
    return operations > MAX_FRAME_OPERATIONS
      ? `it has ${operations} operations`
      : { first, operations, runs: runs.length };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
