import { type Place, withoutPort } from '../../access/fair-share.ts';
import type { TablecastError } from '../../errors.ts';
import type { BackendName } from '../../schema/schema.ts';
import type { Work } from '../../work/slices.ts';
import type { Closing, Connection } from '../../transport/transport.ts';
import type { Debtor } from '../costs/account.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { takenIn } from './taken-in.ts';
import { Comparing } from './comparing.ts';
import type { Directed } from '../peers/directions.ts';
import { outOfTurn } from './incoming.ts';
import { Greeting } from './greeting.ts';
import { Heartbeat } from './heartbeat.ts';
import { LongFrames, tookOver } from './long-frames.ts';
import { PeerClock } from './peer-clock.ts';
import { Sending } from './sending.ts';
import { unitsOf } from '../costs/message-cost.ts';
import { Parting } from './parting.ts';
import { Visit } from './visit.ts';
import { PeerTables } from '../peers/peer-tables.ts';
import type { AdoptedRows, ReceivedFrame } from '../replica.ts';
import { Intake } from '../costs/intake.ts';
import type { SessionParts } from './session-parts.ts';
import { Sharing } from './sharing.ts';
import { type Taken, Taking } from './taking.ts';
import { denied, failed, saidOf, throttled } from './session-events.ts';
import type { FarewellCause, Hello } from '../wire/bodies.ts';
import { type Message, decodeMessage } from '../wire/wire.ts';

/** One peer, from the first frame to the last. */
export class Session implements Debtor, Directed, Place {
  readonly connection: Connection;
  readonly tables: PeerTables;
  readonly comparing: Comparing;
  readonly sending: Sending;
  readonly clock: PeerClock;
  readonly #parts: SessionParts<Session>;
  readonly #long: LongFrames;
  readonly #intake: Intake;
  readonly #acknowledgements: Acknowledgements;
  readonly taking: Taking;
  readonly visit: Visit;
  readonly #heartbeat: Heartbeat;
  readonly #parting: Parting;
  readonly sharing: Sharing;
  readonly #greeting: Greeting;
  #ended = false;
  #farewell: string | undefined;
  /** Says what is behind the end of the session, as this node or the peer said. */
  farewellCause: FarewellCause;
  receivedOperations = 0;
  readonly since: number;

  constructor(connection: Connection, parts: SessionParts<Session>) {
    this.connection = connection;
    this.#parts = parts;
    this.since = parts.environment.now();
    this.tables = new PeerTables(parts.replica, (denial) => parts.report(denied(denial, this)));
    const { environment, replica } = parts;
    this.clock = new PeerClock({ environment, replica, tables: this.tables });
    this.#acknowledgements = new Acknowledgements(parts, {
      isShared: (table) =>
        this.visit.isBegun ? this.tables.grant.mayRead(table) : this.tables.shared.has(table),
      spend: (units) => this.#intake.charge(units),
      send: (message) => void this.sending.send(message),
    });
    this.#intake = this.#newIntake();
    this.sending = this.#newSending();
    this.#heartbeat = new Heartbeat({
      environment,
      ping: (time) => void this.sending.send({ type: 'ping', time }),
      listens: () => !this.#intake.isPaused,
      silent: (what) => this.end('silent', what),
    });
    this.#parting = new Parting({
      replica,
      tables: this.tables,
      peer: () => this.nodeId,
      report: (event) => parts.report(event),
      parted: (name) => this.sharing.parted(name),
    });
    this.taking = new Taking({
      node: parts,
      tables: this.tables,
      peer: () => this.nodeId,
      ask: (tables) => this.sharing.lacks(tables),
      part: (table, origin) => this.#parting.part(table, origin),
    });
    this.comparing = this.#newComparing();
    this.visit = this.#newVisit();
    this.#long = new LongFrames({
      node: parts,
      tables: this.tables,
      hold: () => this.hold(),
      ended: () => this.#ended,
      isBehind: () => this.#intake.isBehind,
      kept: (bytes) => parts.accounts.checkpoints.set(this, bytes),
      refuse: (error) => this.#refuse(error),
      refusedCheckpoint: (table, error) => this.taking.refusedCheckpoint(table, error),
      agrees: (table, held, written) => this.#parting.agrees(table, held, written),
      parted: (table, life) => this.#parting.part(table, life),
      adopted: (table, rows, bytes) => this.#adopted(table, rows, bytes),
    });
    this.sharing = new Sharing({
      node: parts,
      tables: this.tables,
      parting: this.#parting,
      taking: this.taking,
      outbound: this.sending.outbound,
      peer: () => this.nodeId,
      ended: () => this.#ended,
      say: (message) => this.sending.send(message),
      work: (work, then) => this.#work(work, then),
      kept: (bytes) => parts.accounts.announced.set(this, bytes),
      matched: () => parts.matched(this),
    });
    this.#greeting = this.#newGreeting();
  }

  #newGreeting(): Greeting {
    const parts = this.#parts;
    const { replica } = parts;
    return new Greeting({
      replica,
      tables: this.tables,
      sharing: this.sharing,
      visit: this.visit,
      grantOf: (nodeId) => parts.grantOf(this.connection, nodeId),
      judge: () => parts.greeted(this),
      judgeVisit: (hello) => parts.visited(this, hello),
      greeted: () => this.#heartbeat.greeted(),
      send: (message) => void this.sending.send(message),
      end: (code, reason, cause) => this.end(code, reason, cause),
      matched: () => this.comparing.start(),
      changed: () => parts.changed(),
    });
  }

  #newVisit(): Visit {
    const parts = this.#parts;
    return new Visit({
      requests: parts.requests,
      grant: () => this.tables.grant,
      ended: () => this.#ended,
      wanted: (wants) => this.#acknowledgements.asked(wants),
      answer: (message) => this.sending.answer(message),
    });
  }

  #newComparing(): Comparing {
    const parts = this.#parts;
    return new Comparing({
      node: parts,
      connection: this.connection,
      tables: this.tables,
      peer: () => this.nodeId,
      hold: () => this.hold(),
      send: (message) => this.sending.answer(message),
      spend: (units) => this.#intake.spend(units),
      kept: (bytes) => parts.accounts.compares.set(this, bytes),
      refuse: (error) => this.#refuse(error),
    });
  }

  #newSending(): Sending {
    const { environment, replica } = this.#parts;
    return new Sending(this.connection, {
      environment,
      replica,
      tables: this.tables,
      peer: () => this.nodeId,
      ended: () => this.#ended,
      isBusy: () => this.sharing.isBusy,
      beforeOperations: () => this.sharing.giveBack(),
      failed: (error) => this.#cannotSend(error),
      charge: (bytes) => this.#intake.countAnswer(bytes),
      ask: (wants) => this.#acknowledgements.ask(wants),
    });
  }

  #newIntake(): Intake {
    const { environment, intake: limits, turns } = this.#parts;
    return new Intake({
      environment,
      limits,
      turns,
      holder: () => this.holder,
      take: (frame) => this.#decode(frame),
      throttled: () => this.#parts.report(throttled(this, limits)),
      overrun: (error) => this.#refuse(error),
      flow: (isWanted) => this.connection.flow?.(isWanted),
    });
  }

  /** Id of the peer's node; undefined until it said hello. */
  get nodeId(): string | undefined {
    return this.#greeting.heard?.node;
  }

  get hello(): Hello | undefined {
    return this.#greeting.heard;
  }

  /** Says hello, unless what may be told depends on the peer's own, and begins to listen. */
  start(): void {
    const grant = this.#parts.grantOf(this.connection, undefined);
    if (grant !== undefined) this.#greeting.say(grant);
    this.connection.start({
      frame: (bytes) => this.#receive(bytes),
      drain: () => this.sending.drained(),
      closed: (closing) => this.#closed(closing),
    });
    this.#heartbeat.start();
  }

  /** Says whether the peer has acknowledged everything this node could tell it. */
  get settled(): boolean {
    return this.#greeting.heard === undefined || this.#ended || this.sending.isDone;
  }

  /** Ends the session; the peer is told why. */
  end(code: string, reason: string, cause?: FarewellCause): void {
    if (this.#ended) return;
    this.#farewell ??= reason;
    this.farewellCause ??= cause;
    this.sending.send({ type: 'bye', code, reason, cause });
    this.connection.close(reason);
  }

  /** More of a store may be told, or it has failed. */
  advanced(store: BackendName): void {
    if (this.#greeting.heard !== undefined) this.sending.outbound.get(store)?.resume();
    this.#acknowledgements.stored();
  }

  sayDirect(lost: readonly (readonly [string, readonly string[]])[]): number {
    return this.sharing.sayDirect(lost);
  }

  charge(bytes: number): void {
    this.#intake.countAnswer(bytes);
  }

  // Sending ----------------------------------------------------------------------------------------

  /**
   * Ends a session of which what is due cannot be read, or is longer than a frame: the peer cannot be served,
   * and both sides hear of it.
   */
  #cannotSend(error: unknown): void {
    if (this.#ended || this.#farewell !== undefined) return;
    this.#parts.report(failed('send-failed', error, this));
    this.end('failed', saidOf(error));
  }

  // Receiving: intake, decode, route; runs go on to open, prepare, take ---------------------------------

  #receive(bytes: Uint8Array): void {
    this.#heartbeat.heard();
    this.#intake.offer(bytes);
  }

  #decode(bytes: Uint8Array): void {
    // What waited while the session was ended comes too late.
    if (this.#farewell !== undefined) return;
    // The transport's handlers must not throw: whatever goes wrong with one frame ends this session only.
    try {
      const message = decodeMessage(bytes);
      this.#intake.spend(unitsOf(message.type, bytes.length));
      this.#route(message, bytes.length);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #route(message: Message, length: number): void {
    if (message.type === 'hello') return this.#greeting.hear(message.hello);
    if (message.type === 'bye') {
      this.#farewell = `${message.code}: ${message.reason}`;
      this.farewellCause = message.cause;
      return this.connection.close(message.reason);
    }
    if (this.visit.isBegun) return this.visit.take(message);
    if (this.#greeting.heard === undefined) throw outOfTurn(message.type);
    switch (message.type) {
      case 'tables':
        return this.sharing.announced(message.tables);
      case 'runs':
        return this.#opened(this.#parts.replica.open(message.runs), length);
      case 'checkpoint':
        this.#acknowledgements.received(length);
        return this.#long.take(message);
      case 'ack':
        this.#acknowledgements.asked(message.wants);
        if (this.sending.acknowledged(message)) this.#parts.changed();
        return;
      case 'sources':
        return this.sharing.redirected(message.sources);
      case 'level':
        return this.taking.level(message.tables);
      case 'digest':
      case 'ask':
      case 'sums':
      case 'rows':
        return this.comparing.direct.receive(message);
      case 'ping':
        this.clock.said(message.time);
        return this.sending.answer({ type: 'pong', time: message.time });
      case 'pong':
        if (this.clock.echoed(message.time)) this.#parts.changed();
        return;
      default:
        throw outOfTurn(message.type);
    }
  }

  /** Takes the runs of a frame, as soon as what is dear of it is prepared. */
  #opened(frame: ReceivedFrame, length: number): void {
    const end = this.#parts.environment.span?.('apply', { peer: this.nodeId ?? '', bytes: length });
    this.#long.prepare(frame, () => this.#taken(this.taking.take(frame, end), length));
  }

  #taken({ operations, applied }: Taken, length: number): void {
    this.#intake.countOperations(operations);
    this.#intake.spend(this.taking.heldBack.size * 2);
    this.receivedOperations += applied.operations;
    this.#long.finish(applied);
    const on = { operations, applied, concerns: (table: string) => this.taking.heldBack.concerns(table) };
    this.#acknowledgements.received(length, takenIn(this.#parts.replica, on));
  }

  /** Names the holder whose credential the peer showed, before and after its hello. */
  get holder(): string {
    return this.connection.credential ?? this.tables.grant.holder ?? '';
  }

  get address(): string {
    return withoutPort(this.connection.remote);
  }

  get isSilent(): boolean {
    return this.#greeting.heard === undefined;
  }

  tooMuch(error: TablecastError): void {
    this.#refuse(error);
  }

  /** Does in slices what the peer asks for; what it sends meanwhile waits. */
  #work(work: Work, then: () => void = () => undefined): void {
    const release = this.hold();
    this.#parts.slices.run(work, {
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

  #adopted(table: string, { rows, switched }: AdoptedRows, bytes: number): void {
    if (switched) this.#parts.switched(table);
    this.receivedOperations += rows;
    this.#parts.report(tookOver(table, { rows, bytes }, this.nodeId));
    this.#acknowledgements.stored();
  }

  /** Something about this peer went wrong: say so and end the session; dialling anew starts afresh. */
  #refuse(error: unknown): void {
    const event = failed('frame-refused', error, this);
    this.#parts.report(event);
    this.end('invalid', event.message);
  }

  // Ending -----------------------------------------------------------------------------------------

  #closed(closing: Closing): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#heartbeat.stop();
    this.#acknowledgements.stop();
    this.taking.stop();
    this.comparing.stop();
    this.sharing.stop();
    this.#parts.accounts.announced.set(this, 0);
    this.#intake.stop();
    this.sending.resume();
    this.#long.clear();
    this.#parts.ended(this, { kind: closing.kind, reason: this.#farewell ?? closing.reason });
  }
}
