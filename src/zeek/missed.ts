import type { Subscription } from 'rxjs';
import type { Operation } from '../log/operation.ts';
import type { AttachedTable } from './attached-table.ts';
import type { ZeekHost } from './host.ts';

/** Beyond so many rows the table goes whole. */
const MAX_KEYS = 65_536;

/** Which rows of a table changed while Zeek was not told. */
export interface MissedRange {
  /** Zeek was told of everything up to here. */
  readonly position: number;
  /** Whether an operation came from Zeek. */
  isTheirs(origin: string): boolean;
  /** Called once: the keys, or that they cannot be named. */
  found(keys: Iterable<unknown> | 'all'): void;
}

/** Reads from the log which rows changed after a position, without a word if the node closes meanwhile. */
export function missedSince(
  host: ZeekHost,
  { name, projection }: AttachedTable,
  range: MissedRange,
): Subscription {
  const keys = new Map<string, unknown>();
  let all = false;
  const until = Math.max(host.position, range.position);
  return host.operations({ after: range.position, until, table: name }).subscribe({
    next: ({ kind, key, origin }: Operation) => {
      if (range.isTheirs(origin)) return;
      if (kind === 'clear' || keys.size >= MAX_KEYS) all = true;
      else keys.set(projection.schema.keyText(key), key);
    },
    error: () => range.found('all'),
    complete: () => range.found(all ? 'all' : keys.values()),
  });
}
