import { isTablecastError } from '../../errors.ts';
import type { BackendName } from '../../schema/schema.ts';
import { carriesChanges } from '../../log/runs/run.ts';
import type { LoggedSegment, RunReference, SegmentStore } from '../../log/keeping/segment-store.ts';
import { type PeerTables, type SharedTable, isBehindSwitch } from '../peers/peer-tables.ts';
import type { Held, Replica } from '../replica.ts';
import { MAX_FRAME_OPERATIONS, MAX_FRAME_RUNS, type Message } from '../wire/wire.ts';

/** Runs are gathered into frames of about this size; one segment's runs always travel together. */
const FRAME_BYTES = 64 * 1024;
/**
 * Bounds what is gathered of runs that carry changes of documents, which take a receiver longer; one segment
 * alone may be more.
 */
const FRAME_CHANGES_BYTES = 8 * 1024;
/** A frame does not grow beyond this by another segment; one segment alone may be larger. */
const MAX_FRAME_BYTES = 1024 * 1024;
/** So many bytes are put together in one turn of the event loop, counted with so many for what has none. */
const TURN_BYTES: number = 256 * 1024;
const STEP_BYTES = 8 * 1024;
const RUN_BYTES = 64;
/** Bounds how much of the log is looked at in one go. */
const PAGE_BYTES = 512 * 1024;

/** The connection, as far as sending goes. */
export interface Outlet {
  /** Returns whether another frame may be sent now; when it may again, {@link Outbound.resume} is called. */
  open(): boolean;
  ended(): boolean;
  /** Is called when what is to be sent cannot be read or sent: the session is over. */
  failed(error: unknown): void;
  send(message: Message, operations: number): void;
  /** Resolves in a later turn of the event loop. */
  nextTurn(): Promise<void>;
  /** So many bytes are sent although they were before, because the peer said that it lacks them. */
  again(bytes: number): void;
}

/** Walks one store's log for one peer: what the peer lacks goes out, first old, then live. */
export class Outbound {
  readonly #store: SegmentStore;
  readonly #name: BackendName;
  readonly #tables: PeerTables;
  readonly #replica: Replica;
  readonly #outlet: Outlet;
  #cursor = 0;
  #walking = false;
  /** Set when the log was found not to reach back far enough: what was held then, and where the log ended. */
  #skipped: { readonly until: number; readonly held: ReadonlyMap<string, Held> } | undefined;
  #again = false;
  #wake: (() => void) | undefined;
  #frame: Uint8Array[] = [];
  #frameBytes = 0;
  #frameOperations = 0;
  #changesBytes = 0;
  #turnBytes = TURN_BYTES;

  constructor(store: SegmentStore, parts: { tables: PeerTables; replica: Replica; outlet: Outlet }) {
    this.#store = store;
    this.#name = store.name;
    this.#tables = parts.tables;
    this.#replica = parts.replica;
    this.#outlet = parts.outlet;
    this.#cursor = store.told;
  }

  /** Goes back to where the peer may lack something of the given tables. */
  rewind(tables: Iterable<SharedTable>): void {
    for (const table of tables) {
      if (table.store !== this.#name) continue;
      this.#cursor = Math.min(this.#cursor, this.#tables.startOf(table, this.#store.told + 1) - 1);
    }
    this.resume();
  }

  /** Says whether everything that may be told has been handed to the connection. */
  get done(): boolean {
    return this.#cursor >= this.#store.told && this.#due() === undefined && !this.#walking;
  }

  /** Sends on, if there is something to send and room for it. */
  resume(): void {
    this.#wake?.();
    this.#wake = undefined;
    if (this.#walking) {
      this.#again = true;
      return;
    }
    this.#walking = true;
    this.#walk().then(
      () => this.#rest(),
      (error: unknown) => {
        this.#walking = false;
        this.#outlet.failed(error);
      },
    );
  }

  #rest(): void {
    this.#walking = false;
    if (!this.#again || this.#outlet.ended()) return;
    this.#again = false;
    this.resume();
  }

  async #walk(): Promise<void> {
    while (this.#outlet.open()) {
      const due = this.#due();
      if (due !== undefined) {
        await this.#sendCheckpoint(due);
        continue;
      }
      this.#lookBack();
      if (this.#due() !== undefined) continue;
      if (this.#cursor >= this.#store.told) break;
      const from = this.#cursor;
      const segments = this.#store.recent(from, PAGE_BYTES) ?? (await this.#read());
      // Rewound while the disk was read: what lies in between comes first.
      if (segments === undefined || this.#cursor < from) continue;
      const first = segments[0]?.segment.position ?? Infinity;
      if (first > this.#store.told) this.#cursor = Math.max(this.#cursor, this.#store.told);
      for (const segment of segments) {
        if (!this.#offer(segment)) break;
        // What is rewound meanwhile is found by where the cursor is then.
        if (this.#turnBytes <= 0) break;
      }
      this.#sendFrame();
      await this.#takeTurns(STEP_BYTES);
    }
    if (this.#outlet.open() && this.#cursor >= this.#store.told) this.#sayLevel();
  }

  /** Something was put together for the peer; what is long leaves the turns between to others. */
  async #takeTurns(bytes: number): Promise<void> {
    this.#turnBytes -= bytes;
    if (this.#turnBytes > 0) return;
    this.#turnBytes = TURN_BYTES;
    await this.#outlet.nextTurn();
  }

  #due(): SharedTable | undefined {
    for (const table of this.#tables.shared.values()) {
      if (table.needsCheckpoint && table.store === this.#name) return table;
    }
    return undefined;
  }

  /** Undefined when the log does not reach back so far; then the cursor was moved to where it begins. */
  async #read(): Promise<readonly LoggedSegment[] | undefined> {
    try {
      return await this.#store.read(this.#cursor, PAGE_BYTES);
    } catch (error) {
      if (!isTablecastError(error, 'LOG_TRIMMED')) throw error;
      // Whether the peer misses any of what is gone shows as a gap, or at the latest where the log ends now.
      const held = Array.from(
        this.#tables.shared.keys(),
        (name) => [name, this.#replica.table(name)?.vector() ?? []] as const,
      );
      this.#skipped = { until: this.#store.appended, held: new Map(held) };
      this.#cursor = Math.max(this.#cursor, error.details.trimmedTo ?? this.#store.told);
      return undefined;
    }
  }

  /** Past where the log ended when its beginning was found gone: what the peer has not got by now, it cannot get from the log. */
  #lookBack(): void {
    const skipped = this.#skipped;
    if (skipped === undefined || this.#cursor < skipped.until) return;
    this.#skipped = undefined;
    for (const table of this.#tables.shared.values()) {
      if (table.store !== this.#name) continue;
      if (this.#tables.behind(table, skipped.held.get(table.name))) this.#tables.needCheckpoint(table);
    }
  }

  /** Takes a segment into the frame; false when it may not be told yet. */
  #offer({ segment, runs, adopted }: LoggedSegment): boolean {
    const last = segment.position + segment.span - 1;
    if (last > this.#store.told) return false;
    this.#turnBytes -= segment.bytes.length + runs.length * RUN_BYTES;
    const table = adopted === undefined ? undefined : this.#tables.shared.get(adopted);
    if (table !== undefined && this.#tables.behind(table)) this.#tables.needCheckpoint(table);
    if (this.#frameBytes + segment.bytes.length > MAX_FRAME_BYTES) this.#sendFrame();
    if (this.#overfull(segment.span, runs.length)) this.#sendFrame();
    const changes = runs.reduce((sum, { bytes }) => sum + (carriesChanges(bytes) ? bytes.length : 0), 0);
    if (changes > 0 && this.#changesBytes + changes > FRAME_CHANGES_BYTES) this.#sendFrame();
    this.#changesBytes += changes;
    for (const run of runs) this.#offerRun(run);
    this.#cursor = last;
    if (this.#frameBytes >= FRAME_BYTES) this.#sendFrame();
    return this.#outlet.open() && this.#due() === undefined;
  }

  #offerRun(run: RunReference): void {
    const need = this.#tables.take(run);
    if (need === 'skip') return;
    if (need === 'gap') {
      const table = this.#tables.shared.get(run.table);
      if (table !== undefined) this.#tables.needCheckpoint(table);
      return;
    }
    if (this.#tables.wasSent(run)) this.#outlet.again(run.bytes.length);
    // Only for a segment that is longer than any frame may be: one that was gathered by an earlier version.
    if (this.#overfull(run.count, 1)) this.#sendFrame();
    this.#frame.push(run.bytes);
    this.#frameBytes += run.bytes.length;
    this.#frameOperations += run.count;
  }

  #overfull(operations: number, runs: number): boolean {
    if (this.#frameOperations + operations > MAX_FRAME_OPERATIONS) return true;
    return this.#frame.length + runs > MAX_FRAME_RUNS;
  }

  #sendFrame(): void {
    this.#changesBytes = 0;
    if (this.#frame.length === 0) return;
    this.#outlet.send({ type: 'runs', runs: this.#frame }, this.#frameOperations);
    this.#frame = [];
    this.#frameBytes = 0;
    this.#frameOperations = 0;
  }

  async #sendCheckpoint(shared: SharedTable): Promise<void> {
    const table = this.#replica.table(shared.name);
    if (table === undefined) return;
    const vector = table.vector();
    for (const [origin, sequence] of vector) this.#tables.forgotten.note(shared, origin, sequence);
    const chunks = table.checkpoint(isBehindSwitch(table, this.#tables.stateOf(shared.name)));
    const isAgain = shared.checkpointed === table.epoch;
    try {
      let index = 0;
      for (let current = chunks.next(); current.done !== true;) {
        // A chunk may hold rows newer than the last commit: they must not be told before they are durable.
        this.#replica.log.seal();
        await this.#store.flush();
        const next = chunks.next();
        await this.#takeTurns(STEP_BYTES + current.value.length);
        await this.#untilOpen();
        if (this.#outlet.ended()) return;
        // Rows from after a switch under a header from before it would look like removals: it begins anew.
        if (this.#replica.table(shared.name)?.epoch !== table.epoch) return;
        const last = next.done === true;
        if (isAgain) this.#outlet.again(current.value.length);
        this.#outlet.send(
          { type: 'checkpoint', table: shared.name, index: index++, last, chunk: current.value },
          0,
        );
        current = next;
      }
    } finally {
      chunks.return?.();
    }
    shared.needsCheckpoint = false;
    shared.checkpointed = table.epoch;
    for (const [origin, sequence] of vector) {
      if ((shared.has.get(origin) ?? 0) < sequence) shared.has.set(origin, sequence);
    }
    this.#skip();
  }

  /** Goes on where the peer may lack something: what the checkpoint stands for need not be read. */
  #skip(): void {
    let start = this.#store.told + 1;
    for (const table of this.#tables.shared.values())
      if (table.store === this.#name) start = this.#tables.startOf(table, start);
    this.#cursor = Math.max(this.#cursor, start - 1);
  }

  async #untilOpen(): Promise<void> {
    while (!this.#outlet.open() && !this.#outlet.ended()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #sayLevel(): void {
    const names: string[] = [];
    for (const table of this.#tables.shared.values()) {
      if (table.levelSent || table.needsCheckpoint || table.store !== this.#name) continue;
      table.levelSent = true;
      names.push(table.name);
    }
    if (names.length > 0) this.#outlet.send({ type: 'level', tables: names }, 0);
  }
}
