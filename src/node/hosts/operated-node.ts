import type { OperatedNode, OperatedWrite } from '../../http/operated-node.ts';
import type { OperatedZeek } from '../../zeek/cluster-form.ts';
import type { Origins } from '../../log/operations/origin.ts';
import { type Retention, retentionLimits } from '../options.ts';
import type { Projection } from '../../projection/projection.ts';
import { planRepair } from '../../table/repair.ts';
import type { Replicator } from '../../replication/replicator.ts';
import type { ZeekClusters } from '../zeek-clusters.ts';

/** The parts are what an operated node is made of. */
export interface OperatedParts {
  readonly id: string;
  readonly origins: Origins;
  readonly replicator: Replicator;
  readonly projections: ReadonlyMap<string, Projection>;
  readonly zeek: ZeekClusters;
  readonly retention: Retention | undefined;
}

/** A node as those who operate it see it over HTTP. */
export class LocalOperatedNode implements OperatedNode {
  readonly retention: OperatedNode['retention'];
  readonly #parts: OperatedParts;

  constructor(parts: OperatedParts) {
    this.#parts = parts;
    const { ageMs, bytes, operations } = retentionLimits(parts.retention);
    this.retention = { age: ageMs, bytes, operations };
  }

  zeek(): readonly OperatedZeek[] {
    return this.#parts.zeek.present();
  }

  async planRepair(table: string, from: string): Promise<readonly OperatedWrite[]> {
    const { id, origins, replicator, projections } = this.#parts;
    const projection = projections.get(table);
    return projection === undefined ? [] : planRepair(projection, { nodeId: id, origins, replicator }, from);
  }
}
