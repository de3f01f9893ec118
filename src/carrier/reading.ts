import type { Environment, Timer } from '../environment.ts';
import { readRunHeader, readRunName } from '../log/runs/run.ts';
import { compareEpochs } from '../log/operations/epoch.ts';
import type { TableState } from '../replication/wire/bodies.ts';
import { MAX_FRAME_OPERATIONS } from '../replication/wire/wire.ts';
import { Backoff } from '../work/backoff.ts';
import { linkOver } from './errors.ts';
import type { Carried, CarrierLink } from './carrier.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { KeptCheckpoint, Ledger } from './ledger.ts';
import { Settling } from './settling.ts';
import { type Complete, OPEN_MS, Parts, type Piece, oneFrame, runsOf } from './parts-of-messages.ts';
import {
  type Author,
  BUNDLE,
  CHECKPOINT,
  OPERATIONS,
  type OperationsHead,
  TABLE,
  authorOf,
  readHead,
} from './subjects.ts';

/** So many bytes are given to the node that it has not taken in. */
const WINDOW_BYTES: number = 4 * 1024 * 1024;
/** Reading what a table lacks is repeated, when nothing came of it, after such pauses. */
const AGAIN = { firstMs: 2000, maxMs: 30 * 60_000 };
const NEVER_SWITCHED = { counter: 0, origin: '' };

type Epoch = NonNullable<TableState['epoch']>;

/** Something that a table lacked when it was read again, and how long that is not to be done anew. */
interface Rewound {
  readonly lacking: string;
  readonly until: number;
  readonly pauses: Backoff;
}

/** A message of operations that is all there. */
type Whole = Author & Pick<OperationsHead, 'held' | 'bundle'> & Pick<Piece, 'frame' | 'from'>;

/** The parts are what reading needs of who it reads for. */
export interface ReadingParts {
  readonly environment: Environment;
  readonly link: CarrierLink;
  readonly ledger: Ledger;
  readonly checkpoints: Checkpoints;
  /** Checksums are worked out here as well: what was read before ended the link. */
  readonly isCareful: boolean;
  /** Up to where this memory was read before; 0 when it was not. */
  readonly place: number;
  /** Everything up to a place was given to the node. */
  reached(place: number): void;
  /** Gives the node a frame of a peer. */
  give(frame: Uint8Array): void;
  /** Says to the node what the carrier has of a table. */
  say(table: string): void;
  /** Everything that was there when the link was opened was given to the node. */
  level(): void;
  /** Another node says how a table is declared. */
  declared(table: string): void;
  /** A message came, and something of what waits to be published may be there now. */
  published(): void;
  /** So many bytes of operations of a table were read. */
  grew(table: string, bytes: number): void;
  /** An author did not end for long what it began to publish. */
  unfinished(author: Author): void;
  /** Something stands in the carrier that no node writes. */
  strange(message: Carried, why: string): void;
  failed(error: unknown): void;
}

/** Reads a carrier for one node: from where it is on, what it lacks, in order. */
export class Reading {
  readonly #parts: ReadingParts;
  readonly #pieces: Parts;
  #timer: Timer | undefined;
  /** By table and author, the last operation that the node has or was given. */
  readonly #has = new Map<string, Map<string, number>>();
  readonly #settling: Settling;
  /** The switch that the node said was in force in a table, and the checkpoint that was given last. */
  readonly #epochs = new Map<string, Epoch>();
  readonly #across = new Map<string, string>();
  /** Tables that were read again because of a message without its beginning. */
  readonly #again = new Set<string>();
  readonly #rewound = new Map<string, Rewound>();
  #next: number;
  #abort = new AbortController();
  #isPaused = false;
  #isBegun = false;
  #isLevel = false;
  #wake: () => void = () => undefined;

  constructor(parts: ReadingParts) {
    this.#parts = parts;
    this.#pieces = new Parts(() => parts.environment.elapsed());
    this.#settling = new Settling((place) => parts.reached(place));
    this.#next = parts.place + 1;
  }

  /** The node says what it has of tables; what it lacks of what was read is read again. Begins to read with the first. */
  said(tables: readonly TableState[]): void {
    let from = this.#isBegun ? Infinity : Math.min(this.#next, this.#parts.link.newest + 1);
    for (const { name, held, epoch } of tables) {
      if (epoch !== undefined) this.#epochs.set(name, epoch);
      this.#has.set(name, new Map(held));
      if (this.#isLacking(name) && this.#mayRewind(name)) from = Math.min(from, this.#baseOf(name));
    }
    if (from === Infinity) return;
    this.#isBegun = true;
    // What was begun and not ended is put together anew.
    this.#begin(Math.min(from, this.#pieces.first));
  }

  /** The node has operations, because it wrote or brought them. */
  has(table: string, origin: string, sequence: number): void {
    const has = this.#has.get(table);
    if (has !== undefined && (has.get(origin) ?? 0) < sequence) has.set(origin, sequence);
  }

  /** The place from which on a table's operations are, behind its checkpoint. */
  #baseOf(table: string): number {
    return (this.#parts.checkpoints.of(table)?.through ?? 0) + 1;
  }

  /** Returns whether the node lacks what was read, or is not read any more because it was read before. */
  #isLacking(table: string): boolean {
    const has = this.#has.get(table);
    const { ledger, checkpoints } = this.#parts;
    const isCovered = this.#covers(table, checkpoints.of(table)?.held ?? []);
    return (
      !isCovered ||
      ledger.vector(table).some(([origin, { held, place }]) => {
        const most = Math.min(held, this.#pieces.before(table, origin));
        return place < this.#next && (has?.get(origin) ?? 0) < most;
      })
    );
  }

  #covers(table: string, held: readonly (readonly [string, number, ...unknown[]])[]): boolean {
    const has = this.#has.get(table);
    return held.every(([origin, sequence]) => (has?.get(origin) ?? 0) >= sequence);
  }

  /** The same again and again, with nothing coming of it, must not read everything again and again. */
  #mayRewind(table: string): boolean {
    const { environment, checkpoints } = this.#parts;
    const lacking = JSON.stringify([checkpoints.of(table)?.name, [...(this.#has.get(table) ?? [])]]);
    const known = this.#rewound.get(table);
    const isSame = known?.lacking === lacking;
    if (isSame && environment.elapsed() < known.until) return false;
    const pauses = isSame ? known.pauses : new Backoff(AGAIN, () => environment.random());
    this.#rewound.set(table, { lacking, until: environment.elapsed() + pauses.next(), pauses });
    return true;
  }

  /** Reads a table again behind its checkpoint, once: a message ended whose beginning lies before where reading began. */
  #readAgain(table: string): void {
    if (this.#again.has(table)) return;
    this.#again.add(table);
    this.#begin(this.#baseOf(table));
  }

  #begin(from: number): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#pieces.clear();
    this.#next = from;
    this.#wake();
    const { signal } = this.#abort;
    this.#run(from, signal).catch((error: unknown) => {
      if (!signal.aborted) this.#parts.failed(error);
    });
  }

  async #run(from: number, signal: AbortSignal): Promise<void> {
    const { link } = this.#parts;
    for (const table of this.#has.keys()) await this.#catchUp(table, signal);
    if (from > link.newest) this.#sayLevel();
    for await (const message of link.read(from, signal)) {
      if (!this.#isOpen) await this.#room(signal);
      if (signal.aborted) return;
      await this.#take(message, signal);
      if (signal.aborted) return;
      this.#next = Math.max(this.#next, message.place + 1);
      if (message.place >= link.newest) this.#sayLevel();
      this.#step();
    }
    // Nothing but the end of the link ends what is read: who took it away is not known.
    if (!signal.aborted) throw linkOver(link.identity);
  }

  #sayLevel(): void {
    if (this.#isLevel) return;
    this.#isLevel = true;
    this.#parts.level();
  }

  async #take(message: Carried, signal: AbortSignal): Promise<void> {
    const { ledger, checkpoints } = this.#parts;
    const { subject, headers } = message;
    if (subject[0] !== CHECKPOINT) ledger.note(message);
    switch (subject[0]) {
      case CHECKPOINT: {
        const table = checkpoints.note(message);
        if (table === undefined) return this.#parts.strange(message, 'it tells of no checkpoint');
        this.#parts.published();
        this.#parts.say(table);
        return this.#catchUp(table, signal);
      }
      case TABLE:
        return this.#parts.declared(subject[1] ?? '');
      case BUNDLE:
        return this.#giveAll(this.#pieces.end(headers['Tablecast-Bundle'] ?? '', subject[1] ?? ''));
      case OPERATIONS:
        return this.#operations(message);
      default:
    }
  }

  #operations(message: Carried): void {
    const author = authorOf(message.subject);
    if (author === undefined) return this.#parts.strange(message, 'its subject names no author');
    const head = readHead(message.headers);
    if (head === undefined) return this.#parts.strange(message, 'its headers are not those of operations');
    const { table, origin } = author;
    this.#parts.published();
    const has = this.#has.get(table);
    if (has === undefined) return;
    this.#parts.grew(table, message.bytes.length);
    this.#settling.saw({ table, origin, held: head.held });
    const [index, count] = head.part;
    const isLast = index === count - 1;
    if (isLast && (has.get(origin) ?? 0) >= head.held) return this.#pieces.pass(message);
    const whole = this.#pieces.take(message, head.part, author);
    if (whole !== undefined) this.#whole(message, { ...head, ...author, ...whole });
    else if (isLast) this.#readAgain(table);
    this.#giveAll(this.#pieces.bound());
    this.#watch();
  }

  /** A message of operations is here from its beginning to its end. */
  #whole(message: Carried, { frame, from, bundle, ...said }: Whole): void {
    const { table, origin, held } = said;
    const found = readFrame(frame, said, this.#parts.isCareful);
    if (typeof found === 'string') return this.#parts.strange(message, found);
    this.has(table, origin, held);
    this.#giveAll(this.#pieces.endBefore({ table, origin }, bundle));
    if (bundle === undefined) return this.#give(frame);
    this.#giveAll(this.#pieces.hold(bundle, { ...found, author: { table, origin }, frame, from }));
  }

  #giveAll(all: readonly Complete[]): void {
    for (const complete of all) this.#give(oneFrame(complete));
  }

  /** Looks after a while who did not end what he began: that is told, and holds back the place no longer. */
  #watch(): void {
    if (this.#timer !== undefined || this.#pieces.from === Infinity) return;
    this.#timer = this.#parts.environment.schedule(OPEN_MS, () => {
      this.#timer = undefined;
      for (const author of this.#pieces.late()) this.#parts.unfinished(author);
      this.#step();
      this.#watch();
    });
  }

  /** Gives the node a table's checkpoint when it lacks what that stands for. */
  async #catchUp(table: string, signal: AbortSignal): Promise<void> {
    const { checkpoints } = this.#parts;
    const kept = checkpoints.of(table);
    if (kept === undefined || !this.#has.has(table)) return;
    if (this.#covers(table, kept.held) && !this.#isAhead(table, kept)) return;
    this.#across.set(table, kept.name);
    const frames = await checkpoints.frames(table, kept);
    if (signal.aborted) return;
    if (frames === undefined) return checkpoints.withdraw(table, kept);
    for (const frame of frames) {
      if (!this.#isOpen) await this.#room(signal);
      if (signal.aborted) return;
      this.#give(frame);
    }
    for (const [origin, sequence] of kept.held) this.has(table, origin, sequence);
  }

  /** Returns whether a checkpoint brings a switch of mode that the node has not heard of. */
  #isAhead(table: string, { name, epoch }: KeptCheckpoint): boolean {
    if (epoch === undefined || this.#across.get(table) === name) return false;
    return compareEpochs(epoch, this.#epochs.get(table) ?? NEVER_SWITCHED) > 0;
  }

  #give(frame: Uint8Array): void {
    this.#settling.gave(frame.length);
    this.#parts.give(frame);
  }

  /** A message was read: once the node took in what it was given, the place is reached. */
  #step(): void {
    this.#settling.step(Math.min(this.#next, this.#pieces.from) - 1);
  }

  /** The node took in so many bytes, of all that it was given. */
  taken(bytes: number): void {
    this.#settling.taken(bytes);
    this.#wake();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#wake();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#abort.abort();
    this.#wake();
  }

  /** Says up to which place everything of a table is in a checkpoint with a vector, as far as it was read by now. */
  through(table: string): (vector: ReadonlyMap<string, number>) => number {
    const settled = this.#settling.place;
    const before = this.#parts.checkpoints.of(table);
    const earlier = this.#parts.ledger.vector(table).filter(([, { place }]) => place <= settled);
    const all = new Map<string, number>(earlier.map(([origin, { held }]) => [origin, held]));
    const read = this.#settling.read(table).map(({ origin, held }) => [origin, held] as const);
    for (const [origin, sequence] of [...read, ...(before?.held ?? [])])
      all.set(origin, Math.max(sequence, all.get(origin) ?? 0));
    return (vector) => {
      const isWhole = [...all].every(([origin, sequence]) => (vector.get(origin) ?? 0) >= sequence);
      return isWhole ? settled : (before?.through ?? 0);
    };
  }

  get #isOpen(): boolean {
    return !this.#isPaused && this.#settling.owed < WINDOW_BYTES;
  }

  async #room(signal: AbortSignal): Promise<void> {
    while (!this.#isOpen && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** Reads what a frame has; says what is wrong with it: who may append under a subject may write what it names, and nothing else. */
function readFrame(
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
