import { ByteReader, ByteWriter, malformed } from '../bytes/bytes.ts';
import { MAX_TABLE_NAME_BYTES } from './run.ts';
import type { Work } from '../../work/slices.ts';

const OPERATIONS = 1;
const ADOPTION = 2;

/** Bytes that are copied in a unit of work. */
const COPIED_PER_UNIT = 2048;

/** Most runs in one segment or frame. */
const MAX_RUNS = 65_536;

/** A stretch says which run the next `count` positions of a segment belong to; -1 when they are kept elsewhere. */
export interface Stretch {
  readonly run: number;
  readonly count: number;
}

/** A segment of ordinary operations: its runs, and the order in which their operations happened here. */
export interface OperationsSegment {
  readonly kind: 'operations';
  readonly runs: readonly Uint8Array[];
  /** Undefined when the runs simply follow one another. */
  readonly order: readonly Stretch[] | undefined;
}

/** A segment that records that a checkpoint of another node was taken over. */
export interface AdoptionSegment {
  readonly kind: 'adoption';
  readonly table: string;
  readonly chunks: readonly Uint8Array[];
}

export type SegmentContent = OperationsSegment | AdoptionSegment;

/** Writes runs one after the other, each behind its length. */
export function writeRuns(writer: ByteWriter, runs: readonly Uint8Array[]): void {
  writer.varint(runs.length);
  for (const run of runs) {
    writer.varint(run.length);
    writer.raw(run);
  }
}

/** Reads what {@link writeRuns} wrote. Throws `OPERATION_INVALID`. */
export function readRuns(reader: ByteReader, most: number = MAX_RUNS): Uint8Array[] {
  const count = reader.count('runs', most, 2);
  const runs: Uint8Array[] = [];
  for (let index = 0; index < count; index++)
    runs.push(reader.raw(reader.count('bytes of a run', reader.remaining)));
  return runs;
}

export function encodeSegment(content: SegmentContent): Uint8Array {
  const parts = content.kind === 'adoption' ? content.chunks : content.runs;
  const orders = content.kind === 'adoption' ? 0 : (content.order?.length ?? 0);
  const size = parts.reduce((sum, part) => sum + part.length + 4, 0);
  const writer = new ByteWriter(size + 6 * orders + 16);
  if (content.kind === 'adoption') {
    writer.byte(ADOPTION);
    writer.text(content.table);
    writeRuns(writer, content.chunks);
  } else {
    writer.byte(OPERATIONS);
    writer.varint(content.order?.length ?? 0);
    for (const stretch of content.order ?? []) {
      writer.varint(stretch.run + 1);
      writer.varint(stretch.count);
    }
    writeRuns(writer, content.runs);
  }
  return writer.finish();
}

/** Returns the bytes of a segment that records an adoption, in steps. */
export function* encodeAdoption(table: string, chunks: readonly Uint8Array[]): Work<Uint8Array> {
  const writer = new ByteWriter(chunks.reduce((sum, chunk) => sum + chunk.length + 5, 256));
  writer.byte(ADOPTION);
  writer.text(table);
  writer.varint(chunks.length);
  for (const chunk of chunks) {
    writer.varint(chunk.length);
    writer.raw(chunk);
    yield 1 + Math.ceil(chunk.length / COPIED_PER_UNIT);
  }
  return writer.finish();
}

/** Unpacks a segment as far as its runs. Throws `OPERATION_INVALID`. */
export function decodeSegment(bytes: Uint8Array): SegmentContent {
  const reader = new ByteReader(bytes);
  const kind = reader.byte();
  if (kind === ADOPTION) {
    return { kind: 'adoption', table: reader.text(MAX_TABLE_NAME_BYTES), chunks: readRuns(reader) };
  }
  if (kind !== OPERATIONS) throw malformed(`a segment of kind ${kind}`);
  const stretches = reader.count('stretches', reader.remaining);
  const order: Stretch[] = [];
  for (let index = 0; index < stretches; index++)
    order.push({ run: reader.varint() - 1, count: reader.varint() });
  return { kind: 'operations', runs: readRuns(reader), order: stretches === 0 ? undefined : order };
}

/** Returns the positions of the operations of each run that an order gives a place. */
export function placesOf(order: readonly Stretch[] | undefined, first: number): number[][] | undefined {
  if (order === undefined) return undefined;
  const places: number[][] = [];
  let position = first;
  for (const { run, count } of order) {
    if (run >= 0) {
      const list = (places[run] ??= []);
      for (let index = 0; index < count; index++) list.push(position + index);
    }
    position += count;
  }
  return places;
}
