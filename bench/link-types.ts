import type { Setting } from './contest.ts';

/** The end that writes. It also listens, or knows the server both ends use. */
export interface LinkWriter {
  /** What the reader needs to connect. */
  readonly address: string;
  set(key: string, value: number): void | Promise<void>;
  /** Writes a batch as one transaction, where the contest offers batching. */
  setMany?(keys: readonly string[], values: readonly number[]): void | Promise<void>;
  /** Resolves when more may be written: for those that would otherwise queue without end. */
  room?(): Promise<void>;
  /** Processes beside writer and reader whose CPU counts. */
  readonly servers?: readonly number[];
  close(): void | Promise<void>;
}

/** The end that reads: calls `told` for each change it is told of. */
export interface LinkReader {
  close?(): void | Promise<void>;
}

/** How a contestant replicates between two processes. Each end runs in a process of its own. */
export interface Link {
  /** Loads what the reader needs, before the clock starts. */
  prepare?(): Promise<unknown>;
  writer(setting: Setting): Promise<LinkWriter>;
  reader(setting: Setting, address: string, told: (key: string, value: number) => void): Promise<LinkReader>;
}

/** Added to a time that is written as a value, to tell it from others. */
export const LATENCY_BASE = 1e12;

/** What the writer's process tells the reader's. */
export type ToReader =
  | { readonly connect: string; readonly goal?: Goal }
  | { readonly until: number }
  | { readonly end: true };
/** What a late joiner must hold to be equal: so many rows, whose values add up to this. */
export interface Goal {
  readonly keys: number;
  readonly sum: number;
}

export type FromReader =
  | { readonly ready: true }
  | { readonly done: { readonly cpuUs: number; readonly changes: number } }
  | { readonly latency: number };
