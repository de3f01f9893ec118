import type { NodeEvent } from '../events.ts';
import type { LogView } from '../reading/log-view.ts';
import type { Replicator } from '../replication/replicator.ts';
import type { HttpHostParts } from './hosts/http-host.ts';
import type { ZeekHostParts } from './hosts/local-zeek-host.ts';
import type { NodeWatch, WatchedParts } from './hosts/node-watch.ts';
import { LocalOperatedNode } from './hosts/operated-node.ts';
import { NodeHttp } from './node-http.ts';
import type { NodeOptions } from './options.ts';
import type { ZeekClusters } from './zeek-clusters.ts';

/** Gathers what several of those who see a node from outside are made with. */
export interface Shared
  extends
    WatchedParts,
    Omit<ZeekHostParts, 'facts' | 'declare'>,
    Omit<HttpHostParts, 'observed' | 'operated'> {
  readonly view: LogView;
  readonly replicator: Replicator;
}

/** Adds what the HTTP interface needs beside that. */
interface HttpShare extends Shared {
  readonly observed: NodeWatch;
  readonly zeek: ZeekClusters;
  later(this: void, event: NodeEvent): void;
}

/** Makes a node's HTTP interface, which answers nothing until it listens. */
export function httpOf(options: NodeOptions, share: HttpShare): NodeHttp {
  const operated = new LocalOperatedNode({ ...share, retention: options.retention });
  return new NodeHttp(options, { ...share, operated }, share.later);
}
