import * as v from 'valibot';
import { anObject } from '../options/an-object.ts';
import { checkedOptions } from '../options/checked-options.ts';
import { said } from '../options/words.ts';
import { TablecastError } from '../errors.ts';
import type { Awaited } from '../replication/reach/flushes.ts';

/** Bounds the wait of `flush` for peers unless it is told otherwise, in milliseconds. */
const DEFAULT_TIMEOUT_MS = 30_000;
/** Longest time that `flush` waits for peers, in milliseconds: timers take no longer one. */
const MAX_TIMEOUT_MS = 2_147_483_647;

/**
 * The options of `flush` say for whom it waits beside this node's own disk. A peer counts once it says that it holds
 * everything as durably as it keeps the tables: what it keeps in memory goes with its process.
 */
export interface FlushOptions {
  /** Waits for so many peers, any of those that are connected then. */
  readonly peers?: number | undefined;
  /** Waits for every peer that is configured or connected when it is called. */
  readonly everyone?: true | undefined;
  /** Bounds the wait for peers, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** Names the tables that peers have to hold; default every table in which this node has written. */
  readonly tables?: readonly string[] | undefined;
}

/** Counts who can come to hold anything. */
export interface ReachablePeers {
  /** Counts the configured peers. */
  readonly configured: number;
  /** Says whether others may connect as well. */
  readonly listens: boolean;
  /** Most peers at a time. */
  readonly most: number;
  /** Says whether this node has declared a table. */
  readonly has: (table: string) => boolean;
}

const whole = v.pipe(v.number(), v.integer(), v.minValue(1));
/** {@link FlushOptions} as far as their form goes. */
export const flushSchema = anObject({
  peers: v.optional(whole),
  everyone: v.optional(v.pipe(v.literal(true), said('true, or is left out', true))),
  timeoutMs: v.optional(
    v.pipe(
      whole,
      v.maxValue(MAX_TIMEOUT_MS),
      said(`a whole number of milliseconds from 1 to ${MAX_TIMEOUT_MS}`, 5000),
    ),
  ),
  tables: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), said('the name of a table', 'hosts'))),
      v.minLength(1),
      said('a list of names of tables', ['hosts']),
    ),
  ),
});

/** Checks whom a flush waits for; undefined for nobody. Throws `OPTION_INVALID`, also for more peers than there can be. */
export function checkFlush(
  options: FlushOptions | undefined,
  reachable: ReachablePeers,
): Awaited | undefined {
  if (options === undefined) return undefined;
  const checked = checkedOptions(flushSchema, options, { of: 'of flush' });
  const { peers, everyone, timeoutMs = DEFAULT_TIMEOUT_MS, tables } = checked;
  if (peers !== undefined && everyone)
    throw refused('everyone', 'is given beside peers', 'Leave one of them out.');
  if (peers !== undefined) requireReachable(peers, reachable);
  if (peers === undefined && everyone === undefined) {
    const alone = (['timeoutMs', 'tables'] as const).find((name) => options[name] !== undefined);
    if (alone === undefined) return undefined;
    const hint = `Say for whom to wait: flush({ peers: 2, ${alone} }).`;
    throw refused(alone, 'is given without peers', hint);
  }
  const unknown = tables?.find((name) => !reachable.has(name));
  if (unknown !== undefined) {
    const hint = 'Declare it before, or leave tables out to wait for all of them.';
    throw refused('tables', `names ${JSON.stringify(unknown)}, which this node has not declared`, hint);
  }
  return { peers: peers ?? 'everyone', timeoutMs, tables };
}

function requireReachable(peers: number, { configured, listens, most }: ReachablePeers): void {
  if (peers > most) {
    const hint = 'Wait for fewer, or raise limits.maxPeers.';
    throw refused('peers', `is ${peers}, and this node takes at most ${most} peers`, hint);
  }
  if (listens || peers <= configured) return;
  const hint = 'Wait for fewer, configure more peers, or let others connect: openNode({ listen }).';
  throw refused('peers', `is ${peers}, and this node knows ${configured} and does not listen`, hint);
}

function refused(option: string, problem: string, hint: string): TablecastError {
  const message = `Option ${option} of flush ${problem}.`;
  return new TablecastError('OPTION_INVALID', message, { hint, details: { option } });
}
