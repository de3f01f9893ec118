import type { Recovery } from '../log/backend.ts';
import type { TablecastError } from '../errors.ts';
import type { NodeEvent } from '../events.ts';

/** Lists what an operator is told of what opening a database found. */
export function recoveryEvents({ tornSegments, setAside }: Recovery): readonly NodeEvent[] {
  const events: NodeEvent[] = [];
  if (tornSegments > 0) {
    const message = `${tornSegments} torn segments at the end of the log were cut off; peers still have what was sent.`;
    events.push({ code: 'log-torn', severity: 'warning', message, details: { tornSegments } });
  }
  if (setAside !== undefined) {
    const message = `The database was damaged and was moved to ${setAside}.`;
    events.push({ code: 'backend-set-aside', severity: 'warning', message, details: { setAside } });
  }
  return events;
}

/** Tells that a node goes on under a new epoch; `copiedAt` when that is because its database is a backup of then. */
export function epochEvent(epoch: number, copiedAt?: number): NodeEvent {
  const message =
    copiedAt === undefined
      ? 'This node may have lost writes that peers have: it goes on under a new epoch.'
      : `The database is a backup of ${new Date(copiedAt).toISOString()}: this node goes on under a new epoch, and takes back from its peers what it wrote since.`;
  return { code: 'epoch-began', severity: 'warning', message, details: { epoch, copiedAt } };
}

/** Tells that a store takes no writes; `retrying` while it tries again by itself. */
export function storeFailed(store: string, error: TablecastError, retrying: boolean): NodeEvent {
  const then = retrying
    ? 'Writes are refused until it works again.'
    : 'Writes are refused until the node is restarted.';
  return {
    code: 'backend-failed',
    severity: 'error',
    message: `${error.message} ${then}`,
    details: { store, code: error.code, hint: error.hint },
  };
}

/** Tells that a store takes writes again. */
export function storeRecovered(store: string): NodeEvent {
  const message = 'Writes are accepted again.';
  return { code: 'backend-recovered', severity: 'info', message, details: { store } };
}
