import type { Judgement } from './judge.ts';
import type { ComparedMode } from './tables.ts';
import type { WorkloadOptions } from './workload.ts';

/** A source says where the rows come from. */
export interface RowSource {
  /** The file's name, or undefined for a generated workload. */
  readonly log: string | undefined;
  /** Fields of the log that are counted and kept. */
  readonly fields: { readonly key: string; readonly value: string };
  /** Lines that could not be read. */
  readonly skippedLines: number;
  /** Records without the field of the key. */
  readonly skippedRecords: number;
  /** Says whether the log has more rows than were asked for. */
  readonly more: boolean;
}

/** Milliseconds between a write and its arrival at another node. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly samples: number;
}

/** Measured is what one run of one mode measured: not the same twice, except where stated. */
export interface Measured {
  /**
   * Writes per second when nobody waits, until every node has them: all rows once more, on fresh
   * nodes. `simulated`: of processor time, in one process, linked without delays. Others: by the
   * clock, with processes, sockets and disks.
   */
  readonly writesPerSecond: number;
  /**
   * Measures rows that travelled alone; on virtual time what the simulated network takes, and then the same
   * twice.
   */
  readonly latencyMs: Latency | undefined;
  /** Memory that a node gained by the run, garbage collected, in bytes; undefined where it cannot be told. */
  readonly memoryBytes: number | undefined;
}

/** A result says what one mode made of the workload. */
export interface ModeResult {
  readonly mode: ComparedMode;
  readonly judgement: Judgement;
  /** Bytes of all frames between nodes. */
  readonly wireBytes: number;
  /** Bytes on the disks of all nodes. */
  readonly diskBytes: number;
  /** Equal for runs in which every writer had seen the same rows at each write. */
  readonly interleaving: string;
  readonly measured: Measured;
}

/** A mode that could not be run, with the reason. */
export interface ModeRefusal {
  readonly mode: ComparedMode;
  readonly refused: { readonly code: string; readonly message: string; readonly hint: string };
}

/** All modes on one kind of cluster. */
export interface ClusterResult {
  /**
   * `simulated`: one process, virtual time, seeded delays. `real`: processes and WebSockets on loopback. `nats`:
   * processes, and a NATS server that carries their tables.
   */
  readonly cluster: 'simulated' | 'real' | 'nats';
  readonly modes: readonly (ModeResult | ModeRefusal)[];
}

/** Everything one comparison found. */
export interface Comparison {
  readonly source: RowSource;
  readonly options: WorkloadOptions;
  readonly rows: number;
  readonly keys: number;
  /** Stretches written without waiting, and with a node cut off, of how many. */
  readonly stretches: { readonly all: number; readonly busy: number; readonly cut: number };
  readonly clusters: readonly ClusterResult[];
}
