import type { TablecastError } from '../../errors.ts';
import type { RunReference } from '../../log/keeping/segment-store.ts';
import { type DecodedRun, type OpenedRun, type RunHeader, openRun, readRun } from '../../log/runs/run.ts';
import type { ColumnType, Schema } from '../../schema/schema.ts';
import type { ReadyRun } from './document-fold.ts';

/**
 * A run of another node, from intake to fold: one checksum, one reading of its header, one of its columns (INV-6).
 * What was found out about it before its turn stands here.
 */
export class ReceivedRun {
  readonly reference: RunReference & RunHeader;
  /** The schema that its content was found to fit. */
  fits: Schema | undefined;
  /** Says why its frame would take too long to apply from this run on. */
  tooDear: TablecastError | undefined;
  /** Is what the document of its table made ready of it. */
  ready: ReadyRun | undefined;
  readonly #opened: OpenedRun;
  #decoded: DecodedRun | undefined;
  #failure: unknown;

  /** Checks the checksum and reads what identifies a run. Throws `OPERATION_INVALID`. */
  constructor(bytes: Uint8Array) {
    this.#opened = openRun(bytes);
    const { table, origin, session, firstSequence, count, epoch } = this.#opened.header;
    this.reference = { table, origin, session, firstSequence, count, epoch, bytes };
  }

  /** Unpacks it, once, for a table whose values travel as `type`. Throws `OPERATION_INVALID`, each time. */
  read(type: ColumnType): DecodedRun {
    if (this.#decoded !== undefined) return this.#decoded;
    if (this.#failure !== undefined) throw this.#failure;
    try {
      this.#decoded = readRun(this.#opened, type);
      return this.#decoded;
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }
}
