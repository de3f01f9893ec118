import type { NodeEvent } from '../../events.ts';
import type { RepairOutcome } from './repair.ts';
import type { Suspicion } from './suspicion.ts';

/** A table is not the same at a Zeek node, because something was lost on its way. */
export function missedEvent(suspicion: Suspicion): NodeEvent {
  const { node, attached, rowsHere, rowsAtZeek, lostFrames, lostChanges, found = 0 } = suspicion;
  const table = attached.name;
  const count = Math.max(Math.abs(rowsAtZeek - rowsHere), lostFrames, lostChanges, found);
  const lost = [
    lostFrames > 0 ? `${lostFrames} frames of changes from Zeek did not arrive` : '',
    found > 0 ? `${found} rows differ` : '',
    lostChanges > 0 ? `${lostChanges} changes did not arrive at Zeek` : '',
  ].filter((part) => part !== '');
  const why = lost.length === 0 ? '' : ` ${lost.join(', ')}.`;
  const message = `${table} has ${rowsHere} rows here and ${rowsAtZeek} at Zeek's ${node.id}: changes were lost on their way.${why} Zeek is asked for its rows.`;
  const details = { count, rowsHere, rowsAtZeek, lostFrames, lostChanges, zeekNode: node.id };
  return { code: 'zeek-missed', severity: 'warning', message, table, details };
}

/** Tells that what was lost is made good. */
export function restoredEvent({ node, attached }: Suspicion, outcome: RepairOutcome): NodeEvent {
  const { changed, removed, sent } = outcome;
  const table = attached.name;
  const message = `${table}: took over ${changed} rows that Zeek wrote and ${removed} that it removed, and sent ${sent} again that Zeek had not got.`;
  const details = { changed, removed, sent, tables: [table], zeekNode: node.id };
  return { code: 'zeek-caught-up', severity: 'info', message, table, details };
}
