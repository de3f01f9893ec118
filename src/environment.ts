/** A pending timer; what it is belongs to the environment that made it. */
export interface Timer {
  cancel(): void;
}

/** The facts are what a span tells beside its name: plain values, nothing of a row. */
export type SpanFacts = Readonly<Record<string, string | number>>;

/** Ends a span; with an error, one that failed. */
export type EndSpan = (facts?: SpanFacts, error?: unknown) => void;

/** Begins a span of tracing, and returns what ends it. */
export type BeginSpan = (name: 'commit' | 'send' | 'apply', facts: SpanFacts) => EndSpan;

/**
 * Everything the core takes from the outside world besides disk and network.
 *
 * The core calls no clock, timer or source of randomness of its own (INV-10), so that a whole cluster can
 * run in one process on virtual time under a seed.
 */
export interface Environment {
  /** Milliseconds since 1970, as the machine believes. May jump either way. */
  now(): number;
  /** Milliseconds since some moment in the past: what no correction of the clock moves. */
  elapsed(): number;
  /** Returns a number in [0, 1). */
  random(): number;
  /** Runs `task` once, `delayMs` milliseconds from now. Does not keep the process alive. */
  schedule(delayMs: number, task: () => void): Timer;
  /** Keeps the process alive until cancelled, where there is a process that could end by itself. */
  stayAlive(): Timer;
  /** Runs `task` once the events that are already waiting have been handled. */
  defer(task: () => void): void;
  /** Is there only where somebody traces. */
  readonly span?: BeginSpan | undefined;
}
