import { setImmediate as turn } from 'node:timers/promises';
import { isTablecastError } from '../../errors.ts';
import type { SegmentStore } from '../../log/keeping/segment-store.ts';
import { stampToMs } from '../../log/operations/hybrid-clock.ts';
import { RunColumns, openRun, readRun } from '../../log/runs/run.ts';
import { decodeSegment } from '../../log/runs/segment.ts';
import type { HttpHost } from '../host.ts';
import { MAX_COUNTED, MAX_SERIES } from '../limits.ts';

/** Says how much of a store is counted in one turn of the event loop. */
const PAGE_BYTES = 64 * 1024;

/** So many operations of one author in one table, at one place of the log and about one time. */
interface Counted {
  readonly position: number;
  /** The last position of what is counted. */
  last: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly series: number;
  count: number;
}

/** Operations of an author in a table. */
export interface Series {
  readonly table: string;
  readonly origin: string;
}

const COLUMNS = new RunColumns();

/** Counts what stands in the log, run by run; reads on from where it was when it is asked again. */
export class Census {
  readonly #host: HttpHost;
  readonly #numbers = new Map<string, number>();
  readonly #read = new Map<SegmentStore, number>();
  #counted: Counted[] = [];
  /** Stretches of so many positions are counted together, once there are many. */
  #grain = 1;
  #reading: Promise<void> | undefined;
  readonly series: Series[] = [];

  constructor(host: HttpHost) {
    this.#host = host;
  }

  /** Describes what is counted, in ascending position within each store. */
  get counted(): readonly Counted[] {
    return this.#counted;
  }

  /** The last position at which something of a table stands that was written up to a time, by its author's clock. */
  positionAt(table: string, time: number): number {
    let position = 0;
    for (const one of this.#counted)
      if (one.time <= time && this.series[one.series]?.table === table)
        position = Math.max(position, one.last);
    return position;
  }

  /** Counts what came since; one reading at a time serves all who ask meanwhile. */
  async update(): Promise<void> {
    this.#reading ??= this.#update().finally(() => (this.#reading = undefined));
    await this.#reading;
  }

  async #update(): Promise<void> {
    this.#host.seal();
    for (const store of this.#host.stores()) {
      while ((this.#read.get(store) ?? 0) < store.appended) {
        await this.#readPage(store);
        // What memory holds is read without a turn.
        await turn();
      }
    }
    const first = Math.min(...Array.from(this.#host.stores(), ({ trimmedTo }) => trimmedTo));
    if ((this.#counted[0]?.position ?? Infinity) <= first)
      this.#counted = this.#counted.filter(({ position }) => position > first);
  }

  async #readPage(store: SegmentStore): Promise<void> {
    const after = this.#read.get(store) ?? 0;
    try {
      const segments = await store.read(after, PAGE_BYTES);
      for (const { segment } of segments) this.#take(segment.bytes, segment);
      const last = segments.at(-1)?.segment;
      this.#read.set(store, last === undefined ? store.appended : last.position + last.span - 1);
    } catch (error) {
      if (!isTablecastError(error, 'LOG_TRIMMED')) throw error;
      this.#read.set(store, Math.max(after + 1, store.trimmedTo));
    }
  }

  #take(bytes: Uint8Array, { position, span }: { readonly position: number; readonly span: number }): void {
    const content = decodeSegment(bytes);
    // Rows that came with a checkpoint are no operations of this log.
    if (content.kind === 'adoption') return;
    for (const run of content.runs.map((one) => openRun(one))) {
      const { table, origin, count } = run.header;
      const hosted = this.#host.table(table);
      if (hosted === undefined) continue;
      const { firstStamp } = readRun(run, hosted.projection.schema.column, COLUMNS);
      const series = this.#seriesOf(table, origin);
      this.#counted.push({ position, last: position + span - 1, time: stampToMs(firstStamp), series, count });
    }
    if (this.#counted.length > MAX_COUNTED) this.#coarsen();
  }

  #seriesOf(table: string, origin: string): number {
    const name = `${table} ${origin}`;
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.series.length < MAX_SERIES) {
      this.#numbers.set(name, this.series.length);
      return this.series.push({ table, origin }) - 1;
    }
    return this.#numbers.get(`${table} `) ?? this.#beyond(table);
  }

  /** Authors beyond the bound stand together, one line a table. */
  #beyond(table: string): number {
    this.#numbers.set(`${table} `, this.series.length);
    return this.series.push({ table, origin: 'others' }) - 1;
  }

  #coarsen(): void {
    while (this.#counted.length > MAX_COUNTED / 2 && this.#grain < Number.MAX_SAFE_INTEGER / 4) {
      this.#grain = Math.max(2 * this.#grain, 2);
      const together = new Map<string, Counted>();
      for (const one of this.#counted) {
        const place = `${Math.floor(one.position / this.#grain)} ${one.series}`;
        const known = together.get(place);
        if (known === undefined) together.set(place, { ...one });
        else {
          known.count += one.count;
          known.last = Math.max(known.last, one.last);
        }
      }
      this.#counted = [...together.values()];
    }
  }
}
