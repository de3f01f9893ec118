import type { Checkpoint, Recovery } from '../../log/backend.ts';
import { TablecastError } from '../../errors.ts';
import type { SegmentStore } from '../../log/keeping/segment-store.ts';
import type { Origins } from '../../log/operations/origin.ts';
import { loadCheckpoint } from '../checkpoints/adoption.ts';
import { decodeCheckpoint } from '../checkpoints/checkpoint-reader.ts';
import type { WholeTable } from '../whole-table.ts';
import { replaySegment } from './replay.ts';
import { type Schema, compileSchema } from '../../schema/index.ts';
import { type Start, Starts } from './starts.ts';

const NODE_FACT = 'node';
const STARTS_FACT = 'starts';
const TABLE_FACT = 'table:';
/** Bounds what is read in one go: larger pages save nothing, and what they took is kept by the allocator. */
const PAGE_BYTES = 1024 * 1024;

/** A fact is what a durable store remembers of its node beside the log. */
export interface NodeFact {
  readonly id: string;
  /** Epoch of the node's sqlite tables. */
  readonly epoch: number;
  /**
   * Says when the file was copied from the node's own, in milliseconds since 1970. The node may have gone on
   * since: a node that opens the copy begins a new life.
   */
  readonly copiedAt?: number | undefined;
}

/** Reads what the facts of a store say. */
export function readFacts(recovery: Recovery): {
  readonly node: NodeFact | undefined;
  readonly schemas: readonly Schema[];
  readonly starts: Starts;
} {
  let node: NodeFact | undefined;
  let starts = new Starts();
  const schemas: Schema[] = [];
  for (const [name, bytes] of recovery.facts) {
    if (name === NODE_FACT) node = parse(bytes) as NodeFact;
    else if (name === STARTS_FACT) starts = new Starts(parse(bytes) as readonly Start[]);
    else if (name.startsWith(TABLE_FACT))
      schemas.push(compileSchema(name.slice(TABLE_FACT.length), parse(bytes)));
  }
  return { node, schemas, starts };
}

/** The epoch a node goes on in: that of its file, when that is its own and nothing that was sent can be missing. */
export function keptEpoch(node: NodeFact | undefined, recovery: Recovery): number | undefined {
  const mayHaveLost = !recovery.closedCleanly && recovery.lastDurability !== 'commit';
  const isWhole = node?.copiedAt === undefined && !mayHaveLost && recovery.tornSegments === 0;
  return isWhole ? node?.epoch : undefined;
}

/** The fact that names the node and its epoch. */
export function nodeFact(fact: NodeFact): ReadonlyMap<string, Uint8Array> {
  return new Map([[NODE_FACT, serialise(fact)]]);
}

/** The fact that remembers when the node started. */
export function startsFact(starts: Starts): ReadonlyMap<string, Uint8Array> {
  return new Map([[STARTS_FACT, serialise(starts.all)]]);
}

/** The starts that a store remembers, with the present one. Of a torn log nobody knows how much of it was told. */
export function startsWith(before: Starts, start: Start, { tornSegments }: Recovery): Starts {
  return (tornSegments > 0 ? new Starts() : before).and(start);
}

/** The fact that remembers a table's declaration. */
export function tableFact(schema: Schema): ReadonlyMap<string, Uint8Array> {
  return new Map([[TABLE_FACT + schema.name, serialise(schema.declaration)]]);
}

function serialise(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new TablecastError('BACKEND_DAMAGED', 'A fact of the database is not what this program wrote.', {
      hint: 'Restore the file from a backup, or start with an empty directory and let peers fill it.',
      cause,
    });
  }
}

/** Rebuilds the rows of every table from its newest checkpoint and the log behind it. Emits nothing. */
export async function rebuild(
  store: SegmentStore,
  recovery: Pick<Recovery, 'checkpoints' | 'trimmedTo'>,
  into: { readonly projections: ReadonlyMap<string, WholeTable>; readonly origins: Origins },
): Promise<void> {
  const covered = new Map<string, Checkpoint>();
  for (const checkpoint of recovery.checkpoints) {
    const projection = into.projections.get(checkpoint.table);
    if (projection === undefined) continue;
    covered.set(checkpoint.table, checkpoint);
    loadCheckpoint(projection, into.origins, decodeCheckpoint(checkpoint.chunks, projection.schema, true), {
      position: checkpoint.position,
    });
    for (const dictionary of projection.held.dictionaries.values()) dictionary.summedUp(checkpoint.position);
    // Unlike what is adopted from a peer, the operations themselves stand in the log, before the checkpoint.
    for (const [origin, sequence] of projection.held.sequences.entries())
      projection.held.marks.summedUp(origin, sequence + 1, checkpoint.position + 1);
  }
  const positions = Array.from(into.projections.keys(), (table) => covered.get(table)?.position ?? 0);
  let cursor = Math.max(recovery.trimmedTo, positions.length === 0 ? Infinity : Math.min(...positions));
  while (cursor < store.appended) {
    const segments = await store.backend.read(cursor, PAGE_BYTES);
    for (const segment of segments) {
      const behind = tablesBehind(into.projections, covered, segment.position + segment.span - 1);
      replaySegment(segment, { projections: behind, origins: into.origins });
    }
    const last = segments.at(-1);
    cursor = last === undefined ? store.appended : last.position + last.span - 1;
  }
}

/** The tables whose checkpoint does not cover a position. */
function tablesBehind(
  projections: ReadonlyMap<string, WholeTable>,
  covered: ReadonlyMap<string, Checkpoint>,
  position: number,
): ReadonlyMap<string, WholeTable> {
  if (covered.size === 0) return projections;
  const behind = new Map<string, WholeTable>();
  for (const [table, projection] of projections) {
    if ((covered.get(table)?.position ?? 0) < position) behind.set(table, projection);
  }
  return behind;
}
