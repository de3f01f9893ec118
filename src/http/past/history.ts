import { isTablecastError } from '../../errors.ts';
import type { Operation } from '../../log/operations/operation.ts';
import { operationsOfKey } from '../../log/reading/operations-of-key.ts';
import type { Change, Conflict } from '../../projection/telling/change.ts';
import type { HostedTable, HttpHost } from '../host.ts';
import { MAX_HISTORY } from '../limits.ts';

/** Describes what an operation did to the row of a key. */
export interface Effect {
  readonly change: Change | undefined;
  readonly conflict: Conflict | undefined;
}

/** Everything the log tells of one key. */
export interface History {
  readonly position: number;
  /** The newest operations of the key, the newest last. */
  readonly operations: readonly Operation[];
  /** By origin and sequence; undefined where the log does not reach back. */
  readonly effects: ReadonlyMap<string, Effect> | undefined;
  readonly complete: boolean;
}

/** The name of an operation within its table. */
export function dotOf({ origin, sequence }: Pick<Operation, 'origin' | 'sequence'>): string {
  return `${origin} ${sequence}`;
}

/** Reads the log of a table for one key, by its canonical text and up to a position, and folds it again to see what each operation did. */
export async function historyOf(
  host: HttpHost,
  hosted: HostedTable,
  { text, until: position }: { readonly text: string; readonly until: number },
): Promise<History> {
  const { schema } = hosted.projection;
  const found = await operationsOfKey(host.reader({ table: hosted.table.name }), {
    text,
    until: position,
    most: MAX_HISTORY,
    keyText: (key) => schema.keyText(key),
  });
  const effects = await effectsOf(host, hosted, { text, position });
  const complete = effects !== undefined && found.length <= MAX_HISTORY;
  return { position, operations: found.slice(-MAX_HISTORY), effects, complete };
}

/** Describes what each operation did to the row; undefined when the log does not reach back to the beginning. */
async function effectsOf(
  host: HttpHost,
  hosted: HostedTable,
  { text, position }: { readonly text: string; readonly position: number },
): Promise<ReadonlyMap<string, Effect> | undefined> {
  const effects = new Map<string, Effect>();
  const note = (operation: Operation, effect: Partial<Effect>): void => {
    const dot = dotOf(operation);
    const known = effects.get(dot) ?? { change: undefined, conflict: undefined };
    effects.set(dot, { ...known, ...effect });
    if (effects.size > MAX_HISTORY) effects.delete(effects.keys().next().value as string);
  };
  try {
    await host.replay(hosted, { position }, (scratch) => {
      const isOfKey = ({ key }: { readonly key: unknown }): boolean => scratch.schema.keyText(key) === text;
      scratch.reporter.changes.observable.subscribe((change) => {
        if (isOfKey(change)) note(change.operation, { change });
      });
      scratch.reporter.conflicts.observable.subscribe((conflict) => {
        if (isOfKey(conflict)) note(conflict.operation, { conflict });
      });
    });
    return effects;
  } catch (error) {
    if (isTablecastError(error, 'LOG_TRIMMED')) return undefined;
    throw error;
  }
}
