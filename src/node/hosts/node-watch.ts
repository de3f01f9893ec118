import type { Observable } from 'rxjs';
import type { NodeEvent } from '../../events.ts';
import type { OperationLog } from '../../log/keeping/operation-log.ts';
import type { Origins } from '../../log/operations/origin.ts';
import type { HealthOptions } from '../../observability/health-listener.ts';
import type { NodeHealth } from '../../observability/node-health.ts';
import type { ObservedDisk, ObservedNode, ObservedTable } from '../../observability/observed-node.ts';
import type { Projection } from '../../projection/projection.ts';
import type { DialState, PeerState } from '../../replication/peers/peer-state.ts';
import type { Replicator } from '../../replication/replicator.ts';
import { isLoopback } from '../../transport/websocket/options.ts';

/** A fact that is committed only to see whether the disk takes it. */
const PROBE_FACT = 'probe';

/** The parts are what is watched of a node. */
export interface WatchedParts {
  readonly id: string;
  readonly events: Observable<NodeEvent>;
  readonly log: OperationLog;
  readonly origins: Origins;
  readonly projections: ReadonlyMap<string, Projection>;
  readonly replicator: Replicator;
  /** The database file; undefined without a directory. */
  readonly file: string | undefined;
  /** Counts what of a table was missed between Zeek clusters and the node. */
  readonly zeek: { missed(table: string): number };
  report(event: NodeEvent): void;
}

/** A node from outside. Everything is read when somebody asks, so that the node's own work pays nothing for it. */
export class NodeWatch implements ObservedNode {
  readonly id: string;
  readonly events: Observable<NodeEvent>;
  readonly #parts: WatchedParts;
  readonly #startedAt = performance.now();
  #health: NodeHealth | undefined;
  #phase: ObservedNode['phase'] = 'recovering';
  #probes = 0;
  /** Says where it is answered. */
  address: string | undefined;
  recoverySeconds: number | undefined;
  tornSegments = 0;

  constructor(parts: WatchedParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.events = parts.events;
  }

  /** Answers `/livez`, `/readyz` and `/metrics` from now on, if that is asked for. Rejects with `LISTEN_FAILED`. */
  async listen(options: HealthOptions | undefined): Promise<void> {
    if (options === undefined) return;
    // HTTP is loaded by those who ask for it only.
    const { NodeHealth } = await import('../../observability/node-health.ts');
    this.#health = new NodeHealth(this, options);
    this.address = await this.#health.open();
    const { host } = options;
    if (host === undefined || isLoopback(host)) return;
    const message = `Anybody who reaches ${this.address} can read names of tables and peers and counts of rows.`;
    this.#parts.report({ code: 'transport-warning', severity: 'warning', message });
  }

  get phase(): ObservedNode['phase'] {
    return this.#phase;
  }

  opened(): void {
    this.recoverySeconds = (performance.now() - this.#startedAt) / 1000;
    if (this.#phase === 'recovering') this.#phase = 'open';
  }

  closing(): void {
    this.#phase = 'closing';
  }

  async close(): Promise<void> {
    await this.#health?.close();
  }

  get position(): number {
    return this.#parts.log.position;
  }

  tables(): readonly ObservedTable[] {
    return Array.from(this.#parts.projections.values(), (projection) => this.#table(projection));
  }

  #table(projection: Projection): ObservedTable {
    const { origins, replicator, id, zeek } = this.#parts;
    const { name } = projection.schema;
    let localOperations = 0;
    let remoteOperations = 0;
    for (const [origin, sequence] of projection.held.vector().entries()) {
      if (origins.at(origin).nodeId === id) localOperations += sequence;
      else remoteOperations += sequence;
    }
    let synced = false;
    replicator
      .synced(name)
      .subscribe((now) => (synced = now))
      .unsubscribe();
    return {
      name,
      rows: projection.rows.size,
      missedAtZeek: zeek.missed(name),
      localOperations,
      remoteOperations,
      synced,
      divergedKeys: replicator.divergences.now(name).length,
    };
  }

  peers(): readonly PeerState[] {
    return this.#parts.replicator.present();
  }

  dials(): readonly DialState[] {
    return this.#parts.replicator.dials();
  }

  refusedConnections(): ReadonlyMap<string, number> {
    return this.#parts.replicator.strangers.counts;
  }

  disk(): ObservedDisk | undefined {
    const { file, log } = this.#parts;
    const store = log.stores.get('sqlite');
    if (file === undefined || store === undefined) return undefined;
    const { appended, committed, trimmedTo, waitingBytes, failure } = store;
    const { tornSegments } = this;
    return { file, appended, committed, trimmedTo, waitingBytes, failure: failure?.code, tornSegments };
  }

  async probe(): Promise<void> {
    this.#probes = (this.#probes + 1) % 256;
    const facts = new Map([[PROBE_FACT, Uint8Array.of(this.#probes)]]);
    const durable = [...this.#parts.log.stores.values()].filter(({ backend }) => backend.durable);
    await Promise.all(durable.map(({ backend }) => backend.commit({ segments: [], facts })));
  }
}
