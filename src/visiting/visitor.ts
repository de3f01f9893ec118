import { TablecastError } from '../errors.ts';
import { type Schema, type PlainDeclaration, compileSchema } from '../schema/index.ts';
import type { Closing, Connection } from '../transport/transport.ts';
import type { OperationName, WantedOperation } from '../replication/wire/holding-wire.ts';
import type { RowAnswer, RowRequest } from '../replication/wire/request-wire.ts';
import type { Hello, TableState } from '../replication/wire/bodies.ts';
import { type Message, PROTOCOL, decodeMessage, encodeMessage } from '../replication/wire/wire.ts';

/** A table of the node that is visited, as that node declares it. */
export interface VisitedTable {
  readonly declaration: Readonly<PlainDeclaration>;
  readonly schema: Schema;
}

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** Asks a running node about rows over one connection, without being its peer: it holds nothing of any table. */
export class Visitor {
  readonly #connection: Connection;
  readonly #tables = new Map<string, TableState>();
  readonly #answers = new Map<number, Waiting<RowAnswer>>();
  readonly #echoes: Waiting<void>[] = [];
  readonly #holds: (Waiting<void> & { readonly want: WantedOperation })[] = [];
  #hello: Hello | undefined;
  #greeting: Waiting<void> | undefined;
  #numbers = 0;
  #farewell: string | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Says hello under an id and waits for the other's. Rejects with `PEER_REFUSED` or `PEER_UNREACHABLE`. */
  async greet(node: string): Promise<void> {
    const greeted = new Promise<void>((resolve, reject) => (this.#greeting = { resolve, reject }));
    this.#connection.start({
      frame: (bytes) => this.#take(bytes),
      drain: () => undefined,
      closed: (closing) => this.#closed(closing),
    });
    const session = Math.floor(Math.random() * 0x100000000);
    const hello = { protocol: [...PROTOCOL] as [number, number], node, session, origins: [], tables: [] };
    this.#send({ type: 'hello', hello: { ...hello, visits: true } });
    await greeted;
  }

  /** Says whether the node answers visitors: one of 0.2 or earlier does not. */
  get isAnswered(): boolean {
    return this.#hello?.answers === true;
  }

  get nodeId(): string {
    return this.#hello?.node ?? '';
  }

  get address(): string {
    return this.#connection.remote;
  }

  /** Lists the tables that the node has said it has. */
  get names(): readonly string[] {
    return [...this.#tables.keys()];
  }

  /** Lists all tables of the node that may be read, also those that it has not said yet. */
  async allNames(): Promise<readonly string[]> {
    await this.#echoed();
    return this.names;
  }

  /** Returns a table of the node; undefined where it has none of that name that the credential may read. */
  async table(name: string): Promise<VisitedTable | undefined> {
    // A node of many tables says them in several messages: what it says after an echo was not known before.
    if (!this.#tables.has(name)) await this.#echoed();
    const state = this.#tables.get(name);
    if (state === undefined) return undefined;
    const declaration = state.declaration as PlainDeclaration;
    const here = { ...declaration, mode: state.mode, backend: 'memory' } as PlainDeclaration;
    return { declaration, schema: compileSchema(name, here) };
  }

  /** Resolves with the answer, which may hold a problem. Rejects with `PEER_UNREACHABLE` when the node goes away. */
  ask(request: Omit<RowRequest, 'number'>): Promise<RowAnswer> {
    const number = ++this.#numbers;
    return new Promise((resolve, reject) => {
      this.#answers.set(number, { resolve, reject });
      this.#send({ type: 'request', request: { ...request, number } });
    });
  }

  /** Resolves once the node holds an operation as durably as it keeps the table; never while it does not. */
  holds(want: WantedOperation): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#holds.push({ want, resolve, reject });
      this.#send({ type: 'ack', bytes: 0, operations: 0, durable: 0, wants: [want] });
    });
  }

  close(): void {
    this.#connection.close('closed: The visitor has its answer.');
  }

  #send(message: Message): void {
    this.#connection.send(encodeMessage(message));
  }

  #echoed(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#echoes.push({ resolve, reject });
      this.#send({ type: 'ping', time: 0 });
    });
  }

  #take(bytes: Uint8Array): void {
    try {
      this.#hear(decodeMessage(bytes));
    } catch (error) {
      this.#fail(error);
      this.#connection.close('what came is no message');
    }
  }

  #hear(message: Message): void {
    switch (message.type) {
      case 'hello':
        this.#hello = message.hello;
        for (const table of message.hello.tables) this.#tables.set(table.name, table);
        return this.#greeting?.resolve();
      case 'tables':
        for (const table of message.tables) this.#tables.set(table.name, table);
        return;
      case 'answer':
        this.#answers.get(message.answer.number)?.resolve(message.answer);
        return void this.#answers.delete(message.answer.number);
      case 'ack':
        return this.#held(message.holds ?? []);
      case 'ping':
        return this.#send({ type: 'pong', time: message.time });
      case 'pong':
        return this.#echoes.shift()?.resolve();
      case 'bye':
        this.#farewell = `${message.code}: ${message.reason}`;
        return this.#connection.close(message.reason);
      default:
      // What peers are told is no business of a visitor's.
    }
  }

  #held(holds: readonly OperationName[]): void {
    for (const { want, resolve } of this.#holds) {
      const isHeld = holds.some(
        ({ table, origin, sequence }) =>
          table === want.table && origin === want.origin && sequence >= want.sequence,
      );
      if (isHeld) resolve();
    }
  }

  #closed({ kind, reason }: Closing): void {
    const why = this.#farewell ?? reason;
    const isRefused = kind === 'refused' || /^(?:refused|access|full|protocol):/.test(why);
    const code = isRefused ? 'PEER_REFUSED' : 'PEER_UNREACHABLE';
    this.#fail(
      new TablecastError(code, `Lost node ${this.nodeId || this.address} (${why}).`, {
        hint: 'Look at the log of that node, and try again.',
        retryable: !isRefused,
      }),
    );
  }

  #fail(error: unknown): void {
    const all = [this.#greeting, ...this.#answers.values(), ...this.#echoes, ...this.#holds];
    for (const waiting of all) waiting?.reject(error);
  }
}
