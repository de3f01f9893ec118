import type { Environment, Timer } from '../environment.ts';
import { TablecastError, isTablecastError } from '../errors.ts';
import type { NodeEvent } from '../events.ts';
import type { StoreName } from '../log/journal.ts';
import type { Closing, Connection } from '../transport/transport.ts';
import { Comparisons } from './comparison.ts';
import { Outbound } from './outbound.ts';
import { PeerTables, type RefusedTable } from './peer-tables.ts';
import type { Difference, Held, Replica } from './replica.ts';
import { type Hello, type Message, PROTOCOL, type TableState, decodeMessage, encodeMessage } from './wire.ts';

/** Bytes sent and not acknowledged before sending pauses. */
const WINDOW_BYTES = 4 * 1024 * 1024;
/** What was received is acknowledged after this many bytes, or this many milliseconds. */
const ACK_BYTES = 512 * 1024;
const ACK_MS = 10;
const PING_MS = 5000;
/** A peer that says nothing for this long is lost. */
const SILENCE_MS = 15_000;
/** Most bytes of a checkpoint under way. */
const MAX_CHECKPOINT_BYTES = 1024 * 1024 * 1024;

/** What a session needs of the replicator it belongs to. */
export interface SessionOwner {
  readonly replica: Replica;
  readonly environment: Environment;
  report(event: NodeEvent): void;
  /** The peer said hello; a text refuses it. */
  greeted(session: Session): string | undefined;
  ended(session: Session, closing: Closing): void;
  /** Something a user may look at changed. */
  changed(): void;
  /** A table was compared with the peer's, both holding the same operations. */
  compared(session: Session, table: string, differences: readonly Difference[]): void;
  /** Origins that come to this node from other sessions, per origin the tables. */
  directBeside(session: Session): readonly (readonly [string, readonly string[]])[];
}

interface IncomingCheckpoint {
  chunks: Uint8Array[];
  bytes: number;
}

/** One peer, from the first frame to the last. */
export class Session {
  readonly connection: Connection;
  readonly tables: PeerTables;
  readonly comparisons: Comparisons;
  readonly #owner: SessionOwner;
  readonly #outbound: ReadonlyMap<StoreName, Outbound>;
  readonly #incoming = new Map<string, IncomingCheckpoint>();
  #hello: Hello | undefined;
  #ended = false;
  #farewell: string | undefined;
  #blocked = false;
  #sentBytes = 0;
  #ackedBytes = 0;
  #ackedOperations = 0;
  #receivedBytes = 0;
  #seenOperations = 0;
  #confirmedBytes = 0;
  #ackTimer: Timer | undefined;
  #heardAt: number;
  #heartbeat: Timer | undefined;
  sentOperations = 0;
  receivedOperations = 0;
  roundTripMs: number | undefined;
  readonly since: number;

  constructor(connection: Connection, owner: SessionOwner) {
    this.connection = connection;
    this.#owner = owner;
    this.since = owner.environment.now();
    this.#heardAt = this.since;
    this.tables = new PeerTables(owner.replica);
    this.comparisons = new Comparisons({
      environment: owner.environment,
      replica: owner.replica,
      tables: this.tables,
      send: (message) => void this.#send(message),
      compared: (table, differences) => owner.compared(this, table, differences),
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

  get lagOperations(): number {
    return Math.max(0, this.sentOperations - this.#ackedOperations);
  }

  get #open(): boolean {
    return !this.#ended && !this.#blocked && this.#sentBytes - this.#ackedBytes < WINDOW_BYTES;
  }

  /** Says hello and begins to listen. */
  start(): void {
    this.#send({ type: 'hello', hello: this.#greeting() });
    this.connection.start({
      frame: (bytes) => this.#receive(bytes),
      drain: () => {
        this.#blocked = false;
        this.#resume();
      },
      closed: (closing) => this.#closed(closing),
    });
    this.#beat();
  }

  /** Ends the session; the peer is told why. */
  end(code: string, reason: string): void {
    if (this.#ended) return;
    this.#farewell ??= reason;
    this.#send({ type: 'bye', code, reason });
    this.connection.close(reason);
  }

  /** More of a store may be told. */
  advanced(store: StoreName): void {
    if (this.#hello !== undefined) this.#outbound.get(store)?.resume();
  }

  /** Tells the peer of a table declared only now. */
  declared(name: string): void {
    const state = this.#stateOf(name);
    if (state === undefined) return;
    // Also before the peer said hello: this node's own hello is under way, without this table.
    this.#send({ type: 'tables', tables: [state] });
    if (this.#hello !== undefined) this.#matched(this.tables.match(name), [name]);
  }

  /** Tells the peer which origins come from elsewhere, and what is held of those that no longer do. */
  sayDirect(lost: readonly string[]): void {
    if (this.#hello === undefined) return;
    const have = lost.flatMap((origin) =>
      Array.from(this.tables.shared.keys(), (name) => {
        return [name, origin, this.#owner.replica.table(name)?.held(origin) ?? 0] as [string, string, number];
      }),
    );
    const direct = this.#owner
      .directBeside(this)
      .map(([origin, names]) => [origin, [...names]] as [string, string[]]);
    this.#send({ type: 'sources', sources: { direct, have } });
  }

  // Sending ----------------------------------------------------------------------------------------

  #greeting(): Hello {
    const { replica } = this.#owner;
    const tables = Array.from(replica.tables(), (table) => this.#stateOf(table.name)).filter(
      (state) => state !== undefined,
    );
    return {
      protocol: [...PROTOCOL],
      node: replica.nodeId,
      session: replica.session,
      origins: [...replica.ownOrigins],
      tables,
    };
  }

  #stateOf(name: string): TableState | undefined {
    const table = this.#owner.replica.table(name);
    if (table === undefined) return undefined;
    const held = this.#told(table.vector());
    return { name, fingerprint: table.fingerprint, mode: table.mode, declaration: table.declaration, held };
  }

  #told(vector: Held): [string, number][] {
    return vector.map(([origin, sequence]) => [origin, sequence]);
  }

  #sendCounted(message: Message, operations: number): void {
    this.sentOperations += operations;
    this.#sentBytes += this.#send(message);
  }

  #send(message: Message): number {
    if (this.#ended) return 0;
    const frame = encodeMessage(message);
    if (!this.connection.send(frame)) this.#blocked = true;
    return frame.length;
  }

  #cannotSend(error: unknown): void {
    if (this.#ended) return;
    const message = error instanceof Error ? error.message : String(error);
    this.#owner.report({
      code: 'send-failed',
      severity: 'error',
      message: `Cannot send to ${this.nodeId ?? this.connection.remote}: ${message}`,
      peer: this.nodeId,
      details: isTablecastError(error) ? { code: error.code, hint: error.hint } : {},
    });
    this.end('failed', message);
  }

  #resume(): void {
    for (const outbound of this.#outbound.values()) outbound.resume();
  }

  // Receiving --------------------------------------------------------------------------------------

  #receive(bytes: Uint8Array): void {
    if (this.#ended) return;
    this.#heardAt = this.#owner.environment.now();
    // The transport's handlers must not throw: whatever goes wrong with one frame ends this session only.
    try {
      this.#handle(decodeMessage(bytes), bytes.length);
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** Something about this peer went wrong: say so and end the session; dialling anew starts afresh. */
  #refuse(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#owner.report({
      code: 'frame-refused',
      severity: 'error',
      message,
      peer: this.nodeId ?? this.connection.remote,
      details: isTablecastError(error) ? { code: error.code, hint: error.hint } : {},
    });
    this.end('invalid', message);
  }

  #handle(message: Message, length: number): void {
    if (message.type === 'hello') return this.#greet(message.hello);
    if (message.type === 'bye') {
      this.#farewell = `${message.code}: ${message.reason}`;
      return this.connection.close(message.reason);
    }
    if (this.#hello === undefined) throw tooEarly(message.type);
    switch (message.type) {
      case 'tables':
        return this.#matched(
          this.tables.announce(message.tables),
          message.tables.map(({ name }) => name),
        );
      case 'runs':
        return this.#takeRuns(message.runs, length);
      case 'checkpoint':
        return this.#takeChunk(message, length);
      case 'ack':
        this.#ackedBytes = message.bytes;
        this.#ackedOperations = message.operations;
        this.#resume();
        return this.#owner.changed();
      case 'sources':
        return this.#rewind(this.tables.setDirect(message.sources.direct, message.sources.have));
      case 'level':
        return this.#level(message.tables);
      case 'digest':
      case 'ask':
      case 'sums':
      case 'rows':
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
    if (this.#hello !== undefined) throw tooEarly('second hello');
    const [lowest, highest] = hello.protocol;
    if (lowest > PROTOCOL[1] || highest < PROTOCOL[0]) {
      const theirs = `${lowest} to ${highest}`;
      return this.end(
        'protocol',
        `No common protocol version: here ${PROTOCOL.join(' to ')}, there ${theirs}. Upgrade the older node.`,
      );
    }
    this.#hello = hello;
    const refusal = this.#owner.greeted(this);
    if (refusal !== undefined) {
      this.#hello = undefined;
      return this.end(refusal.startsWith('duplicate') ? 'duplicate' : 'refused', refusal);
    }
    this.#matched(
      this.tables.announce(hello.tables),
      hello.tables.map(({ name }) => name),
    );
    this.comparisons.start();
    this.#owner.changed();
  }

  #matched(refused: readonly RefusedTable[], names: readonly string[]): void {
    for (const name of names) this.#compareOwn(name);
    for (const table of refused) {
      this.#owner.report({
        code: 'table-refused',
        severity: 'error',
        message: table.message,
        table: table.name,
        peer: this.nodeId,
        details: { here: table.here, there: table.there },
      });
    }
    this.#rewind(names);
    this.#owner.changed();
  }

  #compareOwn(name: string): void {
    const held = Array.from(this.tables.shared.get(name)?.has ?? []);
    if (this.#owner.replica.ownIsSound(name, held)) return;
    this.tables.shared.delete(name);
    this.#owner.report({
      code: 'fork-detected',
      severity: 'error',
      message: `Table ${name}: ${this.nodeId} has operations of this node that this node's storage does not, and this node wrote others under the same numbers.`,
      table: name,
      peer: this.nodeId,
      details: {
        hint: 'The directory was restored or copied. Export what was written since, stop the node, empty its directory, and start it again: its peers fill it.',
      },
    });
  }

  #rewind(names: readonly string[]): void {
    const shared = names.map((name) => this.tables.shared.get(name)).filter((table) => table !== undefined);
    for (const outbound of this.#outbound.values()) outbound.rewind(shared);
  }

  #takeRuns(runs: readonly Uint8Array[], length: number): void {
    const { replica } = this.#owner;
    const applied = replica.receive(runs, (reference) => this.tables.received(reference));
    this.receivedOperations += applied.operations;
    for (const { count } of applied.references) this.#seenOperations += count;
    this.#acknowledge(length);
    for (const origin of applied.forgotten) this.#reportForgotten(origin);
    if (applied.gaps.length > 0) {
      const states = applied.gaps.map((name) => this.#stateOf(name)).filter((state) => state !== undefined);
      this.#send({ type: 'tables', tables: states });
    }
  }

  #reportForgotten(origin: string): void {
    this.#owner.report({
      code: 'operations-refused',
      severity: 'warning',
      message: `Operations of ${origin} were not applied: that life lies too many restarts back.`,
      peer: this.nodeId,
      details: { origin },
    });
  }

  #takeChunk(message: Extract<Message, { type: 'checkpoint' }>, length: number): void {
    this.#acknowledge(length);
    const { table, index, chunk } = message;
    if (!this.tables.shared.has(table)) return;
    if (index === 0) this.#incoming.set(table, { chunks: [], bytes: 0 });
    const incoming = this.#incoming.get(table);
    if (incoming?.chunks.length !== index) throw tooEarly(`chunk ${index} of a checkpoint`);
    incoming.chunks.push(chunk);
    incoming.bytes += chunk.length;
    if (incoming.bytes > MAX_CHECKPOINT_BYTES) throw tooLarge(table);
    if (!message.last) return;
    this.#incoming.delete(table);
    const rows = this.#owner.replica.adopt(table, incoming.chunks, (held) => this.tables.holds(table, held));
    this.receivedOperations += rows;
    this.#owner.report({
      code: 'checkpoint-adopted',
      severity: 'info',
      message: `Table ${table}: took over ${rows} rows from ${this.nodeId}.`,
      table,
      peer: this.nodeId,
      details: { rows, bytes: incoming.bytes },
    });
  }

  #level(names: readonly string[]): void {
    for (const name of names) {
      const table = this.tables.shared.get(name);
      if (table !== undefined) table.levelReceived = true;
    }
    this.#owner.changed();
  }

  #acknowledge(length: number): void {
    this.#receivedBytes += length;
    if (this.#receivedBytes - this.#confirmedBytes >= ACK_BYTES) this.#confirm();
    else this.#ackTimer ??= this.#owner.environment.schedule(ACK_MS, () => this.#confirm());
  }

  #confirm(): void {
    this.#ackTimer?.cancel();
    this.#ackTimer = undefined;
    this.#confirmedBytes = this.#receivedBytes;
    this.#send({ type: 'ack', bytes: this.#receivedBytes, operations: this.#seenOperations });
  }

  // Ending -----------------------------------------------------------------------------------------

  #beat(): void {
    const { environment } = this.#owner;
    this.#heartbeat = environment.schedule(PING_MS, () => {
      if (this.#ended) return;
      if (environment.now() - this.#heardAt > SILENCE_MS)
        return this.end('silent', `Nothing heard for ${SILENCE_MS} ms.`);
      this.#send({ type: 'ping', time: environment.now() });
      this.#beat();
    });
  }

  #closed(closing: Closing): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#heartbeat?.cancel();
    this.#ackTimer?.cancel();
    this.comparisons.stop();
    this.#resume();
    this.#incoming.clear();
    const reason = this.#farewell === undefined ? closing.reason : this.#farewell;
    this.#owner.ended(this, { kind: closing.kind, reason });
  }
}

function tooEarly(what: string): TablecastError {
  return new TablecastError('FRAME_INVALID', `A peer sent a ${what} out of turn.`, {
    hint: 'Check that the peer runs a version of tablecast that speaks this protocol.',
  });
}

function tooLarge(table: string): TablecastError {
  return new TablecastError(
    'LIMIT_EXCEEDED',
    `A checkpoint of ${table} is larger than ${MAX_CHECKPOINT_BYTES} bytes.`,
    {
      hint: 'Split the table into several.',
      details: { table, limit: MAX_CHECKPOINT_BYTES },
    },
  );
}
