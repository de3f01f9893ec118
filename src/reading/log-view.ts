import type { Observable } from 'rxjs';
import { TablecastError } from '../errors.ts';
import { stampToMs } from '../log/operations/hybrid-clock.ts';
import type { Environment } from '../environment.ts';
import type { KeyNames } from '../log/runs/key-names.ts';
import type { OperationLog } from '../log/keeping/operation-log.ts';
import type { AdoptedRecord, DecoderOf, LogReader, TableDecoder } from '../log/reading/operation-reader.ts';
import { followOperations } from '../log/reading/operation-follower.ts';
import {
  type OperationRange,
  type StreamSource,
  operationStream,
  readerOf,
} from '../log/reading/operation-stream.ts';
import type { Operation } from '../log/operations/operation.ts';
import type { Origins } from '../log/operations/origin.ts';
import type { CheckpointRows } from '../projection/checkpoints/checkpoint-format.ts';
import { decodeCheckpoint, keyTexts } from '../projection/checkpoints/checkpoint-reader.ts';
import type { Projection } from '../projection/projection.ts';
import type { Conflict } from '../projection/telling/change.ts';
import { replaySegment } from '../projection/replay/replay.ts';
import { scratchProjection } from '../projection/scratch.ts';
import type { Key, Schema, Value } from '../schema/index.ts';
import { SLICE_UNITS } from '../work/slices.ts';

/** Bounds how much of a store is folded before more of it is read. */
const PAGE_BYTES = 256 * 1024;

/** A segment costs so many units of a turn by itself and for each operation, and one for so many bytes. */
const SEGMENT_UNITS = 16;
const OPERATION_UNITS = 2;
const BYTES_PER_UNIT = 64;
/** Folding takes so many times as long as reading. */
const FOLDED = 3;

/** A moment of the log is a position, or a time in milliseconds since 1970. */
export interface Moment {
  readonly table: string;
  readonly position?: number | undefined;
  readonly time?: number | undefined;
}

/** The log is read here, replayed and live. */
export interface Log {
  /** Is the last position given out; 0 for an empty log. */
  readonly position: number;
  /**
   * Replays operations after a position, then goes on live; with `until`, it only replays. It gives each
   * operation once, in the order of this log, whatever is written meanwhile.
   */
  operations(range?: OperationRange): Observable<Operation>;
  /**
   * Reads the same at the reader's own pace, for `for await`: what a slow reader has not come to waits in the
   * log, and nowhere else. Ends when the node closes; fails with `LOG_TRIMMED` when the log no longer reaches
   * back to where the reader is. Throws `OPTION_INVALID` for what is no range.
   */
  follow(range?: OperationRange): AsyncIterableIterator<Operation, undefined>;
  /**
   * Gives the rows a table had once the operation at `position` was applied, or with `time` the effect of
   * everything written up to then by its authors' clocks. Rejects with `LOG_TRIMMED` when the log does not
   * reach back to the beginning.
   */
  stateAt(moment: Moment): Promise<ReadonlyMap<Key, Value>>;
}

/** The parts are what a log view reads. */
export interface LogViewParts {
  readonly environment: Environment;
  readonly log: OperationLog;
  readonly live: Observable<Operation>;
  readonly origins: Origins;
  readonly projections: ReadonlyMap<string, Projection>;
  /** Gives what key numbers stand for that were named before the log begins. */
  names(): KeyNames | undefined;
  /** Is called when a reader begins; returns what is called when that reader ends. */
  entered?(): () => void;
}

/** A node's log as users see it. */
export class LogView implements Log {
  readonly #parts: LogViewParts;
  /** Units that may still be read in this turn of the event loop, by all readers together. */
  #left = SLICE_UNITS;

  constructor(parts: LogViewParts) {
    this.#parts = parts;
  }

  get position(): number {
    return this.#parts.log.position;
  }

  operations(range: OperationRange = {}): Observable<Operation> {
    return operationStream(this.#source(), range);
  }

  follow(range: OperationRange = {}): AsyncIterableIterator<Operation, undefined> {
    return followOperations(this.#source(), range);
  }

  /**
   * Reads a range segment by segment, as fast as it is asked to.
   */
  reader(range: OperationRange): LogReader {
    this.#parts.log.seal();
    return readerOf(this.#source(), range);
  }

  /**
   * Gives others their turn of the event loop once so much was read that a turn has no room for more. Counted for all
   * readers together: many short ones, one after the other, take no more of a turn than one.
   */
  async #spend(bytes: number, operations: number, times = 1): Promise<void> {
    this.#left -= times * (SEGMENT_UNITS + operations * OPERATION_UNITS + bytes / BYTES_PER_UNIT);
    if (this.#left > 0) return;
    this.#left = SLICE_UNITS;
    await new Promise<void>((resolve) => this.#parts.environment.defer(resolve));
  }

  /**
   * Gives the newest conflicts, so many at most, that the log of a table tells up to a position, oldest first. Rejects
   * with `LOG_TRIMMED` when the log does not reach back to the beginning.
   */
  async conflicts(
    projection: Projection,
    { position, most }: { readonly position: number; readonly most: number },
  ): Promise<readonly Conflict[]> {
    let found: Conflict[] = [];
    await this.replay(projection, { position }, (scratch) => {
      scratch.reporter.conflicts.observable.subscribe((conflict) => {
        if (found.push(conflict) > 2 * most) found = found.slice(-most);
      });
    });
    return found.slice(-most);
  }

  #source(): StreamSource {
    const { log, live, projections } = this.#parts;
    return {
      log,
      live,
      decoderOf: decodersOf(this.#parts),
      names: () => this.#parts.names(),
      entered: () => this.#parts.entered?.() ?? (() => undefined),
      spend: (bytes, operations) => this.#spend(bytes, operations),
      storeOf: (table) => log.stores.get(projections.get(table)?.store ?? 'memory'),
      readableFrom: (position) => {
        const floors = Array.from(projections.values(), (projection) => readableFrom(projection, position));
        return Math.min(position, ...floors);
      },
    };
  }

  async stateAt(moment: Moment): Promise<ReadonlyMap<Key, Value>> {
    const { log, projections } = this.#parts;
    const projection = projections.get(moment.table);
    if (projection === undefined) {
      throw new TablecastError('OPTION_INVALID', `This node has no table ${JSON.stringify(moment.table)}.`, {
        hint: 'Declare it first, or name one of node.tables.',
        details: { table: moment.table },
      });
    }
    log.seal();
    const store = log.stores.get(projection.store);
    const isNow = moment.time === undefined && (moment.position ?? Infinity) >= (store?.appended ?? 0);
    // As they are now is known also when the log does not reach back.
    if (store !== undefined && store.trimmedTo > 0 && isNow) return rowsOf(projection);
    return rowsOf(await this.replay(projection, moment));
  }

  /**
   * Folds the log of a table up to a moment into a projection apart from the node, which is given to `begun`
   * before its first operation. Rejects with `LOG_TRIMMED` when the log does not reach back to the beginning.
   */
  async replay(
    projection: Projection,
    moment: Omit<Moment, 'table'>,
    begun: (scratch: Projection, origins: Origins) => void = () => undefined,
  ): Promise<Projection> {
    const { log } = this.#parts;
    log.seal();
    const { name } = projection.schema;
    const scratch = scratchProjection(projection.schema, ({ mode }) => projection.inForce.modeOf(mode));
    begun(scratch.projection, scratch.origins);
    const store = log.stores.get(projection.store);
    if (store === undefined) return scratch.projection;
    const bound = { position: moment.position ?? log.position, timeMs: moment.time ?? Infinity };
    const { projection: folded, origins } = scratch;
    const into = { projections: new Map([[name, folded]]), origins, telling: () => undefined };
    let cursor = 0;
    const end = Math.min(bound.position, store.appended);
    while (cursor < end) {
      const segments = await store.read(cursor, PAGE_BYTES);
      for (const { segment } of segments) {
        replaySegment(segment, into, bound);
        // What is in memory is read at once.
        await this.#spend(segment.bytes.length, segment.span, FOLDED);
      }
      const last = segments.at(-1)?.segment;
      cursor = last === undefined ? end : last.position + last.span - 1;
    }
    return scratch.projection;
  }
}

/** A table's rows as a Map of user forms. */
export function rowsOf({ rows }: Projection): ReadonlyMap<Key, Value> {
  return new Map(Array.from(rows.live(), (slot) => [rows.key(slot), rows.value(slot)] as const));
}

/** Decoders of all tables that are known. */
export function decodersOf({
  projections,
  origins,
}: Pick<LogViewParts, 'projections' | 'origins'>): DecoderOf {
  return (table) => {
    const projection = projections.get(table);
    return projection === undefined ? undefined : decoderFor(projection, origins);
  };
}

function decoderFor(projection: Projection, origins: Origins): TableDecoder {
  const { schema } = projection;
  return {
    column: schema.column,
    keyOf: (text) => schema.keyOf(text),
    valueOf: (cell) => schema.fromColumn(cell),
    currentKey: (origin, chapter, id) => {
      const index = origins.find(origin);
      const dictionary = index === undefined ? undefined : projection.held.dictionaries.get(index);
      if (dictionary?.chapter !== chapter || id >= dictionary.size) return undefined;
      return projection.rows.text(dictionary.slot(id));
    },
    readableFrom: (position) => readableFrom(projection, position),
    adopted: (chunks) => adoptedRecord(chunks, schema),
  };
}

/** Chapters that are over must be read from their beginning; the one that is open is in memory. */
function readableFrom(projection: Projection, position: number): number {
  let floor = position;
  for (const dictionary of projection.held.dictionaries.values()) {
    const active = dictionary.starts.findLast((start) => start.position <= position + 1);
    if (active === undefined || active.chapter === dictionary.chapter) continue;
    floor = Math.min(floor, active.readFrom - 1);
  }
  return floor;
}

function adoptedRecord(chunks: readonly Uint8Array[], schema: Schema): AdoptedRecord {
  const { header, rows, keys } = decodeCheckpoint(chunks, schema, true);
  const texts = rows.flatMap((part) => part.texts);
  return {
    operations: rows.flatMap((part) => part.texts.map((_, index) => adoptedOperation(part, index, schema))),
    dictionaries: header.dictionaries.map(({ origin, chapter }, index) => ({
      origin,
      chapter,
      keys: keyTexts(keys[index], texts),
    })),
  };
}

function adoptedOperation(
  part: CheckpointRows,
  index: number,
  schema: Schema,
): AdoptedRecord['operations'][number] {
  const cell = part.cells[index];
  return {
    origin: part.origins[part.originOf[index] as number] as string,
    sequence: part.sequences[index] as number,
    kind: part.removed ? 'delete' : 'set',
    key: schema.keyOf(part.texts[index] as string),
    value: cell === undefined || schema.isSet || part.removed ? undefined : schema.fromColumn(cell),
    time: stampToMs(part.stamps[index] as number),
  };
}
