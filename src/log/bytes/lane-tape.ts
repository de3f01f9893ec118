import type { ByteReader, ByteWriter } from './bytes.ts';

/** Numbers of lanes; never renumber. Each run of `width` lanes holds the bytes of numbers of up to that width. */
export const LANE = {
  heads: 0,
  texts: 1,
  rest: 2,
  /** Key numbers, four bytes wide at most. */
  keys: 3,
  /** Values of eight bytes. */
  wide: 7,
  /** Values of up to four bytes. */
  narrow: 15,
  count: 19,
} as const;

/**
 * A tape is what a walk over a run reads from and writes to. The walk is the same in both directions: it
 * decides by what it has read so far where the next bytes belong.
 */
export interface Tape {
  byte(): number;
  varint(): number;
  /** Passes bytes on as they are. */
  pass(count: number): void;
  /** Bytes of a lane of their own. */
  lane(lane: number, count: number): void;
  /** `count` numbers of `width` bytes, in `width` lanes from `first` on. */
  planes(first: number, count: number, width: number): void;
}

/** From bytes to lanes. */
export class SplitTape implements Tape {
  readonly from: ByteReader;
  readonly #lanes: readonly ByteWriter[];
  readonly #heads: ByteWriter;

  constructor(from: ByteReader, lanes: readonly ByteWriter[]) {
    this.from = from;
    this.#lanes = lanes;
    this.#heads = lanes[LANE.heads] as ByteWriter;
  }

  byte(): number {
    const value = this.from.byte();
    this.#heads.byte(value);
    return value;
  }

  varint(): number {
    const start = this.from.at;
    const value = this.from.varint();
    // As they stand: a number may have been written with more bytes than it needs.
    this.#heads.raw(this.from.bytes.subarray(start, this.from.at));
    return value;
  }

  pass(count: number): void {
    this.#heads.raw(this.from.raw(count));
  }

  lane(lane: number, count: number): void {
    (this.#lanes[lane] as ByteWriter).raw(this.from.raw(count));
  }

  planes(first: number, count: number, width: number): void {
    const source = this.from.raw(count * width);
    const plane = new Uint8Array(count);
    for (let index = 0; index < width; index++) {
      for (let at = 0, from = index; at < count; at++, from += width) plane[at] = source[from] as number;
      (this.#lanes[first + index] as ByteWriter).raw(plane);
    }
  }
}

/** From lanes back to bytes. Reading beyond the end of a lane throws `OPERATION_INVALID`. */
export class JoinTape implements Tape {
  readonly heads: ByteReader;
  readonly #lanes: readonly ByteReader[];
  readonly #out: ByteWriter;

  constructor(lanes: readonly ByteReader[], out: ByteWriter) {
    this.#lanes = lanes;
    this.heads = lanes[LANE.heads] as ByteReader;
    this.#out = out;
  }

  byte(): number {
    const value = this.heads.byte();
    this.#out.byte(value);
    return value;
  }

  varint(): number {
    const start = this.heads.at;
    const value = this.heads.varint();
    this.#out.raw(this.heads.bytes.subarray(start, this.heads.at));
    return value;
  }

  pass(count: number): void {
    this.#out.raw(this.heads.raw(count));
  }

  lane(lane: number, count: number): void {
    this.#out.raw((this.#lanes[lane] as ByteReader).raw(count));
  }

  planes(first: number, count: number, width: number): void {
    const planes: Uint8Array[] = [];
    for (let index = 0; index < width; index++)
      planes.push((this.#lanes[first + index] as ByteReader).raw(count));
    const joined = new Uint8Array(count * width);
    for (const [index, plane] of planes.entries()) {
      for (let at = 0, to = index; at < count; at++, to += width) joined[to] = plane[at] as number;
    }
    this.#out.raw(joined);
  }
}
