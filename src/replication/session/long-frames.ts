import { type TablecastError, isTablecastError } from '../../errors.ts';
import type { Environment } from '../../environment.ts';
import type { NodeEvent } from '../../events.ts';
import type { Slices } from '../../work/slices.ts';
import type { Stretches } from '../../log/operations/session-marks.ts';
import { IncomingCheckpoints } from './incoming.ts';
import type { PeerTables } from '../peers/peer-tables.ts';
import type { AdoptedRows, AppliedRuns, Held, ReceivedFrame, Replica } from '../replica.ts';
import type { Message } from '../wire/wire.ts';

/** The parts are what {@link LongFrames} needs of its session. */
export interface LongFramesParts {
  readonly node: {
    readonly replica: Replica;
    readonly environment: Environment;
    readonly slices: Slices;
    /** Takes nothing more from any peer until the returned function is called, once. */
    holdAll(): () => void;
    /** Runs a task now, or as soon as nothing holds all peers. */
    whenFree(task: () => void): void;
  };
  readonly tables: PeerTables;
  /** Takes nothing more from the peer until the returned function is called, once. */
  hold(): () => void;
  ended(): boolean;
  /** True while not all that the peer sent was looked at. */
  isBehind(): boolean;
  /** So many bytes of checkpoints under way are kept. */
  kept(bytes: number): void;
  /** Is called when what the peer sent does not hold. */
  refuse(error: unknown): void;
  /** A checkpoint cannot be taken over. */
  refusedCheckpoint(table: string, error: TablecastError): void;
  /** Returns whether what a peer holds of a table is what this node holds. */
  agrees(table: string, held: Held, written: readonly Stretches[]): boolean;
  /** Is called with a life of which both sides hold other operations of a table. */
  parted(table: string, life: string): void;
  /** A checkpoint of so many bytes was taken over. */
  adopted(table: string, rows: AdoptedRows, bytes: number): void;
}

/** Frames of one peer that take so long that they are worked on in slices: dear values, and checkpoints. */
export class LongFrames {
  readonly #parts: LongFramesParts;
  readonly #incoming: IncomingCheckpoints;

  constructor(parts: LongFramesParts) {
    this.#parts = parts;
    this.#incoming = new IncomingCheckpoints({
      environment: parts.node.environment,
      kept: (bytes) => parts.kept(bytes),
      isBehind: () => parts.isBehind(),
      late: (error) => parts.refuse(error),
    });
  }

  /** Takes a frame's runs, once values that are dear to check have been checked in slices. */
  prepare(frame: ReceivedFrame, take: () => void): void {
    const { tables, node } = this.#parts;
    const prepared = frame.prepare((table) => tables.shared.get(table)?.writable === true);
    if (prepared === undefined) return take();
    const release = this.#parts.hold();
    const end = (last: () => void): void => {
      try {
        if (!this.#parts.ended()) last();
      } catch (error) {
        this.#parts.refuse(error);
      } finally {
        prepared.forget();
        release();
      }
    };
    node.slices.run(prepared.work, {
      // A checkpoint may have begun to be taken over meanwhile.
      done: () => node.whenFree(() => end(take)),
      failed: (error) => end(() => this.#parts.refuse(error)),
    });
  }

  /** Lets take effect, before anything more is taken from anybody, what had waited for a frame. */
  finish({ rest }: Pick<AppliedRuns, 'rest'>): void {
    if (rest === undefined) return;
    const { node } = this.#parts;
    // It goes on when this session ends: others' operations are among it.
    const release = node.holdAll();
    node.slices.run(rest, {
      done: release,
      failed: (error) => {
        release();
        this.#parts.refuse(error);
      },
    });
  }

  /** Takes a part of a checkpoint, and with the last one the checkpoint over. Throws `FRAME_INVALID`, `LIMIT_EXCEEDED`. */
  take(message: Extract<Message, { type: 'checkpoint' }>): void {
    const { node, tables } = this.#parts;
    const { table } = message;
    const shared = tables.shared.get(table);
    if (shared === undefined) return;
    if (!shared.writable || !tables.grant.relays)
      return tables.deny({ right: shared.writable ? 'origin' : 'write', table });
    const complete = this.#incoming.take(message);
    if (complete === undefined) return;
    const adoption = node.replica.adopt(table, complete.chunks, (held, written) => {
      const agrees = this.#parts.agrees(table, held, written);
      if (agrees) tables.holds(table, held);
      return agrees;
    });
    // It goes on when this session ends: what came is complete.
    const release = node.holdAll();
    node.slices.run(adoption, {
      done: (result) => {
        release();
        if (result === undefined) return;
        if ('parted' in result) this.#parts.parted(table, result.parted);
        else this.#parts.adopted(table, result, complete.bytes);
      },
      failed: (error) => {
        release();
        if (isTablecastError(error)) this.#parts.refusedCheckpoint(table, error);
        else this.#parts.refuse(error);
      },
    });
  }

  /** Forgets parts of checkpoints that are not complete. */
  clear(): void {
    this.#incoming.clear();
  }
}

/** A peer's checkpoint was taken over. */
export function tookOver(
  table: string,
  details: { readonly rows: number; readonly bytes: number },
  peer: string | undefined,
): NodeEvent {
  return {
    code: 'checkpoint-adopted',
    severity: 'info',
    message: `Table ${table}: took over ${details.rows} rows from ${peer}.`,
    table,
    peer,
    details,
  };
}
