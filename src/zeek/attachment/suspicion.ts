import type { AttachedTable } from './attached-table.ts';
import type { Moment, WatchedNode } from './watched-node.ts';

/** A suspicion says what is known to differ before the rows are compared. */
export interface Suspicion {
  readonly node: WatchedNode;
  readonly attached: AttachedTable;
  readonly rowsHere: number;
  readonly rowsAtZeek: number;
  /** Frames that Zeek published and this node never heard. */
  readonly lostFrames: number;
  /** Changes that this node sent and the Zeek node never heard. */
  readonly lostChanges: number;
  /** Up to this position of the log nothing that this node sent was lost; 0 if that is not known. */
  readonly arrivedUntil: number;
  readonly moment: Moment;
  /** Something is known to be lost; else the rows are compared only to be sure. */
  readonly isSuspect: boolean;
  /** Rows that were found to differ, when that is known already. */
  readonly found?: number | undefined;
}
