import type { NodeNotes } from './observer.ts';
import { rowOfText } from './tables.ts';
import type { Workload } from './workload.ts';

/** One key, as it was counted. */
export interface KeyCount {
  readonly key: string;
  /** Counts how often it stands in the rows. */
  readonly rows: number;
  /** Lists what each node has in the end. */
  readonly counted: readonly number[];
}

/** A judgement says what became of the rows, judged from the rows themselves and from what could be read. */
export interface Judgement {
  /** Rows, and so increments, and so updates. */
  readonly rows: number;
  readonly keys: number;
  /** Rows written while a row of the same key was under way from another node. */
  readonly concurrentRows: number;
  readonly keysWrittenConcurrently: number;
  readonly counts: TableJudgement & {
    /** Sum of all counts on each node; `rows` where nothing is lost. */
    readonly counted: readonly number[];
    /** Increments missing on each node, key by key. */
    readonly lost: readonly number[];
    /** Increments that a node counted twice; 0 unless something is wrong. */
    readonly excess: number;
    readonly busiest: readonly KeyCount[];
  };
  readonly latest: TableJudgement & {
    /** Updates that no later writer of the key had read and nobody can read in the end. */
    readonly lost: number;
    /** Updates that do not stand, but can still be read beside the one that does. */
    readonly kept: number;
  };
}

/** A judgement of a table is what is said of both tables. */
export interface TableJudgement {
  /** Keys that any node named on `conflicts`. */
  readonly keysInConflict: number;
  /** Keys whose rows differ between two nodes in the end. */
  readonly keysDiverged: number;
  /** Counts those that `divergence` names on some node. */
  readonly divergedReported: number;
  /** Keys that `divergence` names and that do not differ. */
  readonly falselyReported: number;
}

const BUSIEST = 10;

/**
 * Judges one run. The true counts come from the rows of the workload alone; what is lost of `latest`
 * from what writers and readers could read. Neither asks a table how it resolves anything.
 */
export function judge(workload: Workload, nodes: readonly NodeNotes[]): Judgement {
  const truth = new Map<string, number>();
  for (const { key } of workload.rows) truth.set(key, (truth.get(key) ?? 0) + 1);
  return {
    rows: workload.rows.length,
    keys: truth.size,
    ...concurrency(workload, nodes),
    counts: judgeCounts(truth, nodes),
    latest: judgeLatest(workload, nodes),
  };
}

/** Finds which rows were written without knowing of another node's earlier row of the same key. */
function concurrency(
  { rows }: Workload,
  nodes: readonly NodeNotes[],
): Pick<Judgement, 'concurrentRows' | 'keysWrittenConcurrently'> {
  const writes = nodes
    .flatMap(({ written, writtenAt, seen }) =>
      written.map((row, at) => ({
        row,
        at: writtenAt[at] as number,
        seen: seen.slice(at * nodes.length, (at + 1) * nodes.length),
      })),
    )
    .toSorted((one, other) => one.at - other.at);
  const lastOf = new Map<string, number[]>();
  const keys = new Set<string>();
  let concurrentRows = 0;
  for (const { row, seen } of writes) {
    const { key, node, ordinal } = rows[row] as Workload['rows'][number];
    const last = lastOf.get(key) ?? nodes.map(() => 0);
    if (last.some((latest, other) => other !== node && latest > (seen[other] ?? 0))) {
      concurrentRows++;
      keys.add(key);
    }
    last[node] = ordinal;
    lastOf.set(key, last);
  }
  return { concurrentRows, keysWrittenConcurrently: keys.size };
}

function judgeCounts(truth: ReadonlyMap<string, number>, nodes: readonly NodeNotes[]): Judgement['counts'] {
  const held = nodes.map(({ counts }) => new Map(counts.rows));
  const keys = new Set([...truth.keys(), ...held.flatMap((counts) => [...counts.keys()])]);
  const lost = nodes.map(() => 0);
  let excess = 0;
  for (const key of keys) {
    const rows = truth.get(key) ?? 0;
    for (const [node, counts] of held.entries()) {
      const count = counts.get(key) ?? 0;
      lost[node] = (lost[node] ?? 0) + Math.max(0, rows - count);
      excess += Math.max(0, count - rows);
    }
  }
  return {
    ...judgeTable(
      keys,
      held,
      nodes.map(({ counts }) => counts),
    ),
    counted: held.map((counts) => [...counts.values()].reduce((sum, count) => sum + count, 0)),
    lost,
    excess,
    busiest: [...truth]
      .toSorted(([, one], [, other]) => other - one)
      .slice(0, BUSIEST)
      .map(([key, rows]) => ({ key, rows, counted: held.map((counts) => counts.get(key) ?? 0) })),
  };
}

function judgeLatest({ rows }: Workload, nodes: readonly NodeNotes[]): Judgement['latest'] {
  const replaced = new Set(nodes.flatMap(({ read }) => read.flat()));
  const readable = new Set(nodes.flatMap(({ latest }) => latest.rows.flatMap(([, , found]) => found)));
  const standing = new Set(nodes.flatMap(({ latest }) => latest.rows.map(([, text]) => rowOfText(text))));
  const written = nodes.flatMap((node) => node.written);
  const held = nodes.map(({ latest }) => new Map(latest.rows.map(([key, text]) => [key, text])));
  return {
    ...judgeTable(
      new Set(rows.map(({ key }) => key)),
      held,
      nodes.map(({ latest }) => latest),
    ),
    lost: written.filter((row) => !replaced.has(row) && !readable.has(row)).length,
    kept: [...readable].filter((row) => !standing.has(row)).length,
  };
}

function judgeTable(
  keys: ReadonlySet<string>,
  held: readonly ReadonlyMap<string, unknown>[],
  notes: readonly Pick<NodeNotes['counts'], 'inConflict' | 'diverged'>[],
): TableJudgement {
  const diverged = new Set([...keys].filter((key) => new Set(held.map((rows) => rows.get(key))).size > 1));
  const reported = new Set(notes.flatMap((note) => note.diverged));
  return {
    keysInConflict: new Set(notes.flatMap(({ inConflict }) => inConflict)).size,
    keysDiverged: diverged.size,
    divergedReported: [...reported].filter((key) => diverged.has(key)).length,
    falselyReported: [...reported].filter((key) => !diverged.has(key)).length,
  };
}
