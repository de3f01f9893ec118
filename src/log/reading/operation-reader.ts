import type { Segment } from '../backend.ts';
import { TablecastError, isTablecastError } from '../../errors.ts';
import type { Cell, ColumnType } from '../../schema/schema.ts';
import { stampToMs } from '../operations/hybrid-clock.ts';
import { KeyNames } from '../runs/key-names.ts';
import { CLEAR, INCREMENT, type Operation, SET, SWITCH, kindName } from '../operations/operation.ts';
import { type DecodedRun, decodeRun, readRunHeader } from '../runs/run.ts';
import { decodeSegment, placesOf } from '../runs/segment.ts';
import type { LoggedSegment, SegmentStore } from '../keeping/segment-store.ts';

/** Bounds how much of a store is read at a time. */
const PAGE_BYTES = 1024 * 1024;

/** A decoder is what the reader must know of a table to make operations of its runs. */
export interface TableDecoder {
  readonly column: ColumnType;
  keyOf(text: string): unknown;
  valueOf(cell: Cell): unknown;
  /** Text of a key number in the chapter that is open at present; undefined for any other chapter. */
  currentKey(origin: string, chapter: number, id: number): string | undefined;
  /**
   * Returns the last position at or before `position` from which an origin's runs can be read without what
   * came before.
   */
  readableFrom(position: number): number;
  /** Returns the operations that an adopted checkpoint stands for, and the keys its dictionaries name. */
  adopted(chunks: readonly Uint8Array[]): AdoptedRecord;
}

/** An adopted checkpoint, as the reader needs it. */
export interface AdoptedRecord {
  readonly operations: readonly Omit<Operation, 'position' | 'table'>[];
  readonly dictionaries: readonly {
    readonly origin: string;
    readonly chapter: number;
    readonly keys: readonly string[];
  }[];
}

/** One store, and how far it was read. */
interface Source {
  readonly store: SegmentStore;
  cursor: number;
  begun: boolean;
  segments: LoggedSegment[];
}

/**
 * Is told what was looked through, in bytes and operations, and resolves when more may be: what is in memory is read at
 * once, and others want their turn of the event loop.
 */
export type ReadingCost = (bytes: number, operations: number) => Promise<void>;

/** Finds the decoder of a table; undefined for a table that is not to be read. */
export type DecoderOf = (table: string) => TableDecoder | undefined;

/**
 * Turns stored segments back into operations, in ascending position, across both stores of a node.
 */
export class OperationReader {
  readonly #stores: readonly SegmentStore[];
  readonly #decoderOf: DecoderOf;
  readonly #tolerant: boolean;
  readonly #after: number;
  readonly #known: KeyNames;
  readonly #pending: Source[];
  readonly #spend: ReadingCost | undefined;

  /**
   * Reads from `from` on, to learn what numbers stand for, and returns the operations behind `after`.
   * With `tolerant`, begins at what is kept where the log no longer reaches back to `from`; `known` says
   * what numbers stand for that were named before it.
   */
  constructor(
    stores: Iterable<SegmentStore>,
    decoderOf: DecoderOf,
    begin: {
      readonly from: number;
      readonly after: number;
      readonly tolerant: boolean;
      readonly known?: KeyNames | undefined;
      readonly spend?: ReadingCost | undefined;
    },
  ) {
    const { from } = begin;
    this.#after = begin.after;
    this.#tolerant = begin.tolerant;
    this.#known = new KeyNames(begin.known);
    this.#stores = [...stores];
    this.#decoderOf = decoderOf;
    this.#spend = begin.spend;
    this.#pending = this.#stores.map((store) => ({ store, cursor: from, begun: false, segments: [] }));
  }

  /** Says whether everything appended so far has been returned. */
  get caughtUp(): boolean {
    return this.#pending.every(
      (source) => source.segments.length === 0 && source.cursor >= source.store.appended,
    );
  }

  /**
   * Returns the operations of the next segment, or of segments that overlap; undefined when there is none at
   * present.
   */
  async next(): Promise<Operation[] | undefined> {
    for (const source of this.#pending) {
      if (source.segments.length > 0 || source.cursor >= source.store.appended) continue;
      source.segments = await this.#read(source);
      const last = source.segments.at(-1)?.segment;
      source.cursor = last === undefined ? source.store.appended : last.position + last.span - 1;
    }
    const first = Math.min(
      ...this.#pending.map((source) => source.segments[0]?.segment.position ?? Infinity),
    );
    if (first === Infinity) return undefined;
    let bytes = 0;
    const operations: Operation[] = [];
    for (const source of this.#pending) {
      if (source.segments[0]?.segment.position !== first) continue;
      const logged = source.segments.shift() as LoggedSegment;
      bytes += logged.segment.bytes.length;
      operations.push(...this.#operationsOf(logged));
    }
    // Segments in which nothing is wanted cost as much as others.
    await this.#spend?.(bytes, operations.length);
    return operations.toSorted((one, other) => one.position - other.position);
  }

  async #read(source: Source): Promise<LoggedSegment[]> {
    const isFirst = !source.begun;
    source.begun = true;
    try {
      return [...(await source.store.read(source.cursor, PAGE_BYTES))];
    } catch (error) {
      const trimmedTo = isTablecastError(error, 'LOG_TRIMMED') ? error.details.trimmedTo : undefined;
      if (typeof trimmedTo !== 'number') throw error;
      // The trimmed part is at most the beginning of a chapter: it will show whether its keys are missed.
      // A reader that has begun must not be led past what was trimmed meanwhile.
      if (trimmedTo > this.#after && !(this.#tolerant && isFirst)) throw error;
      source.cursor = trimmedTo;
      return [...(await source.store.read(trimmedTo, PAGE_BYTES))];
    }
  }

  #operationsOf({ segment }: LoggedSegment): Operation[] {
    const content = decodeSegment(segment.bytes);
    if (content.kind === 'adoption') return this.#adopted(content.table, content.chunks, segment.position);
    const operations: Operation[] = [];
    const placed = placesOf(content.order, segment.position);
    let position = segment.position;
    for (const [index, bytes] of content.runs.entries()) {
      const places = placed?.[index];
      const { operations: found, count } = this.#decode(bytes, (applied, nth) => {
        return places === undefined ? position + nth : (places[nth - (applied - places.length)] ?? -1);
      });
      operations.push(...found);
      position += count;
    }
    return operations;
  }

  #adopted(table: string, chunks: readonly Uint8Array[], position: number): Operation[] {
    const decoder = this.#decoderOf(table);
    if (decoder === undefined) return [];
    const record = decoder.adopted(chunks);
    for (const { origin, chapter, keys } of record.dictionaries) {
      this.#known.add(table, origin, { chapter, first: 0, keys });
    }
    return record.operations.map((operation, index) => ({ ...operation, table, position: position + index }));
  }

  #decode(
    bytes: Uint8Array,
    placeOf: (count: number, index: number) => number,
  ): { operations: Operation[]; count: number } {
    const header = readRunHeader(bytes);
    const decoder = this.#decoderOf(header.table);
    if (decoder === undefined) return { operations: [], count: header.count };
    const run = decodeRun(bytes, decoder.column);
    const known = this.#known.learn(run);
    this.#known.forgetBefore(run);
    const cells = run.values.numbers ?? run.values.cells ?? [];
    const operations: Operation[] = [];
    let cellAt = 0;
    let addAt = 0;
    for (let index = 0; index < run.count; index++) {
      const kind = run.kinds?.[index] ?? SET;
      const by = kind === INCREMENT ? run.added[addAt++] : undefined;
      const cell = kind === SET && decoder.column !== 'none' ? (cells[cellAt++] as Cell) : undefined;
      const position = placeOf(run.count, index);
      // The meaning of its numbers may have been said before `from`.
      if (position <= this.#after) continue;
      operations.push({
        position,
        table: run.table,
        origin: run.origin,
        sequence: run.firstSequence + index,
        kind: kindName(kind),
        key:
          kind === CLEAR || kind === SWITCH
            ? undefined
            : decoder.keyOf(this.#text(run, known, decoder, run.ids[index] as number)),
        value: kind === SWITCH ? run.epoch?.mode : cell === undefined ? by : decoder.valueOf(cell),
        time: stampToMs(run.stamps?.[index] ?? run.firstStamp),
      });
    }
    return { operations, count: run.count };
  }

  #text(run: DecodedRun, known: readonly (string | undefined)[], decoder: TableDecoder, id: number): string {
    const text = known[id] ?? decoder.currentKey(run.origin, run.state.chapter, id);
    if (text !== undefined) return text;
    throw new TablecastError(
      'LOG_TRIMMED',
      `The key numbered ${id} of ${run.table} was named before the log begins.`,
      {
        hint: 'Replay from a later position, or from the beginning of what is kept.',
        details: { table: run.table, origin: run.origin, sequence: run.firstSequence },
      },
    );
  }
}

/** Reads a part of the log, some operations at a time; undefined when there are none at present. */
export type LogReader = Pick<OperationReader, 'next' | 'caughtUp'>;

/** Takes in what one segment names, without making operations of it. Throws `OPERATION_INVALID`. */
export function learnNames(segment: Segment, names: KeyNames, decoderOf: DecoderOf): void {
  const content = decodeSegment(segment.bytes);
  if (content.kind === 'adoption') {
    const record = decoderOf(content.table)?.adopted(content.chunks);
    for (const { origin, chapter, keys } of record?.dictionaries ?? [])
      names.add(content.table, origin, { chapter, first: 0, keys });
    return;
  }
  for (const bytes of content.runs) {
    const decoder = decoderOf(readRunHeader(bytes).table);
    if (decoder !== undefined) names.learn(decodeRun(bytes, decoder.column));
  }
}
