import type { Environment } from '../environment.ts';
import { isTablecastError } from '../errors.ts';
import type { NodeEvent } from '../events.ts';
import type { TableState } from '../replication/wire/bodies.ts';
import { partsOf } from '../replication/wire/parts.ts';
import { type Message, PROTOCOL, decodeMessage, encodeMessage } from '../replication/wire/wire.ts';
import type { FrameConnection, FrameSocket } from '../transport/frame-connection.ts';
import type { Closing } from '../transport/transport.ts';
import type { CarrierLink } from './carrier.ts';
import {
  missing,
  notHeard,
  recovered,
  rowsLost,
  stalled,
  strange,
  undeclared,
  unfinished,
} from './events.ts';
import { Checkpoints, type HeaderReader } from './checkpoints.ts';
import { type DeclaredTable, readDeclared } from './kept.ts';
import type { Ledger } from './ledger.ts';
import { Notes } from './notes.ts';
import { Publishing } from './publishing.ts';
import { Reading } from './reading.ts';
import { Refusals } from './refusals.ts';
import { TABLE } from './subjects.ts';
import { Wanted } from './wanted.ts';

/** A checkpoint is due when what follows the last one is more than it, and than this. */
const TAIL_BYTES: number = 4 * 1024 * 1024;
/** The node that asks for one first is another from time to time, within this many milliseconds. */
const CHECKPOINT_SPREAD_MS = 2000;

/** The parts are what a carrier's peer stands on. */
export interface CarrierPeerParts {
  readonly environment: Environment;
  readonly link: CarrierLink;
  readonly ledger: Ledger;
  /** The id under which the node meets the carrier. */
  readonly id: string;
  /** The node it is a peer of. */
  readonly nodeId: string;
  readonly readHeader: HeaderReader;
  /** Bytes of checkpoint and tail from which on a checkpoint is due; for tests, whose tables are small. */
  readonly tailBytes?: number | undefined;
  /** Is passed on to {@link Reading}. */
  readonly isCareful: boolean;
  /** The node refused what it was given. */
  refused(): void;
  /** Up to where this memory was read before; 0 when it was not. */
  readonly place: number;
  reached(this: void, place: number): void;
  report(this: void, event: NodeEvent): void;
}

/**
 * A carrier as the peer of one node: it says what the carrier holds, publishes what the node sends, and gives it what
 * others published. So all that a session does with a peer it does with thousands of nodes behind a carrier.
 */
export class CarrierPeer implements FrameSocket {
  readonly bufferedBytes = 0;
  /** By which nodes behind the carrier ask one another. */
  readonly notes: Notes;
  readonly #parts: CarrierPeerParts;
  readonly #publishing: Publishing;
  readonly #reading: Reading;
  readonly #checkpoints: Checkpoints;
  readonly #said = new Map<string, TableState>();
  readonly #declared = new Map<string, DeclaredTable>();
  /** Bytes read of each table since its last checkpoint. */
  readonly #tails = new Map<string, number>();
  readonly #due = new Set<string>();
  readonly #undeclared: Refusals;
  readonly #wanted: Wanted;
  #connection: FrameConnection | undefined;
  #turn: Promise<void> = Promise.resolve();
  #taken = { bytes: 0, operations: 0 };
  readonly #nonce: string;
  #isOver = false;

  constructor(parts: CarrierPeerParts) {
    this.#parts = parts;
    this.#wanted = new Wanted(parts.ledger);
    this.#undeclared = new Refusals(parts.environment, (table) => this.#declare([table]));
    const { environment, link, ledger, nodeId } = parts;
    const nonce = Math.floor(environment.random() * 2 ** 48).toString(36);
    this.#nonce = nonce;
    const failed = (error: unknown): void => this.#fail(error);
    this.#checkpoints = new Checkpoints({
      environment,
      link,
      ledger,
      nodeId,
      nonce,
      readHeader: parts.readHeader,
      stateOf: (table) => this.#said.get(table),
      through: (table) => this.#reading.through(table),
      taken: (bytes) => this.#acknowledge(bytes, 0),
      has: (table, origin, sequence) => this.#reading.has(table, origin, sequence),
      say: (table) => this.#say([table]),
      lost: (table) => parts.report(rowsLost(table)),
      refused: (error) => parts.report(stalled(link, error)),
      failed,
    });
    this.#publishing = new Publishing({
      environment,
      link,
      ledger,
      nodeId,
      nonce,
      published: (bytes, operations) => this.#acknowledge(bytes, operations),
      lacks: (table) => this.#say([table]),
      thin: (subject) => this.#checkpoints.letGo((carrier) => carrier.thin(subject)),
      refresh: (table) => this.#checkpoints.learn(table),
      stalled: (error) => parts.report(stalled(link, error)),
      recovered: () => parts.report(recovered()),
      failed,
    });
    this.#reading = this.#newReading(failed);
    this.notes = new Notes({
      link,
      nodeId,
      refused: (error) => {
        if (!this.#isOver) parts.report(notHeard(link, error));
      },
      strange: (by, error) =>
        parts.report(strange(`the notes of ${by}`, error instanceof Error ? error.message : String(error))),
    });
  }

  #newReading(failed: (error: unknown) => void): Reading {
    const { environment, link, ledger, isCareful, place, reached, report } = this.#parts;
    return new Reading({
      environment,
      link,
      ledger,
      checkpoints: this.#checkpoints,
      isCareful,
      place,
      reached,
      give: (frame) => this.#connection?.received(frame),
      say: (table) => this.#say([table]),
      level: () => this.#give({ type: 'level', tables: [...this.#declared.keys()] }),
      declared: (table) => this.#declare([table]),
      published: () => this.#publishing.go(),
      grew: (table, bytes) => this.#grew(table, bytes),
      unfinished: (author) => report(unfinished(author)),
      missing: async (gap) => {
        if (await this.#publishing.lower(gap)) report(missing(gap));
      },
      strange: ({ subject }, why) => report(strange(subject.join('.'), why)),
      failed,
    });
  }

  /** Begins: the node is told who its peer is. */
  begin(connection: FrameConnection): void {
    this.#connection = connection;
    const { id: node, environment, link } = this.#parts;
    const session = Math.floor(environment.random() * 0x100000000);
    const hello = {
      protocol: [...PROTOCOL] as [number, number],
      node,
      session,
      origins: [],
      tables: [],
      touches: true,
    };
    this.#give({ type: 'hello', hello });
    void link.ended.then((reason) => this.#end({ kind: 'lost', reason }));
  }

  // What the node says ---------------------------------------------------------------------------------

  send(frame: Uint8Array): void {
    if (this.#isOver) return;
    try {
      this.#route(decodeMessage(frame), frame.length);
    } catch (error) {
      this.#fail(error);
    }
  }

  #route(message: Message, length: number): void {
    switch (message.type) {
      case 'hello':
        return this.#announced(message.hello.tables);
      case 'tables':
        return this.#announced(message.tables);
      case 'runs':
        for (const { table, origin, firstSequence, count } of this.#publishing.offer(message.runs, length))
          this.#reading.has(table, origin, firstSequence + count - 1);
        return;
      case 'checkpoint':
        return this.#checkpoints.take(message, length);
      case 'ack':
        this.#wanted.want(message.wants);
        this.#reading.taken(message.bytes);
        return this.#hold();
      case 'level':
        return this.#publishing.level();
      case 'ping':
        return this.#answer(message.time);
      case 'bye':
        if (message.code === 'invalid') this.#parts.refused();
        return this.#end({ kind: 'closed', reason: message.reason });
      default:
    }
  }

  #announced(states: readonly TableState[]): void {
    for (const state of states) this.#said.set(state.name, state);
    const names = states.map(({ name }) => name);
    this.#declare(names);
    this.#inTurn(async () => {
      this.#reading.said(states);
    });
  }

  // What the carrier has -------------------------------------------------------------------------------

  /** Finds out how tables are declared in the carrier, or declares them there, and tells the node. */
  #declare(names: readonly string[]): void {
    this.#inTurn(async () => {
      const fresh = names.filter((name) => this.#said.has(name) && !this.#declared.has(name));
      const known = await Promise.all(fresh.map((name) => this.#learn(name)));
      const shared = fresh.filter((_, index) => known[index]);
      if (shared.length > 0) this.#tell(shared);
    });
  }

  /** Learns how a table is declared; returns false, and tries again later, when nobody says it and this node may not. */
  async #learn(name: string): Promise<boolean> {
    const { link, report } = this.#parts;
    const table = { table: name, origin: '', operations: 0 };
    try {
      this.#declared.set(name, await this.#declaration(name));
    } catch (error) {
      if (!isTablecastError(error, 'PEER_REFUSED')) throw error;
      if (this.#undeclared.refused(table)) report(undeclared(link, name, error));
      return false;
    }
    await this.#checkpoints.learn(name);
    if (this.#undeclared.taken(table) !== undefined) report(recovered());
    return true;
  }

  async #declaration(name: string): Promise<DeclaredTable> {
    const { link } = this.#parts;
    const { fingerprint, mode, declaration, epoch } = this.#said.get(name) as TableState;
    const subject = [TABLE, name];
    const found = await link.last(subject);
    const known = found && readDeclared(found.bytes);
    if (known !== undefined) return known;
    // A switch of mode is in the checkpoint that the node sends: what stands here is what was declared.
    const own = { fingerprint, mode: epoch === undefined ? mode : declaredMode(declaration), declaration };
    const bytes = new TextEncoder().encode(JSON.stringify(own));
    const after = found?.place ?? 0;
    const place = await link.append({
      subject,
      headers: {},
      bytes,
      after,
      id: `${this.#nonce}.${name}.${after}`,
    });
    return place === undefined ? this.#declaration(name) : own;
  }

  #say(names: readonly string[]): void {
    this.#inTurn(async () => this.#tell(names.filter((name) => this.#declared.has(name))));
  }

  #tell(names: readonly string[], asked?: { readonly checkpoint: true }): void {
    const states = names.map((name) => ({ ...this.#stateOf(name), ...asked }));
    for (const tables of partsOf(states)) if (tables.length > 0) this.#give({ type: 'tables', tables });
  }

  #stateOf(name: string): TableState {
    const declared = this.#declared.get(name) as DeclaredTable;
    const kept = this.#checkpoints.of(name);
    const vector = this.#parts.ledger.vector(name).filter(([, { held }]) => held > 0);
    return {
      name,
      ...declared,
      ...(kept?.epoch !== undefined && { mode: kept.mode, epoch: kept.epoch }),
      held: vector.map(([origin, { held }]) => [origin, held]),
      sessions: vector.map(([, { session }]) => session),
    };
  }

  /** A table's tail became longer: a checkpoint may be due. */
  #grew(table: string, bytes: number): void {
    const { environment, tailBytes = TAIL_BYTES } = this.#parts;
    const tail = (this.#tails.get(table) ?? 0) + bytes;
    this.#tails.set(table, tail);
    const last = this.#checkpoints.of(table)?.name;
    if (tail <= Math.max(tailBytes, this.#checkpoints.of(table)?.bytes ?? 0) || this.#due.has(table)) return;
    this.#due.add(table);
    environment.schedule(environment.random() * CHECKPOINT_SPREAD_MS, () => {
      this.#due.delete(table);
      this.#tails.set(table, 0);
      if (this.#isOver || this.#checkpoints.of(table)?.name !== last) return;
      this.#inTurn(async () => {
        this.#tell([table], { checkpoint: true });
      });
    });
  }

  // Answers --------------------------------------------------------------------------------------------

  #acknowledge(bytes: number, operations: number): void {
    this.#taken = { bytes: this.#taken.bytes + bytes, operations: this.#taken.operations + operations };
    this.#hold(true);
  }

  /** Tells what the carrier took, and what it holds of what the node asked for. */
  #hold(isDue = false): void {
    const holds = this.#wanted.news();
    if (!isDue && holds.length === 0) return;
    const { bytes, operations } = this.#taken;
    this.#give({ type: 'ack', bytes, operations, durable: operations, holds });
  }

  /** Answers the node's heartbeat when the carrier does: that is how far away it is. */
  #answer(time: number): void {
    this.#parts.link.answers().then(
      () => this.#give({ type: 'pong', time }),
      (error: unknown) => this.#fail(error),
    );
  }

  #give(message: Message): void {
    if (!this.#isOver) this.#connection?.received(encodeMessage(message));
  }

  // The end --------------------------------------------------------------------------------------------

  #inTurn(step: () => Promise<void>): void {
    this.#turn = this.#turn
      .then(() => (this.#isOver ? undefined : step()))
      .catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.#end({ kind: 'lost', reason: error instanceof Error ? error.message : String(error) });
  }

  awaitDrain(): void {
    // Nothing is queued here: what is not acknowledged bounds what a session sends.
  }

  pause(): void {
    this.#reading.pause();
  }

  resume(): void {
    this.#reading.resume();
  }

  end(closing: Closing): void {
    this.#end(closing);
  }

  cut(): void {
    this.#end({ kind: 'lost', reason: 'cut' });
  }

  #end(closing: Closing): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#publishing.stop();
    this.#reading.stop();
    this.#checkpoints.stop();
    this.#undeclared.stop();
    this.notes.stop();
    this.#parts.link.close();
    this.#connection?.ended(closing);
  }
}

/** Returns the mode in a declaration, which names it where it is not naive. */
function declaredMode(declaration: unknown): string {
  const mode: unknown = (declaration as { readonly mode?: unknown } | null)?.mode;
  return typeof mode === 'string' ? mode : 'naive';
}
