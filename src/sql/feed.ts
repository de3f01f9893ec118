import type { Environment } from '../environment.ts';
import type { OperationLog } from '../log/keeping/operation-log.ts';
import type { Origins } from '../log/operations/origin.ts';
import type { LoggedSegment, SegmentStore } from '../log/keeping/segment-store.ts';
import { checkpointChunks } from '../projection/checkpoints/checkpoint-writer.ts';
import type { Projection } from '../projection/projection.ts';
import type { Basis, Batch, FedSegment } from './messages.ts';
import type { Standing } from './target.ts';

/** The bytes of the log that are handed over at a time. */
const BATCH_BYTES = 1024 * 1024;
/** Pause before rows are copied again that a switch of mode went through. */
const AGAIN_MS = 50;

/** The parts that a feed reads. */
export interface FeedParts {
  readonly environment: Environment;
  readonly log: OperationLog;
  readonly store: SegmentStore;
  readonly origins: Origins;
  /** The tables of the projection, all kept in that store. */
  readonly projections: ReadonlyMap<string, Projection>;
  /** The life that positions are counted in at present. */
  life(): string;
  /** Nothing behind this position is read; left out, all there is. */
  readonly upTo?: ((this: void) => number) | undefined;
}

/** One node's log, as far as a projection needs it; only what the node would tell its peers. */
export class Feed {
  readonly #parts: FeedParts;

  constructor(parts: FeedParts) {
    this.#parts = parts;
  }

  /** From where to begin. With a history from where it ends, as long as the log goes back to its beginning; else from the rows there are. */
  async basis(standings: readonly (Standing | undefined)[], history: boolean): Promise<Basis> {
    const { store } = this.#parts;
    const source = this.#parts.life();
    const isKnown = standings.every(
      (standing) => standing === undefined || (standing.source === source && standing.position <= store.told),
    );
    if (!history || store.trimmedTo > 0 || !isKnown) return this.#present();
    return { kind: 'log', after: 0, exactFrom: store.told, source, checkpoints: [] };
  }

  /** The rows as they are. They are copied in slices: what was written meanwhile is in the log behind `after`. */
  async #present(): Promise<Basis> {
    const { log, store, projections, origins, environment } = this.#parts;
    log.seal();
    const after = store.appended;
    const checkpoints: { table: string; chunks: Uint8Array[] }[] = [];
    for (const [table, projection] of projections) {
      for (;;) {
        const chunks = await copied(projection, origins, environment);
        if (chunks !== undefined) {
          checkpoints.push({ table, chunks });
          break;
        }
        await new Promise<void>((resolve) => environment.schedule(AGAIN_MS, resolve));
      }
    }
    log.seal();
    const exactFrom = store.appended;
    await log.flush([store.name]);
    return { kind: 'checkpoint', after, exactFrom, source: this.#parts.life(), checkpoints };
  }

  /** Reads behind a position; gives a batch without segments when nothing is there at present. Rejects with `LOG_TRIMMED`. */
  async read(after: number): Promise<Batch> {
    const { store, log } = this.#parts;
    const source = this.#parts.life();
    const { upTo: gate = () => Infinity } = this.#parts;
    let cursor = after;
    while (cursor < Math.min(store.told, gate())) {
      const told = Math.min(store.told, gate());
      const found = (await store.read(cursor, BATCH_BYTES)).filter((logged) => endOf(logged) <= told);
      const last = found.at(-1);
      cursor = last === undefined ? told : endOf(last);
      const segments = found.filter((logged) => this.#concerns(logged)).map(fed);
      if (segments.length > 0)
        return { segments, upTo: cursor, more: cursor < Math.min(store.told, gate()), source };
    }
    const isAll = store.appended <= cursor && log.journal.empty;
    return { segments: [], upTo: isAll ? Math.max(cursor, log.position) : cursor, more: false, source };
  }

  #concerns({ runs, adopted }: LoggedSegment): boolean {
    const { projections } = this.#parts;
    return (
      (adopted !== undefined && projections.has(adopted)) || runs.some(({ table }) => projections.has(table))
    );
  }
}

function endOf({ segment }: LoggedSegment): number {
  return segment.position + segment.span - 1;
}

/** Bytes of its own, which can be handed to another thread. */
function fed({ segment, adopted }: LoggedSegment): FedSegment {
  const { position, span, bytes } = segment;
  return { position, span, bytes: bytes.slice(), adopted };
}

/** The checkpoint of a table; undefined when it went through a switch of mode meanwhile, or has yet to write again what one passed over. */
async function copied(
  projection: Projection,
  origins: Origins,
  environment: Environment,
): Promise<Uint8Array[] | undefined> {
  const { epoch } = projection.inForce;
  if (projection.inForce.orphans.size > 0) return undefined;
  const chunks: Uint8Array[] = [];
  const release = projection.keepSlots();
  try {
    for (const chunk of checkpointChunks(projection, origins)) {
      // A copy, which can be handed to another thread.
      chunks.push(chunk.slice());
      await new Promise<void>((resolve) => environment.defer(resolve));
    }
  } finally {
    release();
  }
  return projection.inForce.epoch === epoch ? chunks : undefined;
}
