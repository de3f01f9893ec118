import type { Environment, Timer } from '../environment.ts';
import { isTablecastError } from '../errors.ts';
import { encodeMessage } from '../replication/wire/wire.ts';
import type { TableState } from '../replication/wire/bodies.ts';
import type { Carried, CarrierLink } from './carrier.ts';
import type { KeptCheckpoint, Ledger } from './ledger.ts';
import { readKept } from './kept.ts';
import { joined, piecesOf } from './frames.ts';
import { CHECKPOINT, LEASE, OPERATIONS } from './subjects.ts';

/** A writer that has not ended its checkpoint after so long is not waited for any more. */
const LEASE_MS = 10_000;

/** Version vectors as checkpoints say them. */
export type HeaderReader = (chunks: readonly Uint8Array[]) => {
  readonly vector: readonly (readonly [origin: string, sequence: number])[];
  readonly sessions: readonly number[];
};

/** The parts are what checkpoints need of who they are written and read for. */
export interface CheckpointsParts {
  readonly environment: Environment;
  readonly link: CarrierLink;
  readonly ledger: Ledger;
  readonly nodeId: string;
  readonly nonce: string;
  readonly readHeader: HeaderReader;
  /** Returns what this node said of a table last. */
  stateOf(this: void, table: string): TableState | undefined;
  /** Says how far a table's messages were read. */
  through(table: string): Through;
  /** The node has operations, because its checkpoint stands for them. */
  has(table: string, origin: string, sequence: number): void;
  /** So many bytes were taken in. */
  taken(bytes: number): void;
  /** The node is to hear anew what the carrier holds of a table. */
  say(table: string): void;
  /** The rows of the last checkpoint of a table are not all there. */
  lost(table: string): void;
  /** The carrier does not take the checkpoint. */
  refused(error: unknown): void;
  failed(error: unknown): void;
}

/** Returns the place up to which everything is in a checkpoint with a vector. */
export type Through = (vector: ReadonlyMap<string, number>) => number;

/** A checkpoint that this node is sending. */
interface Upload {
  readonly table: string;
  readonly name: string;
  readonly header: Uint8Array[];
  bytes: number;
  chunks: number;
  /** Is as {@link CheckpointsParts.through} when it began. */
  readonly through: Through | undefined;
  /** Says whether it is written; another node may be writing one. */
  isOurs: boolean;
}

/** Keeps checkpoints in a carrier, one writer at a time, and gives them to a node that lacks what they stand for. */
export class Checkpoints {
  readonly #parts: CheckpointsParts;
  readonly #known = new Map<string, KeptCheckpoint>();
  readonly #uploads = new Map<string, Upload>();
  readonly #timers = new Set<Timer>();
  #turn: Promise<void> = Promise.resolve();
  #count = 0;
  #isOver = false;
  #mayLetGo = true;

  constructor(parts: CheckpointsParts) {
    this.#parts = parts;
  }

  /** The last checkpoint of a table that the carrier keeps, as far as it was learnt of. */
  of(table: string): KeptCheckpoint | undefined {
    return this.#known.get(table);
  }

  /** Learns of a table's last checkpoint. */
  async learn(table: string): Promise<void> {
    const found = await this.#parts.link.last([CHECKPOINT, table]);
    if (found !== undefined) this.note(found);
  }

  /** A message tells of a checkpoint; returns its table, undefined for what no node writes. */
  note({ subject: [, table], bytes, place }: Carried): string | undefined {
    const { ledger } = this.#parts;
    const kept = readKept(bytes);
    if (table === undefined) return undefined;
    if ((ledger.checkpoints.get(table) ?? 0) > place) return table;
    // Also behind what nobody can read the next one is announced.
    ledger.checkpoints.set(table, place);
    if (kept === undefined) return undefined;
    ledger.covers(table, kept);
    this.#known.set(table, kept);
    return table;
  }

  /** Reads a checkpoint as the frames of a peer; undefined when not all of it is there. */
  async frames(table: string, { name, bytes }: KeptCheckpoint): Promise<Uint8Array[] | undefined> {
    const chunks: Uint8Array[] = [];
    let pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of this.#parts.link.kept(name)) {
      pieces.push(piece.subarray(1));
      if (piece[0] === 1) continue;
      chunks.push(joined(pieces));
      length += chunks.at(-1)?.length ?? 0;
      pieces = [];
    }
    if (length !== bytes) return undefined;
    return chunks.map((chunk, index) =>
      encodeMessage({ type: 'checkpoint', table, index, last: index === chunks.length - 1, chunk }),
    );
  }

  /** The rows of a checkpoint are gone: where it is still the last, nothing stands in its place, and nodes hear that. */
  async withdraw(table: string, { name, mode }: KeptCheckpoint): Promise<void> {
    await this.learn(table);
    if (this.of(table)?.name !== name) return;
    this.#parts.lost(table);
    const none = {
      name: this.#newName(),
      before: name,
      bytes: 0,
      held: [],
      mode,
      epoch: undefined,
      through: 0,
    };
    try {
      await this.#tell(table, none);
      this.#parts.say(table);
    } catch (error) {
      if (!isTablecastError(error, 'PEER_REFUSED')) throw error;
      this.#parts.refused(error);
    }
  }

  /** Takes something out of the carrier; who may not is told that once, and goes on without. */
  async letGo(task: (link: CarrierLink) => Promise<void>): Promise<void> {
    if (!this.#mayLetGo) return;
    try {
      await task(this.#parts.link);
    } catch (error) {
      if (!isTablecastError(error, 'PEER_REFUSED')) throw error;
      this.#mayLetGo = false;
      this.#parts.refused(error);
    }
  }

  #newName(): string {
    return `${this.#parts.nonce}-${++this.#count}`;
  }

  /** Says which checkpoint is a table's last; returns false when another node did so meanwhile. */
  async #tell(table: string, kept: KeptCheckpoint): Promise<boolean> {
    const { link, ledger, nonce } = this.#parts;
    const message = {
      subject: [CHECKPOINT, table],
      headers: {},
      bytes: new TextEncoder().encode(JSON.stringify(kept)),
    };
    const after = ledger.checkpoints.get(table) ?? 0;
    const place = await link.append({ ...message, after, id: `${nonce}.${kept.name}` });
    if (place === undefined) await this.learn(table);
    else this.note({ ...message, place });
    return place !== undefined;
  }

  /** Takes a chunk of this node's checkpoint; `length` is that of its frame. */
  take(
    chunk: {
      readonly table: string;
      readonly index: number;
      readonly last: boolean;
      readonly chunk: Uint8Array;
    },
    length: number,
  ): void {
    const through = chunk.index === 0 ? this.#parts.through(chunk.table) : undefined;
    this.#turn = this.#turn
      .then(() => (this.#isOver ? undefined : this.#take(chunk, through)))
      .catch((error: unknown) => {
        // Who may not write checkpoints goes on without.
        if (!isTablecastError(error, 'PEER_REFUSED')) throw error;
        this.#uploads.delete(chunk.table);
        this.#parts.refused(error);
      })
      .then(() => this.#parts.taken(length))
      .catch((error: unknown) => {
        if (!this.#isOver) this.#parts.failed(error);
      });
  }

  stop(): void {
    this.#isOver = true;
    for (const timer of this.#timers) timer.cancel();
  }

  async #take(
    {
      table,
      index,
      last,
      chunk,
    }: { readonly table: string; readonly index: number; readonly last: boolean; readonly chunk: Uint8Array },
    through: Through | undefined,
  ): Promise<void> {
    const { link } = this.#parts;
    if (index === 0) {
      const name = this.#newName();
      this.#uploads.set(table, {
        table,
        name,
        header: [],
        bytes: 0,
        chunks: 0,
        isOurs: await this.#lease(table),
        through,
      });
    }
    const upload = this.#uploads.get(table);
    if (upload === undefined) return;
    if (last) this.#uploads.delete(table);
    if (!upload.isOurs) {
      if (last) this.#askLater(table);
      return;
    }
    upload.bytes += chunk.length;
    upload.chunks++;
    // Its header is in the first chunk, or in the first pieces.
    if (upload.header.length < 128) upload.header.push(chunk);
    const pieces = piecesOf(chunk, link.maxMessageBytes - 1);
    for (const [at, piece] of pieces.entries()) {
      const framed = new Uint8Array(piece.length + 1);
      framed[0] = at < pieces.length - 1 ? 1 : 0;
      framed.set(piece, 1);
      await link.keep(upload.name, framed);
    }
    if (last) await this.#announce(upload);
  }

  /** Returns whether this node may write a table's checkpoint: one does at a time. */
  async #lease(table: string): Promise<boolean> {
    const { link, ledger, nodeId, nonce, environment } = this.#parts;
    const present = await link.last([LEASE, table]);
    const until = Number(present?.headers['Tablecast-Until'] ?? 0);
    const isOver = present === undefined || (ledger.checkpoints.get(table) ?? 0) > present.place;
    const isOwn = present?.headers['Tablecast-By'] === nodeId;
    // Clocks that differ shorten or prolong the wait, and nothing else: two writers are one too many, and no harm.
    if (!isOver && !isOwn && Math.abs(until - environment.now()) < 2 * LEASE_MS && until > environment.now())
      return false;
    const after = present?.place ?? 0;
    const headers = {
      'Tablecast-By': nodeId,
      'Tablecast-Until': String(Math.floor(environment.now()) + LEASE_MS),
    };
    const id = `${nonce}.lease.${table}.${after}`;
    const place = await link.append({
      subject: [LEASE, table],
      headers,
      bytes: new Uint8Array(0),
      after,
      id,
    });
    return place !== undefined;
  }

  /** Another node writes the checkpoint: whether it did is looked at later. */
  #askLater(table: string): void {
    const timer = this.#parts.environment.schedule(LEASE_MS, () => {
      this.#timers.delete(timer);
      this.#parts.say(table);
    });
    this.#timers.add(timer);
  }

  async #announce({ table, name, header, bytes, through }: Upload): Promise<void> {
    const { link, readHeader, stateOf } = this.#parts;
    const { vector, sessions } = readHeader(header);
    const state = stateOf(table);
    if (state === undefined) return;
    for (const [origin, sequence] of vector) this.#parts.has(table, origin, sequence);
    const before = this.#known.get(table);
    const kept: KeptCheckpoint = {
      name,
      before: before?.name,
      bytes,
      held: vector.map(([origin, sequence], index) => [origin, sequence, sessions[index] ?? 0]),
      mode: state.mode,
      epoch: state.epoch,
      through: through?.(new Map(vector)) ?? 0,
    };
    if (await this.#tell(table, kept)) {
      await this.letGo(async () => {
        if (before?.before !== undefined) await link.forget(before.before);
        // Only what a checkpoint stands for leaves the memory; who reads slowly finds it there.
        if (kept.through > 0) await link.trim([OPERATIONS, table], kept.through);
        for (const kind of [CHECKPOINT, LEASE]) await link.thin([kind, table]);
      });
    } else await this.letGo(() => link.forget(name));
    this.#parts.say(table);
  }
}
