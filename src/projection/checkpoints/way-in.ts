import { malformed } from '../../log/bytes/bytes.ts';
import { epochOrder } from '../switching/switching.ts';
import type { WholeTable } from '../whole-table.ts';
import type { DecodedCheckpoint } from './checkpoint-reader.ts';

/**
 * Names the ways of a peer's checkpoint into a table; one of this node's own log is loaded, and needs no choice.
 *
 *     own log ─────────────────────────────► loadCheckpoint   put in place, nobody is told
 *     peer ─┬─ another switch than here ───► across-switch    one of the two goes over
 *           └─ the same ─┬─ a document ────► behind-document  documents merged, rows follow
 *                        └─ none ──────────► gradual          prepared in slices, takes effect at once
 */
export type WayIn = 'across-switch' | 'behind-document' | 'gradual';

/** Chooses the way of a peer's checkpoint into a table, as both are now. Throws `OPERATION_INVALID`. */
export function wayIn(table: WholeTable, { header, document }: DecodedCheckpoint): WayIn {
  if (epochOrder(table, header.epoch) !== 0) return 'across-switch';
  if (table.inForce.documents !== undefined) return 'behind-document';
  if (document.length > 0) throw malformed('a document for a table without one');
  return 'gradual';
}
