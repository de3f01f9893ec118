import { type Place, withoutPort } from '../../access/fair-share.ts';
import type { Grant } from '../../access/grant.ts';
import { type TablecastError, isTablecastError } from '../../errors.ts';
import type { StoreName } from '../../log/keeping/journal.ts';
import type { Work } from '../../work/slices.ts';
import type { Closing, Connection } from '../../transport/transport.ts';
import type { Debtor } from '../costs/account.ts';
import { Acked } from './acked.ts';
import { type Acknowledged, Acknowledgements } from './acknowledgements.ts';
import { takenIn } from './taken-in.ts';
import { Comparisons } from '../digests/comparison.ts';
import type { Directed } from '../peers/directions.ts';
import { outOfTurn } from './incoming.ts';
import { Heartbeat } from './heartbeat.ts';
import { LongFrames, tookOver } from './long-frames.ts';
import { Outbound } from './outbound.ts';
import { unitsOf } from '../costs/message-cost.ts';
import { Parting } from './parting.ts';
import { PeerTables } from '../peers/peer-tables.ts';
import type { AdoptedRows } from '../replica.ts';
import { Intake } from '../costs/intake.ts';
import type { SessionOwner } from './session-owner.ts';
import { Sharing } from './sharing.ts';
import { Taking } from './taking.ts';
import { denied, failed, throttled } from './session-events.ts';
import {
  type FarewellCause,
  type Hello,
  type Message,
  PROTOCOL,
  decodeMessage,
  encodeMessage,
} from '../wire/wire.ts';

/** Bytes sent and not acknowledged before sending pauses. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** One peer, from the first frame to the last. */
export class Session implements Debtor, Directed, Place {
  readonly connection: Connection;
  readonly tables: PeerTables;
  readonly comparisons: Comparisons;
  readonly #owner: SessionOwner<Session>;
  readonly #outbound: ReadonlyMap<StoreName, Outbound>;
  readonly #long: LongFrames;
  readonly #intake: Intake;
  readonly #acknowledgements: Acknowledgements;
  readonly taking: Taking;
  readonly #heartbeat: Heartbeat;
  readonly #parting: Parting;
  readonly sharing: Sharing;
  #hello: Hello | undefined;
  #ended = false;
  #farewell: string | undefined;
  /** Says what is behind the end of the session, as this node or the peer said. */
  farewellCause: FarewellCause;
  #blocked = false;
  #sentBytes = 0;
  sentOperations = 0;
  receivedOperations = 0;
  readonly acked: Acked = new Acked((wants) => this.#acknowledgements.ask(wants));
  roundTripMs: number | undefined;
  #clockAheadMs: number | undefined;
  readonly since: number;

  constructor(connection: Connection, owner: SessionOwner<Session>) {
    this.connection = connection;
    this.#owner = owner;
    this.since = owner.environment.now();
    this.tables = new PeerTables(owner.replica, (denial) => owner.report(denied(denial, this)));
    this.#acknowledgements = new Acknowledgements(owner, {
      isShared: (table) => this.tables.shared.has(table),
      spend: (units) => this.#intake.charge(units),
      send: (message) => void this.#send(message),
    });
    this.#intake = this.#newIntake();
    this.#heartbeat = new Heartbeat({
      environment: owner.environment,
      ping: (time) => void this.#send({ type: 'ping', time }),
      listens: () => !this.#intake.isPaused,
      silent: (what) => this.end('silent', what),
    });
    this.#parting = new Parting({
      replica: owner.replica,
      tables: this.tables,
      peer: () => this.nodeId,
      report: (event) => owner.report(event),
      parted: (name) => this.sharing.parted(name),
    });
    this.taking = new Taking({
      node: owner,
      tables: this.tables,
      peer: () => this.nodeId,
      ask: (tables) => this.sharing.lacks(tables),
      part: (table, origin) => this.#parting.part(table, origin),
    });
    this.comparisons = this.#newComparisons();
    this.#long = new LongFrames({
      node: owner,
      tables: this.tables,
      hold: () => this.hold(),
      ended: () => this.#ended,
      isBehind: () => this.#intake.isBehind,
      kept: (bytes) => owner.accounts.checkpoints.set(this, bytes),
      refuse: (error) => this.#refuse(error),
      refusedCheckpoint: (table, error) => this.taking.refusedCheckpoint(table, error),
      agrees: (table, held, written) => this.#parting.agrees(table, held, written),
      parted: (table, life) => this.#parting.part(table, life),
      adopted: (table, rows, bytes) => this.#adopted(table, rows, bytes),
    });
    this.#outbound = this.#newOutbound();
    this.sharing = new Sharing({
      node: owner,
      tables: this.tables,
      parting: this.#parting,
      taking: this.taking,
      outbound: this.#outbound,
      peer: () => this.nodeId,
      ended: () => this.#ended,
      say: (message) => this.#send(message),
      work: (work, then) => this.#work(work, then),
      kept: (bytes) => owner.accounts.announced.set(this, bytes),
      matched: () => owner.matched(this),
    });
  }

  #newComparisons(): Comparisons {
    const owner = this.#owner;
    return new Comparisons({
      environment: owner.environment,
      replica: owner.replica,
      tables: this.tables,
      slices: owner.slices,
      hold: () => this.hold(),
      send: (message) => this.#answer(message),
      spend: (units) => this.#intake.spend(units),
      kept: (bytes) => owner.accounts.compares.set(this, bytes),
      failed: (error) => this.#refuse(error),
      compared: (table, differences) => owner.compared(this, table, differences),
    });
  }

  #newOutbound(): ReadonlyMap<StoreName, Outbound> {
    const { replica } = this.#owner;
    const outlet = {
      open: () => this.#open,
      ended: () => this.#ended,
      send: (message: Message, operations: number) => this.#sendCounted(message, operations),
      failed: (error: unknown) => this.#cannotSend(error),
      again: (bytes: number) => this.#intake.countAnswer(bytes),
      nextTurn: () => new Promise<void>((resolve) => this.#owner.environment.defer(resolve)),
    };
    return new Map(
      Array.from(replica.log.stores, ([name, store]) => {
        return [name, new Outbound(store, { tables: this.tables, replica, outlet })] as const;
      }),
    );
  }

  #newIntake(): Intake {
    const { environment, intake: limits, turns } = this.#owner;
    return new Intake(
      { environment, limits, turns },
      {
        holder: () => this.holder,
        take: (frame) => this.#take(frame),
        throttled: () => this.#owner.report(throttled(this, limits)),
        overrun: (error) => this.#refuse(error),
        flow: (isWanted) => this.connection.flow?.(isWanted),
      },
    );
  }

  /** Id of the peer's node; undefined until it said hello. */
  get nodeId(): string | undefined {
    return this.#hello?.node;
  }

  get hello(): Hello | undefined {
    return this.#hello;
  }

  get lagOperations(): number {
    return Math.max(0, this.sentOperations - this.acked.operations);
  }

  get #open(): boolean {
    if (this.#ended || this.#blocked || this.sharing.isBusy) return false;
    return this.#sentBytes - this.acked.bytes < WINDOW_BYTES;
  }

  /** Says hello, unless what may be told depends on the peer's own, and begins to listen. */
  start(): void {
    const grant = this.#owner.grantOf(this.connection, undefined);
    if (grant !== undefined) this.#sayHello(grant);
    this.connection.start({
      frame: (bytes) => this.#receive(bytes),
      drain: () => {
        this.#blocked = false;
        this.#resume();
      },
      closed: (closing) => this.#closed(closing),
    });
    this.#heartbeat.start();
  }

  /** Says whether the peer has acknowledged everything this node could tell it. */
  get settled(): boolean {
    if (this.#hello === undefined || this.#ended) return true;
    return this.acked.bytes >= this.#sentBytes && [...this.#outbound.values()].every(({ done }) => done);
  }

  /** Ends the session; the peer is told why. */
  end(code: string, reason: string, cause?: FarewellCause): void {
    if (this.#ended) return;
    this.#farewell ??= reason;
    this.farewellCause ??= cause;
    this.#send({ type: 'bye', code, reason, cause });
    this.connection.close(reason);
  }

  /** More of a store may be told, or it has failed. */
  advanced(store: StoreName): void {
    if (this.#hello !== undefined) this.#outbound.get(store)?.resume();
    this.#acknowledgements.stored();
  }

  sayDirect(lost: readonly (readonly [string, readonly string[]])[]): number {
    return this.sharing.sayDirect(lost);
  }

  charge(bytes: number): void {
    this.#intake.countAnswer(bytes);
  }
  // Sending ----------------------------------------------------------------------------------------

  #sayHello(grant: Grant): void {
    this.tables.grant = grant;
    this.sharing.hasSpoken = true;
    const { nodeId: node, session, ownOrigins } = this.#owner.replica;
    const [tables = [], ...more] = this.sharing.parts();
    const protocol: [number, number] = [...PROTOCOL];
    const hello = { protocol, node, session, origins: [...ownOrigins], tables };
    this.#send({ type: 'hello', hello });
    for (const part of more) this.#send({ type: 'tables', tables: part });
  }

  #sendCounted(message: Message, operations: number): void {
    this.sharing.giveBack();
    this.sentOperations += operations;
    const bytes = this.#send(message);
    // A level is not acknowledged: counted, it would be missing from every window and hold up every close.
    if (message.type !== 'level') this.#sentBytes += bytes;
  }

  /** As {@link #send}, because of what the peer sent, to whom it is charged. */
  #answer(message: Message): void {
    this.#intake.countAnswer(this.#send(message));
  }

  #send(message: Message): number {
    if (this.#ended) return 0;
    const frame = encodeMessage(message);
    try {
      if (!this.connection.send(frame)) this.#blocked = true;
    } catch (error) {
      this.#cannotSend(error);
    }
    return frame.length;
  }

  /**
   * Ends a session of which what is due cannot be read, or is longer than a frame: the peer cannot be served,
   * and both sides hear of it.
   */
  #cannotSend(error: unknown): void {
    if (this.#ended || this.#farewell !== undefined) return;
    this.#blocked = true;
    this.#owner.report(failed('send-failed', error, this));
    // What went wrong here may name files, which is no business of a peer's.
    this.end(
      'failed',
      isTablecastError(error) ? `It cannot send what is due (${error.code}).` : 'It failed.',
    );
  }

  #resume(): void {
    for (const outbound of this.#outbound.values()) outbound.resume();
  }

  // Receiving --------------------------------------------------------------------------------------

  #receive(bytes: Uint8Array): void {
    this.#heartbeat.heard();
    this.#intake.offer(bytes);
  }

  #take(bytes: Uint8Array): void {
    // What waited while the session was ended comes too late.
    if (this.#farewell !== undefined) return;
    // The transport's handlers must not throw: whatever goes wrong with one frame ends this session only.
    try {
      const message = decodeMessage(bytes);
      this.#intake.spend(unitsOf(message.type, bytes.length));
      this.#handle(message, bytes.length);
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** Something about this peer went wrong: say so and end the session; dialling anew starts afresh. */
  #refuse(error: unknown): void {
    const event = failed('frame-refused', error, this);
    this.#owner.report(event);
    this.end('invalid', event.message);
  }

  /** Returns how far the peer's clock is ahead of this node's, in milliseconds; undefined until the peer has said it. */
  get clockOffsetMs(): number | undefined {
    // What it said of its clock was on its way for half a round trip.
    return this.#clockAheadMs === undefined ? undefined : this.#clockAheadMs + (this.roundTripMs ?? 0) / 2;
  }

  #handle(message: Message, length: number): void {
    if (message.type === 'hello') return this.#greet(message.hello);
    if (message.type === 'bye') {
      this.#farewell = `${message.code}: ${message.reason}`;
      this.farewellCause = message.cause;
      return this.connection.close(message.reason);
    }
    if (this.#hello === undefined) throw outOfTurn(message.type);
    switch (message.type) {
      case 'tables':
        return this.sharing.announced(message.tables);
      case 'runs':
        return this.#long.prepare(message.runs, () => this.#takeRuns(message.runs, length));
      case 'checkpoint':
        this.#acknowledgements.received(length);
        return this.#long.take(message);
      case 'ack':
        return this.#acknowledged(message);
      case 'sources':
        return this.sharing.redirected(message.sources);
      case 'level':
        return this.taking.level(message.tables);
      case 'digest':
      case 'ask':
      case 'sums':
      case 'rows':
        return this.comparisons.receive(message);
      case 'ping':
        if (Number.isFinite(message.time)) this.#clockAheadMs = message.time - this.#owner.environment.now();
        // What this node's clock is believed concerns all its tables.
        if (this.tables.grant.writesAll) this.#owner.replica.heardClock(message.time);
        return this.#answer({ type: 'pong', time: message.time });
      case 'pong':
        if (!Number.isFinite(message.time)) return;
        this.roundTripMs = Math.max(0, this.#owner.environment.now() - message.time);
        return this.#owner.changed();
    }
  }

  #greet(hello: Hello): void {
    if (this.#hello !== undefined) throw outOfTurn('second hello');
    const [lowest, highest] = hello.protocol;
    if (lowest > PROTOCOL[1] || highest < PROTOCOL[0]) {
      const theirs = `${lowest} to ${highest}`;
      return this.end(
        'protocol',
        `No common protocol version: here ${PROTOCOL.join(' to ')}, there ${theirs}. Upgrade the older node.`,
      );
    }
    this.#hello = hello;
    const waited = !this.sharing.hasSpoken;
    this.tables.grant = this.#owner.grantOf(this.connection, hello.node) ?? this.tables.grant;
    this.tables.meet(hello);
    this.#heartbeat.greeted();
    const refusal = this.#owner.greeted(this);
    if (refusal !== undefined) {
      this.#hello = undefined;
      return this.end(refusal.code, refusal.reason, refusal.cause);
    }
    if (waited) this.#sayHello(this.tables.grant);
    this.sharing.announced(hello.tables, () => this.comparisons.start());
    this.#owner.changed();
  }

  #acknowledged(said: Acknowledged): void {
    this.#acknowledgements.asked(said.wants);
    if (!this.acked.take(said, { bytes: this.#sentBytes, operations: this.sentOperations })) return;
    this.#resume();
    this.#owner.changed();
  }

  /** Names the holder whose credential the peer showed, before and after its hello. */
  get holder(): string {
    return this.connection.credential ?? this.tables.grant.holder ?? '';
  }

  get address(): string {
    return withoutPort(this.connection.remote);
  }

  get isSilent(): boolean {
    return this.#hello === undefined;
  }

  tooMuch(error: TablecastError): void {
    this.#refuse(error);
  }

  /** Does in slices what the peer asks for; what it sends meanwhile waits. */
  #work(work: Work, then: () => void = () => undefined): void {
    const release = this.hold();
    this.#owner.slices.run(work, {
      done: () => {
        release();
        if (!this.#ended) then();
      },
      failed: (error) => {
        this.#refuse(error);
        release();
      },
    });
  }

  /** Takes nothing from the peer until the returned function is called, once; what it sends meanwhile waits. */
  hold(): () => void {
    this.#intake.hold();
    return () => this.#intake.release();
  }

  #takeRuns(runs: readonly Uint8Array[], length: number): void {
    const { operations, applied } = this.taking.take(runs);
    this.#intake.countOperations(operations);
    this.receivedOperations += applied.operations;
    const { replica } = this.#owner;
    const concerns = (table: string): boolean => this.taking.heldBack.concerns(table);
    this.#acknowledgements.received(length, takenIn(replica, { operations, applied, concerns }));
  }

  #adopted(table: string, { rows, switched }: AdoptedRows, bytes: number): void {
    if (switched) this.#owner.switched(table);
    this.receivedOperations += rows;
    this.#owner.report(tookOver(table, { rows, bytes }, this.nodeId));
    this.#acknowledgements.stored();
  }

  // Ending -----------------------------------------------------------------------------------------

  #closed(closing: Closing): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#heartbeat.stop();
    this.#acknowledgements.stop();
    this.taking.stop();
    this.comparisons.stop();
    this.sharing.stop();
    this.#owner.accounts.announced.set(this, 0);
    this.#intake.stop();
    this.#resume();
    this.#long.clear();
    const reason = this.#farewell === undefined ? closing.reason : this.#farewell;
    this.#owner.ended(this, { kind: closing.kind, reason });
  }
}
