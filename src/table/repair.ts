import { TablecastError } from '../errors.ts';
import type { Origins } from '../log/operations/origin.ts';
import type { Projection } from '../projection/projection.ts';
import type { Divergence } from '../replication/digests/divergence.ts';
import type { Replicator } from '../replication/replicator.ts';
import type { Value } from '../schema/index.ts';

/** The parts are what a repair needs of the node. */
export interface RepairParts {
  readonly nodeId: string;
  readonly origins: Origins;
  readonly replicator: Replicator;
  /** Waits until what was written is durable. */
  flush(): Promise<void>;
}

/** The options of a repair say whose rows shall stand. */
export interface RepairOptions {
  /** Names the node: this one, a connected peer, or one of the same group behind a carrier. */
  readonly from: string;
  /** Compares and counts, and writes nothing: `divergence` has the keys then. */
  readonly dryRun?: boolean | undefined;
}

/** A planned write makes one key what it is on the node whose rows shall stand. */
export interface PlannedWrite {
  /** Names the key by its canonical text. */
  readonly text: string;
  /** Holds the row; undefined: the key is removed. */
  readonly side: Divergence['here'];
}

/**
 * Writes, as this node's own operations, the rows of one node for every key on which this node and a
 * connected peer differ; resolves with the number of keys written, once they are durable here. Only peers that may write the table are
 * compared with. A dry run writes nothing. Throws `PEER_REFUSED` for one that may not write it and bring what others wrote, and
 * `PEER_UNREACHABLE`.
 */
export async function repair(
  projection: Projection,
  parts: RepairParts,
  { from, dryRun }: RepairOptions,
): Promise<number> {
  const planned = await planRepair(projection, parts, from);
  if (dryRun === true) return planned.length;
  for (const { text, side } of planned) {
    const slot = projection.rows.slotOf(text);
    if (side === undefined) projection.local.delete(slot);
    else projection.local.set(slot, side.value as Value);
  }
  await parts.flush();
  return planned.length;
}

/**
 * Compares, and resolves with what {@link repair} would write now. Another comparison, or a write, makes the plan
 * an old one. Throws what `repair` throws.
 */
export async function planRepair(
  projection: Projection,
  parts: Pick<RepairParts, 'nodeId' | 'origins' | 'replicator'>,
  from: string,
): Promise<readonly PlannedWrite[]> {
  const { replicator, nodeId } = parts;
  const table = projection.schema.name;
  if (from !== nodeId && replicator.mayRestore(table, from) === false) throw notEntitled(table, from);
  const compared = await replicator.compareNow(table, from);
  if (from !== nodeId && !compared.has(from)) throw notCompared(table, from);
  const due = new Map<string, Divergence>();
  for (const divergence of replicator.divergences.now(table)) {
    const text = projection.schema.keyText(divergence.key);
    // A row that changed since the comparison is left to its author.
    if (!standsAsCompared(projection, parts.origins, text, divergence)) continue;
    if (divergence.peer === from || !due.has(text)) due.set(text, divergence);
  }
  return Array.from(due, ([text, divergence]) => ({
    text,
    side: divergence.peer === from ? divergence.there : divergence.here,
  }));
}

function standsAsCompared(
  { rows }: Projection,
  origins: Origins,
  text: string,
  { here }: Divergence,
): boolean {
  const slot = rows.find(text);
  if (slot === undefined || here === undefined) return slot === undefined && here === undefined;
  return rows.sequence(slot) === here.sequence && origins.at(rows.origin(slot)).text === here.origin;
}

function notEntitled(table: string, from: string): TablecastError {
  return new TablecastError(
    'PEER_REFUSED',
    `Table ${table} is not repaired from ${from}: by its credential it may not write the table, or not bring what others wrote.`,
    {
      hint: "Repair from this node's own id, or from a peer that may write the table and has origins: 'relay'. Nothing was changed.",
      details: { table, from },
    },
  );
}

function notCompared(table: string, from: string): TablecastError {
  return new TablecastError(
    'PEER_UNREACHABLE',
    `Table ${table} could not be compared with ${from}: it is not connected, does not share the table, or the table is never at rest.`,
    {
      hint: 'Repair from a connected peer (node.peers), and when writes pause for a second. Nothing was changed.',
      details: { table, from },
      retryable: true,
    },
  );
}
