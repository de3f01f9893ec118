import type { Origins } from '../../log/operations/origin.ts';
import type { Operation } from '../../log/operations/operation.ts';
import type { Projection } from '../../projection/projection.ts';
import type { Conflict } from '../../projection/telling/change.ts';

/** A node's log, read and replayed. */
export interface ReadPast {
  /** Reads behind a position, or from where the log begins. */
  reader(range: { readonly after?: number | undefined }): {
    next(): Promise<readonly Operation[] | undefined>;
  };
  /** Gives the newest conflicts, so many at most, that the log of a table tells. Rejects with `LOG_TRIMMED`. */
  conflicts(
    projection: Projection,
    range: { readonly position: number; readonly most: number },
  ): Promise<readonly Conflict[]>;
  /** Folds the log of a table up to a moment, into a projection that `begun` is given first. Rejects with `LOG_TRIMMED`. */
  replay(
    projection: Projection,
    moment: { readonly position?: number | undefined; readonly time?: number | undefined },
    begun?: (scratch: Projection, origins: Origins) => void,
  ): Promise<Projection>;
}

/** A connection with a peer, as queries show it. */
export interface PeerFacts {
  readonly nodeId: string | undefined;
  readonly address: string;
  readonly direction: string;
  readonly state: string;
  readonly since: number;
  readonly reason: string | undefined;
  readonly sentOperations: number;
  readonly receivedOperations: number;
  readonly lagOperations: number;
  readonly durableOperations: number | undefined;
  readonly roundTripMs: number | undefined;
  readonly clockOffsetMs: number | undefined;
}

/** A row as one of two nodes has it. */
interface DivergedSide {
  readonly value: unknown;
  readonly origin: string;
  readonly sequence: number;
}

/** A key on which a peer differs. */
export interface DivergedFacts {
  readonly key: unknown;
  readonly peer: string;
  readonly here: DivergedSide | undefined;
  readonly there: DivergedSide | undefined;
}

/** The standing of a node among its peers, at this moment. */
export interface AmongPeers {
  peers(): readonly PeerFacts[];
  divergence(table: string): readonly DivergedFacts[];
}
