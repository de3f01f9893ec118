import { isTablecastError } from '../../errors.ts';
import type { Segment } from '../../log/backend.ts';
import type { Connection } from './connection.ts';
import { damaged } from './failure.ts';
import { segmentChecksum } from './format.ts';
import { type Block, unpackBlock } from './sealed-block.ts';

interface SealedRow {
  readonly position: unknown;
  readonly span: unknown;
  readonly check: unknown;
  readonly bytes: unknown;
}

const COLUMNS = 'position, span, "check", bytes';

/** Returns a row of `sealed`, checked. Throws `BACKEND_DAMAGED` with the position. */
function toBlock(row: SealedRow, file: string): Block {
  const { position, span, check, bytes } = row;
  const sound =
    typeof position === 'number' &&
    typeof span === 'number' &&
    Buffer.isBuffer(bytes) &&
    position >= 1 &&
    span >= 1 &&
    Number.isSafeInteger(position + span) &&
    segmentChecksum(position, span, bytes) === check;
  if (!sound) throw wrong(file, Number(position), 'does not match its checksum');
  return { position, span, bytes: new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

function wrong(file: string, position: number, what: string) {
  return damaged(file, `the sealed block at position ${position} ${what}`, { position });
}

/**
 * Finds where the sealed part of the log ends; 0 when nothing is sealed. Checks the last block and that what
 * is not sealed begins behind it. Throws `BACKEND_DAMAGED`.
 */
export function readSealedEnd(connection: Connection, file: string): number {
  const row = connection
    .prepare<[], SealedRow>(`SELECT ${COLUMNS} FROM sealed ORDER BY position DESC LIMIT 1`)
    .get();
  if (row === undefined) return 0;
  const { position, span } = toBlock(row, file);
  const first = connection.prepare<[], number | null>('SELECT min(position) FROM segments').pluck().get();
  if (typeof first === 'number' && first < position + span) {
    throw damaged(file, `the segment at position ${first} lies before the end of what is sealed`, {
      position: first,
    });
  }
  return position + span - 1;
}

/** Reads sealed blocks, and keeps the last one unpacked, since pages are smaller than blocks. */
export class SealedRows {
  readonly #file: string;
  readonly #before;
  readonly #behind;
  readonly #row;
  #unpacked: { readonly position: number; readonly segments: readonly Segment[] } | undefined;

  /** `file` is the name used in messages. */
  constructor(connection: Connection, file: string) {
    this.#file = file;
    this.#before = connection.prepare<[number], { position: number; span: number }>(
      'SELECT position, span FROM sealed WHERE position <= ? ORDER BY position DESC LIMIT 1',
    );
    this.#behind = connection.prepare<[number], { position: number; span: number }>(
      'SELECT position, span FROM sealed WHERE position > ? ORDER BY position LIMIT 1',
    );
    this.#row = connection.prepare<[number], SealedRow>(`SELECT ${COLUMNS} FROM sealed WHERE position = ?`);
  }

  /**
   * Returns the segments of the first block that ends after a position, those before it left out; empty when
   * all is behind.
   */
  read(after: number): readonly Segment[] {
    const before = this.#before.get(after);
    const found = before !== undefined && before.position + before.span - 1 > after;
    const block = found ? before : this.#behind.get(after);
    if (block === undefined) return [];
    return this.#segmentsOf(block.position).filter(({ position, span }) => position + span - 1 > after);
  }

  #segmentsOf(position: number): readonly Segment[] {
    if (this.#unpacked?.position === position) return this.#unpacked.segments;
    const segments = this.#unpack(toBlock(this.#row.get(position) as SealedRow, this.#file));
    this.#unpacked = { position, segments };
    return segments;
  }

  #unpack(block: Block): readonly Segment[] {
    try {
      return unpackBlock(block);
    } catch (error) {
      if (!isTablecastError(error, 'OPERATION_INVALID')) throw error;
      throw wrong(this.#file, block.position, `cannot be unpacked: ${error.message}`);
    }
  }
}
