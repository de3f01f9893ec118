import type { Subscription } from 'rxjs';
import { isTablecastError } from '../../errors.ts';
import { type OutgoingChange, writeChanges, type ZeekTable } from '../protocol/index.ts';
import type { AttachedTable } from './attached-table.ts';
import { asItStands, ChangeQueue, outgoing, stateBefore } from './change-queue.ts';
import type { ZeekHost } from '../host.ts';
import type { OwnChanges } from './own-changes.ts';
import type { Teller } from './teller.ts';
import { Pace } from './pace.ts';
import { echoWantedFrame } from './pulse.ts';
import { RecentSlices } from './recent-slices.ts';
import { nodeIdOf } from './script-events.ts';
import { Refill, type RefillRequest } from './refill.ts';

/** Rows of one frame, and its bytes. */
const MAX_CHANGES = 1000;
const MAX_FRAME_BYTES = 512 * 1024;
/** Refills that may wait; a cluster asks for one per node and table. */
const MAX_REFILLS = 4096;
/** Pause before something that the backend refused is tried again. */
const RETRY_MS = 500;

/** The parts are what sending needs. */
export interface OutboundParts {
  readonly host: ZeekHost;
  readonly teller: Teller;
  /** Bytes of the largest frame that the connection can ever take. */
  readonly maxFrameBytes: number;
  /** Returns whether an origin's operations come from the cluster that they would be sent to. */
  isTheirs(origin: string): boolean;
  /** Hands a frame to the connection; false when it takes none at present. */
  send(frame: string): boolean;
  /** Changes were encoded, and are on their way to a topic. */
  sent(attached: AttachedTable, topic: string, changes: number): void;
  /** Says when the last sign of life came from Zeek, in milliseconds since 1970. */
  heardAt(): number;
  /** All rows of a refill have been handed over. */
  refilled(request: RefillRequest, rows: number): void;
}

/**
 * Publishes this node's changes to Zeek, in the order of its log and not before they are durable, and
 * sends whole tables beside them.
 */
export class Outbound {
  readonly #parts: OutboundParts;
  readonly #queue = new ChangeQueue();
  readonly #slices = new RecentSlices();
  readonly #pace: Pace;
  #server = '';
  readonly #subscriptions: Subscription[] = [];
  #refills: (Refill | RefillRequest)[] = [];
  /** Frames that the connection did not take. */
  #unsent: string[] = [];
  #connected = false;
  #paused = false;
  #running = false;
  #again = false;
  #working: Promise<void> = Promise.resolve();

  constructor(parts: OutboundParts) {
    this.#parts = parts;
    this.#pace = new Pace({
      environment: parts.host.environment,
      ask: (number) => void parts.send(echoWantedFrame(this.#server, parts.host.id, number)),
      freed: () => this.drained(),
    });
  }

  /** Publishes what becomes of a table from now on. */
  watch(attached: AttachedTable): void {
    const changes = attached.table.changes.subscribe((change) => {
      if (this.#parts.isTheirs(change.origin)) return;
      const { position } = change.operation;
      const before = stateBefore(change);
      const { topic } = attached.zeek;
      this.#queue.push({ attached, topic, position, change: outgoing(change), before });
      this.run();
    });
    this.#subscriptions.push(changes);
  }

  /** Position up to which everything has been handed to the connection, while that can be told. */
  get published(): number | undefined {
    if (this.#unsent.length > 0 || this.#queue.overflowed.size > 0) return undefined;
    const { first } = this.#queue;
    return first === undefined ? this.#parts.host.told('sqlite') : first - 1;
  }

  /** Resolves when everything that can be sent now was handed over. */
  get settled(): Promise<void> {
    return this.#working;
  }

  /** Says whether nothing waits. */
  get idle(): boolean {
    return this.#queue.length === 0 && this.#unsent.length === 0 && this.#refills.length === 0;
  }

  /** Lists what of a table changed here and may not have reached Zeek. */
  own(attached: AttachedTable): OwnChanges {
    return this.#queue.own(attached);
  }

  /** Returns the keys of a table whose changes wait to be sent. */
  waiting(attached: AttachedTable): readonly unknown[] {
    return this.#queue.waiting(attached);
  }

  /** Says whether the connection takes nothing at present. */
  get blocked(): boolean {
    return this.#unsent.length > 0;
  }

  /** Returns whether nothing of a table is on its way to a Zeek node or waits for it. */
  isQuiet(attached: AttachedTable, zeekNode: string): boolean {
    const isFilling = this.#refills.some((refill) => {
      const request = requestOf(refill);
      return request.attached === attached && (nodeIdOf(request.topic) ?? zeekNode) === zeekNode;
    });
    return !isFilling && !this.blocked && !this.#queue.has(attached);
  }

  /** Returns whether the row of a key is one that can be sent. */
  canSend(attached: AttachedTable, key: unknown): boolean {
    return this.couldSend(attached, asItStands(attached, key, this.#parts.host.environment.now()));
  }

  /** Returns whether a change is one that can be sent. */
  couldSend(attached: AttachedTable, change: OutgoingChange): boolean {
    return writeChanges(attached.zeek, [change], this.#writing(attached)).refused.length === 0;
  }

  /** The connection takes frames; what was on its way when the last one broke is sent as it stands now. */
  connected(): void {
    this.#connected = true;
    this.#paused = false;
    for (const { attached, key, before } of this.#queue.takeUncertain()) {
      const { host } = this.#parts;
      const change = asItStands(attached, key, host.environment.now());
      this.#queue.push({ attached, topic: attached.zeek.topic, position: host.position, change, before });
    }
    this.run();
  }

  /** Nothing can be sent; gives the tables that were being sent whole, or waited for it. */
  disconnected(): ReadonlySet<AttachedTable> {
    // Before the first connection nobody was heard, and nothing sent.
    if (this.#connected) this.#queue.broke(this.#parts.heardAt());
    this.#connected = false;
    this.#pace.reset();
    for (const refill of this.#refills) if (refill instanceof Refill) refill.end();
    const whole = this.#refills.map(requestOf).filter(({ keys }) => keys === undefined);
    this.#refills = [];
    return new Set(whole.map(({ attached }) => attached));
  }

  /** That Zeek process answers when it has handled what was sent: no more is sent than it takes. */
  keepPace(server: string): void {
    this.#server = server;
    this.#pace.keep();
  }

  /** The Zeek process has handled what was sent before a question of that number. */
  answered(number: number): void {
    this.#pace.answered(number);
  }

  /** The connection takes frames again. */
  drained(): void {
    this.#paused = false;
    this.run();
  }

  /** Publishes a row as it is now: written, or removed. */
  publishAsItStands(attached: AttachedTable, key: unknown, topic: string = attached.zeek.topic): void {
    const { host } = this.#parts;
    const change = asItStands(attached, key, host.environment.now());
    this.#queue.push({ attached, topic, position: host.position, change });
  }

  /** Zeek changed a row: says it again where an older row was sent a moment ago and may have come later. */
  settle(attached: AttachedTable, keyText: string): void {
    this.#queue.forget(attached, keyText);
    const now = this.#parts.host.environment.elapsed();
    const { schema } = attached.projection;
    for (const topic of this.#slices.crossed(attached, keyText, now)) {
      this.publishAsItStands(attached, schema.keyOf(keyText), topic);
      this.run();
    }
  }

  /** Sends a whole table to every Zeek node. */
  refillAll(attached: AttachedTable, removals: boolean): void {
    this.refill({ attached, topic: attached.zeek.topic, removals, announced: false });
  }

  /** Sends a table, or some of its rows, to a topic, unless that is about to happen. */
  refill(request: RefillRequest): void {
    const waits = this.#refills.some((other) => {
      if (other instanceof Refill || other.keys !== undefined) return false;
      return other.attached === request.attached && other.topic === request.topic;
    });
    if (waits || this.#refills.length >= MAX_REFILLS) return;
    this.#refills.push(request);
    this.run();
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.disconnected();
  }

  /** Sends on, if there is something to send and the connection takes it. */
  run(): void {
    this.#again = this.#running;
    if (this.#running) return;
    this.#running = true;
    this.#working = this.#workOn();
  }

  async #workOn(): Promise<void> {
    try {
      await this.#work();
    } catch (error) {
      const what = 'Changes for Zeek are held back';
      this.#parts.teller.note({ code: 'zeek-problem', what, example: String(error) });
      this.#parts.host.environment.schedule(RETRY_MS, () => this.run());
    } finally {
      this.#running = false;
    }
    if (this.#open && this.#again) this.run();
  }

  async #work(): Promise<void> {
    // A task of its own, so that what is written together is sent together.
    await Promise.resolve();
    while (this.#open && (this.#sendWaiting() || (await this.#sendSlice())));
  }

  /** More changed than was kept: the tables go whole. */
  #replaceOverflowed(): void {
    for (const attached of this.#queue.overflowed) this.refillAll(attached, true);
    this.#queue.overflowed.clear();
  }

  get #open(): boolean {
    return this.#connected && !this.#paused;
  }

  /** Sends changes that are durable; false when there are none. */
  #sendWaiting(): boolean {
    if (!this.#flushFrames()) return false;
    const { host } = this.#parts;
    const taken = this.#queue.take(MAX_CHANGES, ({ attached, position }) => {
      return position <= host.told(attached.projection.store);
    });
    const [first] = taken;
    if (first === undefined) {
      this.#replaceOverflowed();
      return false;
    }
    const changes = taken.map(({ change }) => change);
    this.#encode(first.attached, changes, first.topic);
    this.#queue.sent(taken, { now: host.environment.elapsed(), heardAt: this.#parts.heardAt() });
    this.#flushFrames();
    return true;
  }

  /** Sends rows of the refill that is next; false when there is none. */
  async #sendSlice(): Promise<boolean> {
    const [next] = this.#refills;
    if (next === undefined || !this.#open) return false;
    const refill = next instanceof Refill ? next : new Refill(next);
    this.#refills[0] = refill;
    const { host } = this.#parts;
    const { attached, topic } = refill.request;
    const rows = refill.slice(MAX_CHANGES, host.environment.now());
    await this.#durable(refill);
    if (this.#refills[0] !== refill) return true;
    if (rows.length === 0) {
      this.#refills.shift();
      if (refill.request.keys === undefined) this.#parts.refilled(refill.request, refill.rows);
      return true;
    }
    this.#encode(attached, rows, topic);
    this.#slices.add({ attached, topic, keys: refill.keys, at: host.environment.elapsed() });
    this.#flushFrames();
    return true;
  }

  /** Rows may be newer than the last commit, and must not be told before they are durable. */
  async #durable(refill: Refill): Promise<void> {
    try {
      await this.#parts.host.flush(refill.request.attached.projection.store);
    } catch (error) {
      refill.end();
      if (this.#refills[0] === refill) this.#refills[0] = refill.request;
      throw error;
    }
  }

  #writing({ projection }: AttachedTable): Parameters<typeof writeChanges>[2] {
    const { host, maxFrameBytes } = this.#parts;
    const header = { time: host.environment.now(), nodeId: `tablecast:${host.life(projection.store)}` };
    return { header, batch: { maxChanges: MAX_CHANGES, maxBytes: Math.min(MAX_FRAME_BYTES, maxFrameBytes) } };
  }

  #encode(attached: AttachedTable, changes: readonly OutgoingChange[], topic: string): void {
    // A value of another type would be a null entry in Zeek's table. The whole table goes when it is held no more.
    if (attached.isHeld) return;
    const table: ZeekTable = { ...attached.zeek, topic };
    const { frames, refused } = writeChanges(table, changes, this.#writing(attached));
    for (const frame of frames) this.#unsent.push(frame);
    this.#parts.sent(attached, topic, changes.length - refused.length);
    for (const { error } of refused) {
      const { name } = attached;
      const what = `Rows of ${name} cannot be sent to Zeek`;
      this.#parts.teller.note({ code: 'zeek-refused', table: name, what, example: error.message });
    }
  }

  /** Hands over encoded frames; false when some remain. */
  #flushFrames(): boolean {
    while (this.#unsent.length > 0) {
      if (this.#pace.isFull) this.#paused = true;
      if (!this.#open) return false;
      if (!this.#handOver(this.#unsent[0] as string)) return false;
      this.#unsent.shift();
    }
    return true;
  }

  #handOver(frame: string): boolean {
    try {
      if (this.#parts.send(frame)) {
        this.#pace.sent(frame.length);
        return true;
      }
      this.#paused = true;
      return false;
    } catch (error) {
      if (!isTablecastError(error, 'LIMIT_EXCEEDED')) throw error;
      const what = 'Frames are too large for Zeek';
      this.#parts.teller.note({ code: 'zeek-refused', what, example: error.message });
      return true;
    }
  }
}

function requestOf(refill: Refill | RefillRequest): RefillRequest {
  return refill instanceof Refill ? refill.request : refill;
}
