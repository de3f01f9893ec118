import type { Origins } from '../../log/operations/origin.ts';
import type { Work } from '../../work/slices.ts';
import { type LeafSum, type RowDifference, TableDigest, stateName } from './digest.ts';
import type { WholeTable } from '../whole-table.ts';

/** Digests of so many tables are kept for the next question. */
const MAX_DIGESTS = 4;

/** Hashes of a table's rows in one state: see {@link TableDigest}. */
export interface Digests extends Pick<
  TableDigest,
  'state' | 'revision' | 'root' | 'buckets' | 'order' | 'leaves'
> {
  rows(leaves: readonly number[]): Iterable<Uint8Array>;
  differences(leaves: readonly LeafSum[], chunks: readonly Uint8Array[]): Work<RowDifference[] | undefined>;
}

/** The digests of a node's tables, as far as they were asked for of late. */
export class DigestCache {
  readonly #origins: Origins;
  readonly #kept = new Map<WholeTable, TableDigest>();
  /** Digests that are being made; a second caller goes on with the work of the first. */
  readonly #underWay = new Map<WholeTable, { readonly digest: TableDigest; readonly work: Work }>();

  constructor(origins: Origins) {
    this.#origins = origins;
  }

  /** Hashes of the rows as they are, made when they are not at hand; undefined when the rows changed meanwhile. */
  *of(projection: WholeTable): Work<Digests | undefined> {
    const origins = this.#origins;
    const state = stateName(projection, origins);
    const { revision } = projection;
    const { slots } = projection.rows;
    const isNow = (): boolean => stateName(projection, origins) === state && projection.revision === revision;
    // Slots are numbered anew when removed keys are forgotten, which is no change of state.
    const isOf = (digest: TableDigest | undefined): boolean =>
      digest?.state === state && digest.revision === revision && digest.numbered === slots;
    for (let begun = false; !isOf(this.#kept.get(projection)); begun = true) {
      let underWay = this.#underWay.get(projection);
      if (underWay === undefined || !isOf(underWay.digest)) {
        // The table changed, and somebody has begun anew.
        if (begun) return undefined;
        underWay?.work.return();
        const digest = new TableDigest(projection, state);
        underWay = { digest, work: digest.sum() };
        this.#underWay.set(projection, underWay);
      }
      const { done, value } = underWay.work.next();
      if (done !== true) {
        yield value;
        continue;
      }
      this.#underWay.delete(projection);
      if (!isNow() || projection.rows.slots !== slots) return undefined;
      this.#keep(projection, underWay.digest);
    }
    if (!isNow()) return undefined;
    const digest = this.#kept.get(projection) as TableDigest;
    this.#keep(projection, digest);
    return {
      state,
      revision,
      root: () => digest.root(),
      buckets: () => digest.buckets(),
      order: () => digest.order(),
      leaves: (bucket) => digest.leaves(bucket),
      rows: (leaves) => digest.rows(leaves, origins),
      differences: (leaves, chunks) => digest.differences(leaves, chunks, origins),
    };
  }

  #keep(projection: WholeTable, digest: TableDigest): void {
    this.#kept.delete(projection);
    this.#kept.set(projection, digest);
    if (this.#kept.size > MAX_DIGESTS) this.#kept.delete(this.#kept.keys().next().value as WholeTable);
  }
}
