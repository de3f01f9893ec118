import type { NodeEvent } from '../events.ts';
import type { Backend } from '../log/backend.ts';
import type { ConflictMode } from '../modes/conflict-mode.ts';
import type { LogView } from '../reading/log-view.ts';
import type { ObservedNode } from '../observability/observed-node.ts';
import type { Replicator } from '../replication/replicator.ts';
import type { Projections } from '../sql/projecting.ts';
import type { WebSocketOptions } from '../transport/websocket/options.ts';
import type { Transport } from '../transport/transport.ts';
import type { RenewableTransport } from '../transport/websocket/websocket.ts';
import type { HttpHostParts } from './hosts/http-host.ts';
import type { ZeekHostParts } from './hosts/local-zeek-host.ts';
import type { NodeWatch, WatchedParts } from './hosts/node-watch.ts';
import type { CarriedParts } from './carried.ts';
import type { NodeHttp } from './node-http.ts';
import type { NodeOptions } from './options.ts';
import type { ZeekClusters } from './zeek-clusters.ts';

/** Names the member under which a node keeps what is seen of it; it is no part of the node's interface. */
export const OBSERVED: unique symbol = Symbol('observed');

/** Gathers what all those who see a node from outside are made with. */
export interface Shared
  extends Omit<WatchedParts, 'zeek'>, ZeekHostParts, Omit<HttpHostParts, 'observed' | 'operated' | 'query'> {
  readonly view: LogView;
  readonly replicator: Replicator;
}

/** The members of a class that others see. */
type Face<T> = Pick<T, keyof T>;

/** Around a node stand those who see it from outside, whether they are asked for or not. */
export interface Around {
  readonly zeek: Face<ZeekClusters>;
  readonly sql: Face<Projections>;
  readonly watch: Pick<NodeWatch, 'address' | 'tornSegments' | 'listen' | 'opened' | 'closing' | 'close'>;
  readonly http: Face<NodeHttp>;
  /** Shows it to health and metrics; undefined where there are none. */
  readonly observed: ObservedNode | undefined;
}

/** The outside of a node differs from platform to platform: Node.js has all of it, a page little. */
export interface Outside {
  /** Throws `OPTION_INVALID` for what the platform does not have. */
  check(this: void, options: NodeOptions): void;
  /** Returns the mode a declaration asks for. Throws `DECLARATION_INVALID` for one that is not here. */
  modeOf(this: void, declared: { readonly name: string; readonly mode: string }): ConflictMode;
  /** Returns the backend that options ask for by `directory`; undefined without one. */
  durable(this: void, options: NodeOptions): Backend | undefined;
  /** Makes what dials `ws://` and `wss://`, and listens where options say so. */
  webSocket(
    this: void,
    options: NodeOptions,
    told: Pick<WebSocketOptions, 'onWarning' | 'onRefused'>,
  ): RenewableTransport;
  /** Makes what accepts connections over the Unix domain socket that options name; undefined where they name none. */
  socket(
    this: void,
    options: NodeOptions,
    told: Pick<WebSocketOptions, 'onWarning' | 'onRefused'>,
  ): RenewableTransport | undefined;
  /** Makes the transport to the carrier that options ask for; undefined where they ask for none. */
  carried(this: void, options: NodeOptions, parts: CarriedParts): Transport | undefined;
  /** `later` reports an event after what is under way. */
  around(this: void, options: NodeOptions, shared: SharedOf, later: (event: NodeEvent) => void): Around;
}

/** Holds what the platform adds to what is shared. */
type SharedOf = Omit<Shared, 'file'>;
