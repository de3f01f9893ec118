import { Observable } from 'rxjs/internal/Observable';
import { TablecastError } from '../../errors.ts';
import type { KeyNames } from '../runs/key-names.ts';
import type { OperationLog } from '../keeping/operation-log.ts';
import { type DecoderOf, OperationReader, type ReadingCost } from './operation-reader.ts';
import type { Operation } from '../operations/operation.ts';
import type { SegmentStore } from '../keeping/segment-store.ts';

/** A range says which operations to replay. */
export interface OperationRange {
  /** Keeps only operations at later positions; left out, everything from the beginning of what is kept. */
  readonly after?: number | undefined;
  /** Keeps only operations up to this position, and then the stream completes; by default it goes on live. */
  readonly until?: number | undefined;
  /** Keeps only operations of this table. */
  readonly table?: string | undefined;
}

/** A source is what the stream reads from. */
export interface StreamSource {
  readonly log: OperationLog;
  readonly live: Observable<Operation>;
  readonly decoderOf: DecoderOf;
  /** Returns the store that keeps a table; undefined for a table that is not known. */
  storeOf(table: string): SegmentStore | undefined;
  /**
   * Returns the last position at or before the given one from which replay can begin, to learn what numbers
   * stand for.
   */
  readableFrom(position: number): number;
  /** Gives what key numbers stand for that were named before the log begins; undefined when it was never trimmed. */
  names(): KeyNames | undefined;
  /** Is called when a reader begins; returns what is called when that reader ends. */
  entered(): () => void;
  /** Left out where nobody else waits for the event loop. */
  readonly spend?: ReadingCost;
}

/**
 * Replays a range of the log, then goes on live: each operation once, in the order of the log,
 * without a gap, whatever is written meanwhile. The stream fails with `LOG_TRIMMED` when the log
 * no longer reaches back to `after`, and completes when the node closes.
 */
export function operationStream(source: StreamSource, range: OperationRange): Observable<Operation> {
  return new Observable<Operation>((subscriber) => {
    const { log } = source;
    const refusal = refusalOf(range);
    if (refusal !== undefined) {
      subscriber.error(refusal);
      return;
    }
    subscriber.add(source.entered());
    const until = range.until ?? Infinity;
    let cursor = range.after ?? 0;
    const emit = (operation: Operation): void => {
      if (operation.position <= cursor || operation.position > until) return;
      cursor = operation.position;
      if (range.table === undefined || operation.table === range.table) subscriber.next(operation);
    };
    const replay = async (): Promise<void> => {
      const reader = readerOf(source, range);
      for (;;) {
        log.seal();
        const operations = await reader.next();
        if (subscriber.closed) return;
        for (const operation of operations ?? []) {
          emit(operation);
          if (subscriber.closed) return;
        }
        if (operations !== undefined && cursor < until) continue;
        // Operations written while this waited for the reader may be open still, or not read.
        const caughtUp = operations === undefined && reader.caughtUp && log.journal.empty;
        if (cursor >= until || (caughtUp && until <= log.position)) {
          subscriber.complete();
          return;
        }
        if (caughtUp) break;
      }
      cursor = Math.max(cursor, log.position);
      subscriber.add(
        source.live.subscribe({
          next: (operation) => {
            emit(operation);
            if (cursor >= until) subscriber.complete();
          },
          complete: () => subscriber.complete(),
        }),
      );
    };
    replay().catch((error: unknown) => subscriber.error(error));
  });
}

/** Says why something is no range of positions; undefined when it is one. */
export function refusalOf({ after, until }: OperationRange): TablecastError | undefined {
  const first = after ?? 0;
  if (Number.isSafeInteger(first) && first >= 0 && (until === undefined || until >= first)) return undefined;
  const found = `after: ${String(after)}, until: ${String(until)}`;
  return new TablecastError('OPTION_INVALID', `${found} is no range of positions.`, {
    hint: 'Positions are whole numbers from 0; `until` is not below `after`.',
  });
}

/** Reads a range from its beginning. */
export function readerOf(source: StreamSource, { after, table }: OperationRange): OperationReader {
  const decoderOf: DecoderOf = (name) => {
    return table === undefined || table === name ? source.decoderOf(name) : undefined;
  };
  return new OperationReader(storesOf(source, table), decoderOf, {
    from: source.readableFrom(after ?? 0),
    after: after ?? 0,
    tolerant: after === undefined,
    known: source.names(),
    spend: source.spend,
  });
}

function storesOf(source: StreamSource, table: string | undefined): Iterable<SegmentStore> {
  if (table === undefined) return source.log.stores.values();
  const store = source.storeOf(table);
  return store === undefined ? [] : [store];
}
