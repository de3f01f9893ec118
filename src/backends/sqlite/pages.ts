import type { Segment } from '../../log/backend.ts';
import { logTrimmed } from '../commit-rules.ts';
import type { Connection } from './connection.ts';
import { damaged } from './failure.ts';
import { segmentChecksum } from './format.ts';
import { SealedRows } from './sealed-rows.ts';

/** Rows one read looks at; an open iterator instead would keep the WAL from ever being reset. */
const PAGE_ROWS = 4096;

interface SegmentRow {
  readonly position: unknown;
  readonly span: unknown;
  readonly check: unknown;
  readonly bytes: unknown;
}

interface SizeRow {
  readonly position: number;
  readonly span: number;
  readonly size: number;
}

/** Returns whether a row of `segments` is whole: of the right types, with a matching checksum. */
function toSegment(row: SegmentRow): Segment | undefined {
  const { position, span, check, bytes } = row;
  if (typeof position !== 'number' || typeof span !== 'number' || !Buffer.isBuffer(bytes)) return undefined;
  if (position < 1 || span < 1 || !Number.isSafeInteger(position + span)) return undefined;
  if (segmentChecksum(position, span, bytes) !== check) return undefined;
  return { position, span, bytes: new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/** Returns the first segments that are no more bytes than asked for, but always one. */
function atMost(segments: readonly Segment[], maxBytes: number): readonly Segment[] {
  let bytes = 0;
  const end = segments.findIndex(({ bytes: { length } }, index) => (bytes += length) > maxBytes && index > 0);
  return end < 0 ? segments : segments.slice(0, end);
}

/** Reads pages of segments, each in one short transaction, and checks every one it returns. */
export class SegmentPages {
  readonly #file: string;
  readonly #readPage: (after: number, maxBytes: number) => readonly Segment[];
  /** Undefined for a file of format 1, which is read as it is. */
  readonly #sealed: SealedRows | undefined;
  readonly #rows;
  readonly #sizes;
  readonly #startOf;
  readonly #trimmedTo;

  /** `file` is the name used in messages. */
  constructor(connection: Connection, file: string) {
    this.#file = file;
    this.#rows = connection.prepare<[number, number], SegmentRow>(
      'SELECT position, span, "check", bytes FROM segments WHERE position BETWEEN ? AND ? ORDER BY position',
    );
    this.#sizes = connection.prepare<[number, number], SizeRow>(
      'SELECT position, span, length(bytes) AS size FROM segments WHERE position >= ? ORDER BY position LIMIT ?',
    );
    this.#startOf = connection.prepare<[number], { position: number; span: number }>(
      'SELECT position, span FROM segments WHERE position <= ? ORDER BY position DESC LIMIT 1',
    );
    this.#trimmedTo = connection.prepare<[], { value: number }>(
      "SELECT value FROM state WHERE name = 'trimmed_to'",
    );
    const version = Number(connection.pragma('user_version', { simple: true }));
    this.#sealed = version < 2 ? undefined : new SealedRows(connection, file);
    this.#readPage = connection.transaction((after: number, maxBytes: number) => this.#page(after, maxBytes));
  }

  /** As `Backend.read`. Throws `LOG_TRIMMED`, or `BACKEND_DAMAGED` with the position. */
  read(after: number, maxBytes: number): readonly Segment[] {
    return this.#readPage(after, maxBytes);
  }

  /**
   * Returns the unsealed segments that begin from one position to another. Throws `BACKEND_DAMAGED` with the
   * position.
   */
  between(first: number, last: number): Segment[] {
    return this.#rows.all(first, last).map((row) => this.#checked(row));
  }

  #page(after: number, maxBytes: number): readonly Segment[] {
    const trimmedTo = this.#trimmedTo.get()?.value ?? 0;
    if (after < trimmedTo) throw logTrimmed(after, trimmedTo);
    const sealed = this.#sealed?.read(after) ?? [];
    return sealed.length > 0 ? atMost(sealed, maxBytes) : this.#unsealed(after, maxBytes);
  }

  #unsealed(after: number, maxBytes: number): readonly Segment[] {
    const sizes = this.#sizes.all(this.#firstPosition(after), PAGE_ROWS);
    const [first] = sizes;
    if (first === undefined) return [];
    let last = first.position;
    let bytes = 0;
    for (const row of sizes) {
      bytes += row.size;
      if (bytes > maxBytes && row !== first) break;
      last = row.position;
    }
    return this.between(first.position, last);
  }

  /** Finds where the first segment begins that ends after `after`. */
  #firstPosition(after: number): number {
    const start = this.#startOf.get(after);
    return start !== undefined && start.position + start.span - 1 > after ? start.position : after + 1;
  }

  #checked(row: SegmentRow): Segment {
    const segment = toSegment(row);
    if (segment !== undefined) return segment;
    const position = Number(row.position);
    throw damaged(this.#file, `the segment at position ${position} does not match its checksum`, {
      position,
    });
  }
}

/** The tail is the end of the log, as it was found. */
export interface Tail {
  /** The end of the last segment, the torn one included; 0 when there is none. */
  readonly lastPosition: number;
  /** Says where the last segment begins if it is torn. */
  readonly tornAt: number | undefined;
}

/** Segments checked when a file is opened; older ones are checked when they are read. */
const TAIL_ROWS = 64;
const TAIL_BYTES = 4 * 1024 * 1024;

/** A span above this in a torn row is taken for damage rather than for a span. */
const MAX_PLAUSIBLE_SPAN = 2 ** 32;

function endOfTorn(row: SegmentRow): number {
  const { span } = row;
  const plausible =
    typeof span === 'number' && Number.isInteger(span) && span >= 1 && span <= MAX_PLAUSIBLE_SPAN;
  return Number(row.position) + (plausible ? span : 1) - 1;
}

/**
 * Checks the last page of segments. The very last one may be torn: that is reported. Throws
 * `BACKEND_DAMAGED` with the position when one before it is wrong.
 */
export function readTail(connection: Connection, file: string): Tail {
  const sizes = connection
    .prepare<[number], SizeRow>(
      'SELECT position, length(bytes) AS size FROM segments ORDER BY position DESC LIMIT ?',
    )
    .all(TAIL_ROWS);
  let bytes = 0;
  const checked = sizes.filter((row) => (bytes += row.size) <= TAIL_BYTES || row === sizes[0]);
  const one = connection.prepare<[number], SegmentRow>(
    'SELECT position, span, "check", bytes FROM segments WHERE position = ?',
  );
  let tail: Tail = { lastPosition: 0, tornAt: undefined };
  for (const { position } of checked) {
    const row = one.get(position) as SegmentRow;
    const segment = toSegment(row);
    const isLast = position === sizes[0]?.position;
    if (segment === undefined && !isLast) {
      throw damaged(file, `the segment at position ${position} does not match its checksum`, { position });
    }
    if (!isLast) continue;
    if (segment === undefined) tail = { lastPosition: endOfTorn(row), tornAt: position };
    else tail = { lastPosition: position + segment.span - 1, tornAt: undefined };
  }
  return tail;
}
