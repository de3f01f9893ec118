import type { Environment, Timer } from '../environment.ts';
import { compareEpochs } from '../log/operations/epoch.ts';
import type { TableState } from '../replication/wire/bodies.ts';
import { Beginnings, type Gap } from './beginnings.ts';
import { linkOver } from './errors.ts';
import type { Carried, CarrierLink } from './carrier.ts';
import type { Checkpoints } from './checkpoints.ts';
import { Had } from './had.ts';
import type { KeptCheckpoint, Ledger } from './ledger.ts';
import { Settling } from './settling.ts';
import { type Complete, OPEN_MS, Parts, type Whole, oneFrame, readFrame } from './parts-of-messages.ts';
import { type Author, BUNDLE, CHECKPOINT, OPERATIONS, TABLE, authorOf, readHead } from './subjects.ts';

/** So many bytes are given to the node that it has not taken in. */
const WINDOW_BYTES: number = 4 * 1024 * 1024;
/** A lack is looked at again after so long, in milliseconds, while it goes on. */
const LOOK_MS = 2000;
const NEVER_SWITCHED = { counter: 0, origin: '' };

type Epoch = NonNullable<TableState['epoch']>;

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
  /** Operations are missing in the carrier, of an author whose later ones it holds. */
  missing(gap: Gap): Promise<void>;
  /** Something stands in the carrier that no node writes. */
  strange(message: Carried, why: string): void;
  failed(error: unknown): void;
}

/** Reads a carrier for one node: from where it is on, what it lacks, in order. */
export class Reading {
  readonly #parts: ReadingParts;
  readonly #pieces: Parts;
  #timer: Timer | undefined;
  readonly #had: Had;
  #looking: Timer | undefined;
  readonly #settling: Settling;
  /** The switch that the node said was in force in a table, and the checkpoint that was given last. */
  readonly #epochs = new Map<string, Epoch>();
  readonly #across = new Map<string, string>();
  readonly #beginnings: Beginnings;
  #next: number;
  #abort = new AbortController();
  #isPaused = false;
  #isBegun = false;
  #isLevel = false;
  #wake: () => void = () => undefined;

  constructor(parts: ReadingParts) {
    this.#parts = parts;
    this.#pieces = new Parts(() => parts.environment.elapsed());
    this.#had = new Had({ ledger: parts.ledger, checkpoints: parts.checkpoints, pieces: this.#pieces });
    this.#settling = new Settling((place) => parts.reached(place));
    this.#beginnings = new Beginnings(parts.environment);
    this.#next = parts.place + 1;
  }

  /** The node says what it has of tables; what it lacks of what was read is read again. Begins to read with the first. */
  said(tables: readonly TableState[]): void {
    let from = this.#isBegun ? Infinity : Math.min(this.#next, this.#parts.link.newest + 1);
    for (const state of tables) {
      const { name, epoch } = state;
      if (epoch !== undefined) this.#epochs.set(name, epoch);
      this.#beginnings.tookLess(name, this.#had.said(state));
      from = Math.min(from, this.#lackFrom(name));
    }
    if (from === Infinity) return;
    this.#isBegun = true;
    this.#begin(from);
  }

  /** The node has operations, because it wrote or brought them. */
  has(table: string, origin: string, sequence: number): void {
    this.#had.add({ table, origin }, sequence);
  }

  /** The place from which on a table's operations are, behind its checkpoint. */
  #baseOf(table: string): number {
    return (this.#parts.checkpoints.of(table)?.through ?? 0) + 1;
  }

  /** Returns from where on a table is to be read again now for what the node lacks of it; Infinity: it is not. */
  #lackFrom(table: string, isTakenOnly = false): number {
    const lack = this.#had.lack(table, this.#next, isTakenOnly);
    if (lack === undefined) return Infinity;
    this.#lookLater();
    return this.#beginnings.mayRewind(table, lack) ? this.#baseOf(table) : Infinity;
  }

  /**
   * Looks after a while whether the node still lacks something. It says that no more: what shows it that something is
   * missing is what comes behind that, and nothing may come.
   */
  #lookLater(): void {
    if (this.#abort.signal.aborted) return;
    this.#looking ??= this.#parts.environment.schedule(LOOK_MS, () => {
      this.#looking = undefined;
      const from = this.#had.tables.reduce(
        (least, table) => Math.min(least, this.#lackFrom(table, true)),
        Infinity,
      );
      if (from < Infinity) this.#begin(from);
    });
  }

  /** Reads a table again behind its checkpoint, once: something goes on whose beginning lies before where reading began. */
  #readAgain(table: string): boolean {
    this.#lookLater();
    const isAgain = this.#beginnings.mayReadAgain(table);
    if (isAgain) this.#begin(this.#baseOf(table));
    return isAgain;
  }

  #begin(place: number): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    const from = Math.min(place, this.#pieces.first);
    this.#had.forgetHeld();
    this.#pieces.clear();
    this.#next = from;
    this.#beginnings.from(from, this.#had.tables, (table) => this.#baseOf(table));
    this.#wake();
    const { signal } = this.#abort;
    this.#run(from, signal).catch((error: unknown) => {
      if (!signal.aborted) this.#parts.failed(error);
    });
  }

  async #run(from: number, signal: AbortSignal): Promise<void> {
    const { link } = this.#parts;
    for (const table of this.#had.tables) await this.#catchUp(table, signal);
    if (from > link.newest) this.#sayLevel();
    let isChecked = from > link.newest;
    for await (const message of link.read(from, signal)) {
      if (!this.#isOpen) await this.#room(signal);
      if (signal.aborted) return;
      await this.#take(message, signal);
      if (signal.aborted) return;
      this.#passed(message);
      if (message.place >= link.newest) this.#sayLevel();
      this.#step();
      if (isChecked || message.place < link.newest) continue;
      isChecked = true;
      await this.#checkAll();
      if (signal.aborted) return;
    }
    // Nothing but the end of the link ends what is read: who took it away is not known.
    if (!signal.aborted) throw linkOver(link.identity);
  }

  #passed({ place }: Carried): void {
    this.#next = Math.max(this.#next, place + 1);
  }

  /**
   * Everything was read that was there at the beginning: what the node lacks then was not given, although the carrier
   * says that it holds it. It is read once more, and then it is missing in the carrier.
   */
  async #checkAll(): Promise<void> {
    const lackingOf = (table: string) => this.#had.lacking(table, this.#next);
    const lacking = this.#had.tables.filter((table) => lackingOf(table).length > 0);
    if (lacking.length > 0) this.#lookLater();
    const isWhole = (table: string): boolean =>
      lackingOf(table).every(([origin]) => this.#beginnings.isWhole({ table, origin }));
    const [again] = lacking.filter((table) => !isWhole(table) || this.#beginnings.mayReadAgain(table));
    if (again !== undefined) return this.#begin(Math.min(...lacking.map((table) => this.#baseOf(table))));
    for (const table of lacking)
      for (const [origin, { place }] of lackingOf(table).filter(([, entry]) => entry.place > 0))
        await this.#parts.missing({ table, origin, held: this.#had.of({ table, origin }), place });
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
        return this.#operations(message, signal);
      default:
    }
  }

  async #operations(message: Carried, signal: AbortSignal): Promise<void> {
    const author = authorOf(message.subject);
    if (author === undefined) return this.#parts.strange(message, 'its subject names no author');
    const head = readHead(message.headers);
    if (head === undefined) return this.#parts.strange(message, 'its headers are not those of operations');
    const { table, origin } = author;
    this.#parts.published();
    // It is behind the reader at once: the node may say before the next turn that it has the table.
    if (!this.#had.isSaid(table)) return this.#passed(message);
    this.#parts.grew(table, message.bytes.length);
    this.#settling.saw({ table, origin, held: head.held });
    if (message.bytes.length === 0) return this.#lowered(message, { ...author, held: head.held }, signal);
    const [index, count] = head.part;
    const isLast = index === count - 1;
    if (isLast && this.#had.of(author) >= head.held) return this.#pieces.pass(message);
    const whole = this.#pieces.take(message, head.part, author);
    if (whole !== undefined) await this.#whole(message, { ...head, ...author, ...whole }, signal);
    else if (isLast) this.#readAgain(table);
    this.#giveAll(this.#pieces.bound());
    this.#watch();
  }

  /** A message without operations: behind it the carrier holds fewer of an author than it was said to. */
  async #lowered(
    message: Carried,
    { table, origin, held }: Author & { held: number },
    signal: AbortSignal,
  ): Promise<void> {
    const { ledger } = this.#parts;
    if (ledger.entry(table, origin).place === message.place) this.#parts.say(table);
    if (this.#hasBefore({ table, origin }, held + 1)) return;
    await this.#passesOver(message, { table, origin, first: held + 1 }, signal);
  }

  /** A message of operations is here from its beginning to its end. */
  async #whole(
    message: Carried,
    { frame, from, bundle, ...said }: Whole,
    signal: AbortSignal,
  ): Promise<void> {
    const { table, origin, held } = said;
    const found = readFrame(frame, said, this.#parts.isCareful);
    if (typeof found === 'string') return this.#parts.strange(message, found);
    this.#giveAll(this.#pieces.endBefore({ table, origin }, bundle));
    if (await this.#passesOver(message, { table, origin, first: found.first }, signal)) return;
    this.has(table, origin, held);
    if (bundle === undefined) return this.#give(frame);
    this.#giveAll(this.#pieces.hold(bundle, { ...found, author: { table, origin }, frame, from }));
  }

  #hasBefore(author: Author, sequence: number): boolean {
    return this.#had.of(author) >= sequence - 1;
  }

  /**
   * Returns whether a message is passed over, because the node lacks what comes before it. If it was not there from the
   * table's beginning on, and nothing behind this message may be it, it is missing in the carrier, and that is said there.
   */
  async #passesOver(
    { place }: Carried,
    { table, origin, first }: Author & { readonly first: number },
    signal: AbortSignal,
  ): Promise<boolean> {
    if (this.#hasBefore({ table, origin }, first)) return false;
    if (!this.#beginnings.isWhole({ table, origin })) return this.#readAgain(table);
    this.#lookLater();
    const { ledger, checkpoints } = this.#parts;
    if (ledger.entry(table, origin).place > place) return true;
    // It may be gone because a checkpoint stands for it, of which it was not read yet.
    await checkpoints.learn(table);
    await this.#catchUp(table, signal);
    if (signal.aborted) return true;
    if (this.#hasBefore({ table, origin }, first)) return false;
    await this.#parts.missing({ table, origin, held: this.#had.of({ table, origin }), place });
    return true;
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
    if (kept === undefined || !this.#had.isSaid(table)) return;
    if (this.#had.covers(table, kept.held) && !this.#isAhead(table, kept)) return;
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
    this.#looking?.cancel();
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
