import type { Grant } from '../../access/grant.ts';
import type { Environment } from '../../environment.ts';
import type { NodeEvent } from '../../events.ts';
import type { Slices } from '../../work/slices.ts';
import type { Closing, Connection } from '../../transport/transport.ts';
import type { Accounts } from './accounts.ts';
import type { IntakeLimits } from '../costs/intake.ts';
import type { Difference, Replica } from '../replica.ts';
import type { Requests } from '../requests.ts';
import type { PeerTables } from '../peers/peer-tables.ts';
import type { Turns } from '../../work/turns.ts';
import type { FarewellCause, HeldBackState, Hello } from '../wire/bodies.ts';

/** A farewell says why a peer that said hello is not let in. */
export interface Farewell {
  readonly code: 'duplicate' | 'refused';
  readonly reason: string;
  readonly cause?: FarewellCause;
}

/** The ground is what all sessions of a node stand on. */
export interface SessionGround {
  readonly replica: Replica;
  readonly requests: Requests;
  readonly environment: Environment;
  readonly intake: IntakeLimits;
  /** Does what takes long. */
  readonly slices: Slices;
  /** In which messages are handled. */
  readonly turns: Turns;
  readonly accounts: Accounts;
  readonly report: (event: NodeEvent) => void;
}

/** The parts are what a session needs of those it belongs to; parts of a session hand over none. */
export interface SessionParts<Session = unknown> extends SessionGround {
  /** Lists what of a table is held back that other peers brought. */
  heldBackBeside(taking: object, table: string): HeldBackState[];
  /** Answers what a peer may do; undefined while that depends on which node it says it is. */
  grantOf(connection: Connection, nodeId: string | undefined): Grant | undefined;
  /** Says why a visitor is not let in; undefined lets it in. */
  visited(session: Session, hello: Hello): Farewell | undefined;
  /** The peer said hello; undefined lets it in. */
  greeted(session: Session): Farewell | undefined;
  ended(session: Session, closing: Closing): void;
  /** Takes nothing from any peer until the returned function is called, once. */
  holdAll(): () => void;
  /** Runs a task now, or as soon as nothing holds all peers: what was prepared meanwhile must wait as well. */
  whenFree(task: () => void): void;
  /** Something a user may look at changed. */
  changed(): void;
  /** Is called when it is known of more or fewer tables than before that the peer's rows are here. */
  levelled(): void;
  /** Is called when other tables are shared with the peer than before, and with it what others need not send. */
  matched(session: Session): void;
  /** Returns whether there is a session with a node. */
  isPeer(this: void, nodeId: string): boolean;
  /** A table was compared with a node's, both holding the same operations. */
  compared(this: void, nodeId: string, table: string, differences: readonly Difference[]): void;
  /** Nothing more is known of a node behind a peer. */
  lostBehind(this: void, nodeId: string): void;
  /** A peer's switch of mode was made here. */
  switched(table: string): void;
  /** Returns whether a peer should be asked now for the switch that a table lacks; not every session asks. */
  mayAskForSwitch(table: string): boolean;
  /** Origins that come to this node from other peers than one, per origin the tables. */
  directBeside(tables: PeerTables): readonly (readonly [string, readonly string[]])[];
}
