import type { Segment } from '../../log/backend.ts';
import type { Connection } from './connection.ts';
import { segmentChecksum } from './format.ts';
import { SegmentPages } from './pages.ts';
import { type Block, MAX_BLOCK_BYTES, MAX_BLOCK_SEGMENTS } from './sealed-block.ts';

/** Bounds what one slice of a trim removes, so that commits do not wait long behind it. */
const SLICE_BLOCKS = 8;

/** An extent says where a segment or a block stands and how many bytes it has. */
export interface Extent {
  readonly position: number;
  readonly span: number;
  readonly size: number;
}

/** The sealed part of one database file, as the writing connection sees it. */
export class Sealing {
  readonly #pages: SegmentPages;
  readonly #blockBytes: number;
  readonly #oldest;
  readonly #insert;
  readonly #remove;
  readonly #blocks;
  readonly #removeBlocks;
  readonly #newest;
  readonly #newestBlocks;

  constructor(connection: Connection, options: { readonly file: string; readonly blockBytes: number }) {
    this.#blockBytes = options.blockBytes;
    this.#pages = new SegmentPages(connection, options.file);
    this.#oldest = connection.prepare<[number, number], Extent>(
      'SELECT position, span, length(bytes) AS size FROM segments WHERE position <= ? ORDER BY position LIMIT ?',
    );
    this.#insert = connection.prepare<[number, number, number, Uint8Array]>(
      'INSERT INTO sealed VALUES (?, ?, ?, ?)',
    );
    this.#remove = connection.prepare<[number, number]>(
      'DELETE FROM segments WHERE position BETWEEN ? AND ?',
    );
    this.#blocks = connection.prepare<[number], Extent>(
      'SELECT position, span, 0 AS size FROM sealed ORDER BY position LIMIT ?',
    );
    this.#removeBlocks = connection.prepare<[number]>('DELETE FROM sealed WHERE position <= ?');
    this.#newest = connection.prepare<[], Extent>(
      'SELECT position, span, length(bytes) AS size FROM segments ORDER BY position DESC',
    );
    this.#newestBlocks = connection.prepare<[], Extent>(
      'SELECT position, span, length(bytes) AS size FROM sealed ORDER BY position DESC',
    );
  }

  /**
   * Returns the oldest unsealed segments that lie wholly at or before a position; undefined when they are too
   * few for a block.
   */
  gather(position: number): readonly Segment[] | undefined {
    const extents = this.#oldest.all(position, MAX_BLOCK_SEGMENTS);
    let bytes = 0;
    let count = 0;
    for (const { position: at, span, size } of extents) {
      // A large one gets a block of its own.
      if (at + span - 1 > position || (count > 0 && bytes + size > MAX_BLOCK_BYTES)) break;
      bytes += size;
      count++;
      if (bytes >= this.#blockBytes) break;
    }
    const [first] = extents;
    const last = extents[count - 1];
    const isEnough = bytes >= this.#blockBytes || count === MAX_BLOCK_SEGMENTS;
    if (first === undefined || last === undefined || !isEnough) return undefined;
    return this.#pages.between(first.position, last.position);
  }

  /** Puts a block in the place of its segments; the caller has begun a transaction. Throws when they are not there any more. */
  replace({ position, span, bytes }: Block, count: number): void {
    this.#insert.run(position, span, segmentChecksum(position, span, bytes), bytes);
    const { changes } = this.#remove.run(position, position + span - 1);
    if (changes !== count)
      throw new Error(`${changes} segments are in the place of the ${count} that were sealed`);
  }

  /**
   * Returns the last of some blocks, from the oldest on, that end at or before a position, and whether there
   * are blocks at all.
   */
  trimmable(position: number): { readonly last: Extent | undefined; readonly any: boolean } {
    const blocks = this.#blocks.all(SLICE_BLOCKS);
    const last = blocks.findLast((block) => block.position + block.span - 1 <= position);
    return { last, any: blocks.length > 0 };
  }

  /** Removes a block and those before it; the caller has begun a transaction. */
  trim(block: Extent): void {
    this.#removeBlocks.run(block.position);
  }

  /** As `Backend.positionKeeping`. */
  positionKeeping(bytes: number): number {
    let kept = 0;
    for (const statement of [this.#newest, this.#newestBlocks]) {
      for (const { position, span, size } of statement.iterate()) {
        kept += size;
        if (kept > bytes) return position + span - 1;
      }
    }
    return 0;
  }
}
