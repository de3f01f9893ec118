import type { Operation } from '../../log/operations/operation.ts';
import type { AttachedTable } from './attached-table.ts';
import type { ZeekHost } from '../host.ts';
import { ABSENT, type RowState, stateBehind } from './own-changes.ts';

/** States remembered of one key; more say that any state can be explained. */
const MAX_STATES = 16;

/** Says what a Zeek node can be expected to hold of a key if it heard some of the changes only. */
export interface KeyHistory {
  /** The states from the last one it certainly had to the present one; undefined when they are too many. */
  readonly states: readonly RowState[] | undefined;
}

/** The question is which states a Zeek node may be in. */
export interface HistoryQuestion {
  readonly keys: ReadonlySet<string>;
  /** Up to here it had everything; undefined if it began with nothing. */
  readonly agreedAt: number | undefined;
  /** Returns whether the node has certainly taken part in an operation: wrote it, or heard it. */
  hasHad(operation: Operation): boolean;
  /** Returns whether a write is one that Zeek could be told. */
  couldSend(operation: Operation): boolean;
}

/** Reads from the log what became of some keys; undefined if the log does not reach back. */
export function historyOf(
  host: ZeekHost,
  { name, projection }: AttachedTable,
  question: HistoryQuestion,
): Promise<ReadonlyMap<string, KeyHistory> | undefined> {
  const { keys, agreedAt = 0 } = question;
  const found = new Map<string, RowState[] | 'many'>();
  const enter = (keyText: string, state: RowState, isHad: boolean): void => {
    const states = isHad ? [] : (found.get(keyText) ?? [ABSENT]);
    if (states === 'many') return;
    found.set(keyText, states.length < MAX_STATES ? [...states, state] : 'many');
  };
  const take = (operation: Operation): void => {
    const { kind, key, position } = operation;
    const isHad = position <= agreedAt || question.hasHad(operation);
    if (kind === 'clear') for (const keyText of keys) enter(keyText, ABSENT, isHad);
    if (kind === 'clear' || kind === 'switch' || kind === 'touch') return;
    const keyText = projection.schema.keyText(key);
    if (!keys.has(keyText)) return;
    // What Zeek cannot take was never sent: it holds what it held before.
    if (kind === 'set' && !question.couldSend(operation)) return;
    const states = found.get(keyText);
    const before = states === 'many' ? undefined : states?.at(-1);
    if (kind === 'increment' && states === 'many') return;
    enter(keyText, stateBehind(operation, before) ?? ABSENT, isHad);
  };
  return new Promise((resolve) => {
    host.operations({ after: 0, until: host.position, table: name }).subscribe({
      next: take,
      error: () => resolve(undefined),
      complete: () => {
        const entries = Array.from(found, ([keyText, states]) => {
          return [keyText, { states: states === 'many' ? undefined : states }] as const;
        });
        resolve(new Map(entries));
      },
    });
  });
}
