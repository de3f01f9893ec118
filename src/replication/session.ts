import type { Grant } from '../access/grant.ts';
import { isTablecastError } from '../errors.ts';
import type { StoreName } from '../log/journal.ts';
import type { Closing, Connection } from '../transport/transport.ts';
import { type Acknowledged, Acknowledgements, takenIn } from './acknowledgements.ts';
import { Comparisons } from './comparison.ts';
import { outOfTurn } from './incoming.ts';
import { Heartbeat } from './heartbeat.ts';
import { LongFrames, tookOver } from './long-frames.ts';
import { Outbound } from './outbound.ts';
import { Parting, writtenLast } from './parting.ts';
import { PeerTables, type RefusedTable, stateOf } from './peer-tables.ts';
import type { HeldBackOperations } from './peer-state.ts';
import type { AdoptedRows, Held } from './replica.ts';
import { Intake } from './intake.ts';
import type { SessionOwner } from './session-owner.ts';
import { denied, differing, failed, throttled } from './session-events.ts';
import { Taking } from './taking.ts';
import {
  type Hello,
  type Message,
  PROTOCOL,
  type Sources,
  type TableState,
  decodeMessage,
  encodeMessage,
  partsOf,
  sourcesOf,
} from './wire.ts';

/** Bytes sent and not acknowledged before sending pauses. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** One peer, from the first frame to the last. */
export class Session {
  readonly connection: Connection;
  readonly tables: PeerTables;
  readonly comparisons: Comparisons;
  readonly #owner: SessionOwner;
  readonly #outbound: ReadonlyMap<StoreName, Outbound>;
  readonly #long: LongFrames;
  readonly #intake: Intake;
  readonly #acknowledgements: Acknowledgements;
  readonly #taking: Taking;
  readonly #heartbeat: Heartbeat;
  readonly #parting: Parting;
  #hello: Hello | undefined;
  #helloSent = false;
  #ended = false;
  #farewell: string | undefined;
  #blocked = false;
  #sentBytes = 0;
  sentOperations = 0;
  receivedOperations = 0;
  /** What the peer has acknowledged. */
  acked: Acknowledged = { bytes: 0, operations: 0 };
  roundTripMs: number | undefined;
  readonly since: number;

  constructor(connection: Connection, owner: SessionOwner) {
    this.connection = connection;
    this.#owner = owner;
    this.since = owner.environment.now();
    this.tables = new PeerTables(owner.replica, (denial) => owner.report(denied(denial, this)));
    this.#acknowledgements = new Acknowledgements(owner, (message) => void this.#send(message));
    this.#intake = new Intake(owner.environment, owner.intake, {
      take: (frame) => this.#take(frame),
      throttled: () => owner.report(throttled(this, owner.intake)),
      overrun: (error) => this.#refuse(error),
    });
    this.#heartbeat = new Heartbeat({
      environment: owner.environment,
      ping: (time) => void this.#send({ type: 'ping', time }),
      silent: (ms) => this.end('silent', `Nothing heard for ${ms} ms.`),
    });
    this.#parting = new Parting({
      replica: owner.replica,
      tables: this.tables,
      peer: () => this.nodeId,
      report: (event) => owner.report(event),
      parted: (name) => this.#parted(name),
    });
    this.#taking = new Taking({
      node: owner,
      tables: this.tables,
      peer: () => this.nodeId,
      ask: (tables) => this.#ask(tables),
      part: (table, origin) => this.#parting.part(table, origin),
    });
    this.comparisons = new Comparisons({
      environment: owner.environment,
      replica: owner.replica,
      tables: this.tables,
      slices: owner.slices,
      hold: () => this.hold(),
      send: (message) => void this.#send(message),
      failed: (error) => this.#refuse(error),
      compared: (table, differences) => owner.compared(this, table, differences),
    });
    this.#long = new LongFrames({
      node: owner,
      tables: this.tables,
      hold: () => this.hold(),
      ended: () => this.#ended,
      refuse: (error) => this.#refuse(error),
      refusedCheckpoint: (table, error) => this.#taking.refusedCheckpoint(table, error),
      agrees: (table, held, written) => this.#parting.agrees(table, held, written),
      adopted: (table, rows, bytes) => this.#adopted(table, rows, bytes),
    });
    const { replica } = owner;
    const outlet = {
      open: () => this.#open,
      ended: () => this.#ended,
      send: (message: Message, operations: number) => this.#sendCounted(message, operations),
      failed: (error: unknown) => this.#cannotSend(error),
    };
    this.#outbound = new Map(
      Array.from(replica.log.stores, ([name, store]) => {
        return [name, new Outbound(store, { tables: this.tables, replica, outlet })] as const;
      }),
    );
  }

  /** Id of the peer's node; undefined until it said hello. */
  get nodeId(): string | undefined {
    return this.#hello?.node;
  }

  get hello(): Hello | undefined {
    return this.#hello;
  }

  /** What one of the two nodes does not take from the other. */
  get heldBack(): readonly HeldBackOperations[] {
    return this.#taking.all();
  }

  /** Whether everything that the peer has of a table is here, as far as it has been sent. */
  isLevel(table: string): boolean {
    return this.tables.shared.get(table)?.levelReceived === true && !this.#taking.heldBack.concerns(table);
  }

  get lagOperations(): number {
    return Math.max(0, this.sentOperations - this.acked.operations);
  }

  get #open(): boolean {
    return !this.#ended && !this.#blocked && this.#sentBytes - this.acked.bytes < WINDOW_BYTES;
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

  /** Whether the peer has acknowledged everything this node could tell it. */
  get settled(): boolean {
    if (this.#hello === undefined || this.#ended) return true;
    return this.acked.bytes >= this.#sentBytes && [...this.#outbound.values()].every(({ done }) => done);
  }

  /** Ends the session; the peer is told why. */
  end(code: string, reason: string): void {
    if (this.#ended) return;
    this.#farewell ??= reason;
    this.#send({ type: 'bye', code, reason });
    this.connection.close(reason);
  }

  /** More of a store may be told, or it has failed. */
  advanced(store: StoreName): void {
    if (this.#hello !== undefined) this.#outbound.get(store)?.resume();
    this.#acknowledgements.stored();
  }

  /** Tells the peer of a table declared only now. */
  declared(name: string): void {
    const state = this.#stateOf(name);
    if (state === undefined) return;
    // Also before the peer said hello: this node's own hello is under way, without this table.
    this.#send({ type: 'tables', tables: [state] });
    if (this.#hello !== undefined) this.#matched(this.tables.match(name), [name]);
  }

  /** Tells the peer of a switch of mode; the node that made it sends its rows at once. */
  switched(name: string, here: boolean): void {
    const state = this.#stateOf(name);
    if (state === undefined || this.#hello === undefined) return;
    this.#send({ type: 'tables', tables: [state] });
    if (here) this.#matched(this.tables.match(name), [name]);
    this.#taking.heldBack.retry(name);
  }

  /** Tells the peer which origins come from elsewhere, and what is held of those that no longer do. */
  sayDirect(lost: readonly string[]): void {
    if (this.#hello === undefined) return;
    const { grant } = this.tables;
    const have = lost.flatMap((origin) =>
      Array.from(this.tables.shared.keys(), (name) => {
        return [name, origin, this.#owner.replica.table(name)?.held(origin) ?? 0] as [string, string, number];
      }),
    );
    const sessions = have.map(([name, origin, sequence]) => {
      return this.#owner.replica.table(name)?.sessionOf(origin, sequence) ?? 0;
    });
    const direct = this.#owner
      .directBeside(this)
      .map(([origin, names]) => [origin, names.filter((name) => grant.mayRead(name))] as [string, string[]])
      .filter(([, names]) => names.length > 0);
    for (const sources of sourcesOf({ direct, have, sessions })) this.#send({ type: 'sources', sources });
  }

  // Sending ----------------------------------------------------------------------------------------

  #sayHello(grant: Grant): void {
    this.tables.grant = grant;
    this.#helloSent = true;
    const { replica } = this.#owner;
    const { nodeId: node, session, ownOrigins } = replica;
    const [tables = [], ...more] = partsOf(this.#statesOf(Array.from(replica.tables(), ({ name }) => name)));
    const hello = {
      protocol: [...PROTOCOL] as [number, number],
      node,
      session,
      origins: [...ownOrigins],
      tables,
    };
    this.#send({ type: 'hello', hello });
    for (const part of more) this.#send({ type: 'tables', tables: part });
  }

  #statesOf(names: readonly string[]): TableState[] {
    return names.map((name) => this.#stateOf(name)).filter((state) => state !== undefined);
  }

  #stateOf(name: string): TableState | undefined {
    const table = this.#owner.replica.table(name);
    if (table === undefined || !this.#helloSent || !this.tables.grant.mayRead(name)) return undefined;
    const life = this.#parting.lifeOf(name);
    const heldBack = this.#taking.heldBack.toldOf(name);
    return {
      ...stateOf(table, this.tables.takesOf(name)),
      ...(life !== undefined && { parted: life }),
      ...(heldBack.length > 0 && { heldBack }),
    };
  }

  #sendCounted(message: Message, operations: number): void {
    this.sentOperations += operations;
    const bytes = this.#send(message);
    // A level is not acknowledged: counted, it would be missing from every window and hold up every close.
    if (message.type !== 'level') this.#sentBytes += bytes;
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

  /** What is due cannot be read, or is longer than a frame: the peer cannot be served, and both sides hear of it. */
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
      this.#handle(decodeMessage(bytes), bytes.length);
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

  #handle(message: Message, length: number): void {
    if (message.type === 'hello') return this.#greet(message.hello);
    if (message.type === 'bye') {
      this.#farewell = `${message.code}: ${message.reason}`;
      return this.connection.close(message.reason);
    }
    if (this.#hello === undefined) throw outOfTurn(message.type);
    switch (message.type) {
      case 'tables':
        return this.#announced(message.tables);
      case 'runs':
        return this.#long.prepare(message.runs, () => this.#takeRuns(message.runs, length));
      case 'checkpoint':
        this.#acknowledgements.received(length);
        return this.#long.take(message);
      case 'ack':
        this.acked = message;
        this.#resume();
        return this.#owner.changed();
      case 'sources':
        return this.#redirect(message.sources);
      case 'level':
        return this.#level(message.tables);
      case 'digest':
      case 'ask':
      case 'sums':
      case 'rows':
        this.#intake.countCompared(message);
        return this.comparisons.receive(message);
      case 'ping':
        this.#send({ type: 'pong', time: message.time });
        return;
      case 'pong':
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
    const waited = !this.#helloSent;
    this.tables.grant = this.#owner.grantOf(this.connection, hello.node) ?? this.tables.grant;
    this.tables.peer = hello.node;
    const refusal = this.#owner.greeted(this);
    if (refusal !== undefined) {
      this.#hello = undefined;
      return this.end(refusal.startsWith('duplicate') ? 'duplicate' : 'refused', refusal);
    }
    if (waited) this.#sayHello(this.tables.grant);
    this.#announced(hello.tables);
    this.comparisons.start();
    this.#owner.changed();
  }

  #announced(states: readonly TableState[]): void {
    const names = states.map(({ name }) => name);
    this.#taking.heldThere(states);
    this.#matched(this.tables.announce(states), names);
  }

  #matched(refused: readonly RefusedTable[], names: readonly string[]): void {
    for (const name of names) this.#parting.compare(name);
    for (const table of refused) {
      if (table.parted !== undefined) this.#parting.part(table.name, table.parted);
      else this.#owner.report(differing(table, this.nodeId));
    }
    this.#rewind(names);
    this.#owner.matched();
    this.#owner.changed();
  }

  /** The peer is told of a table that it holds otherwise, and not sent it any more. */
  #parted(name: string): void {
    const state = this.#stateOf(name);
    if (state !== undefined) this.#send({ type: 'tables', tables: [state] });
    this.#owner.matched();
    this.#owner.changed();
  }

  #redirect({ direct, have, sessions }: Sources): void {
    for (const [index, [name, origin, sequence]] of have.entries()) {
      const held: Held = [[origin, sequence]];
      this.#parting.agrees(name, held, writtenLast(held, sessions?.slice(index, index + 1)));
    }
    this.#rewind(this.tables.setDirect(direct, have));
  }

  #rewind(names: readonly string[]): void {
    const shared = names.map((name) => this.tables.shared.get(name)).filter((table) => table !== undefined);
    for (const outbound of this.#outbound.values()) outbound.rewind(shared);
  }

  /** Takes nothing from the peer until the returned function is called, once; what it sends meanwhile waits. */
  hold(): () => void {
    this.#intake.hold();
    return () => this.#intake.release();
  }

  #takeRuns(runs: readonly Uint8Array[], length: number): void {
    const { operations, applied } = this.#taking.take(runs);
    this.#intake.countOperations(operations);
    this.receivedOperations += applied.operations;
    const { replica } = this.#owner;
    this.#acknowledgements.received(length, takenIn(replica, applied.references, operations));
  }

  /** Says anew what is held of tables: the peer sends what is missing. */
  #ask(names: readonly string[]): void {
    for (const tables of partsOf(this.#statesOf(names)))
      if (tables.length > 0) this.#send({ type: 'tables', tables });
  }

  #adopted(table: string, { rows, switched }: AdoptedRows, bytes: number): void {
    if (switched) this.#owner.switched(table);
    this.receivedOperations += rows;
    this.#owner.report(tookOver(table, { rows, bytes }, this.nodeId));
  }

  #level(names: readonly string[]): void {
    for (const name of names) {
      const table = this.tables.shared.get(name);
      if (table !== undefined) table.levelReceived = true;
      this.#taking.heldBack.levelled(name);
    }
    this.#owner.changed();
  }

  // Ending -----------------------------------------------------------------------------------------

  #closed(closing: Closing): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#heartbeat.stop();
    this.#acknowledgements.stop();
    this.#taking.stop();
    this.comparisons.stop();
    this.#intake.stop();
    this.#resume();
    this.#long.clear();
    const reason = this.#farewell === undefined ? closing.reason : this.#farewell;
    this.#owner.ended(this, { kind: closing.kind, reason });
  }
}
