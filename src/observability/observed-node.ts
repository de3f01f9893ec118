import type { Observable } from 'rxjs';
import type { NodeEvent } from '../events.ts';
import type { DialState, PeerState } from '../replication/peers/peer-state.ts';

/** One table, as an operator looks at it. */
export interface ObservedTable {
  readonly name: string;
  readonly rows: number;
  /** Operations ever held, written by this node and by others. */
  readonly localOperations: number;
  readonly remoteOperations: number;
  readonly synced: boolean;
  readonly divergedKeys: number;
  /** Counts what was lost between Zeek and the node and is not made good yet; 1 where the number is not known. */
  readonly missedAtZeek: number;
}

/** The durable store, as an operator looks at it. */
export interface ObservedDisk {
  /** The database file. */
  readonly file: string;
  /** Positions up to these were written, confirmed as durable, and trimmed. */
  readonly appended: number;
  readonly committed: number;
  readonly trimmedTo: number;
  /** Bytes written and not yet confirmed. */
  readonly waitingBytes: number;
  /** Code of the failure for which writes are refused at present. */
  readonly failure: string | undefined;
  /** Torn segments cut off when the node opened. */
  readonly tornSegments: number;
}

/** A node from outside: what health and metrics are made of. Nothing in it is content of a table. */
export interface ObservedNode {
  readonly id: string;
  readonly phase: 'recovering' | 'open' | 'closing';
  /** Says how long opening took, in seconds; undefined while it goes on. */
  readonly recoverySeconds: number | undefined;
  /** The last position given out. */
  readonly position: number;
  readonly events: Observable<NodeEvent>;
  tables(): readonly ObservedTable[];
  peers(): readonly PeerState[];
  /** Returns the configured peers. */
  dials(): readonly DialState[];
  /** Counts how many were turned away before there was a session, by the HTTP status that was the answer. */
  refusedConnections(): ReadonlyMap<string, number>;
  /** Undefined for a node without a directory. */
  disk(): ObservedDisk | undefined;
  /** Commits something small; resolves when the disk has confirmed it. */
  probe(): Promise<void>;
}
