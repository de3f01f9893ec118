/** One measurement of one contestant: metric → value, in the unit the contest states for it. */
export type Sample = Readonly<Record<string, number>>;

/** What a measured process is given. */
export interface Setting {
  /** An empty directory of this sample alone, removed afterwards. */
  readonly directory: string;
  readonly quick: boolean;
}

/** Runs in a fresh process and returns what it measured. */
export type Measure = (setting: Setting) => Promise<Sample>;

/** One row of a contest: our product, a floor nothing can beat, or a peer. */
export interface Contestant {
  readonly name: string;
  readonly kind: 'floor' | 'ours' | 'peer';
  /** File of `bench/`, without ending, and the export in it that measures. */
  readonly module: string;
  readonly export: string;
  /** Handed to the export, for one that measures in several ways. */
  readonly variant?: string | undefined;
  /** Export that fills a directory once, in a process of its own; every sample gets a copy. */
  readonly prepare?: string | undefined;
  /** Left out of `--quick`. */
  readonly slow?: boolean | undefined;
  /** Servers and packages it cannot do without; it is skipped, with the reason, when one is missing. */
  readonly needs?: readonly Need[] | undefined;
}

/** A package of `bench/package.json`, a program in PATH, or a conflict mode of this version. */
export interface Need {
  readonly what: 'package' | 'program' | 'mode';
  readonly name: string;
}

/** A column of a contest's table. The first one is the one that is charted. */
export interface Metric {
  readonly name: string;
  readonly label: string;
  readonly unit: string;
  /** Whether a larger figure is the better one. */
  readonly larger?: boolean | undefined;
  /** Whether it is CPU time, bytes or counts, which repeat from run to run; the others depend on what else runs. */
  readonly steady?: boolean | undefined;
}

/** What a target asks for: a ratio of two contestants in one run, or an absolute figure. */
export interface Goal {
  readonly text: string;
  readonly metric: string;
  readonly of: string;
  /** The contestant divided by; left out for an absolute figure. */
  readonly over?: string | undefined;
  readonly atMost?: number | undefined;
  readonly atLeast?: number | undefined;
}

/** Contestants measured in turns, A B C A B C, each time in a fresh process. */
export interface Contest {
  readonly name: string;
  readonly title: string;
  readonly note?: string | undefined;
  readonly metrics: readonly Metric[];
  readonly contestants: readonly Contestant[];
  readonly goals: readonly Goal[];
  /** Rounds at most, for contests that take long or are not about time. */
  readonly maxRounds?: number | undefined;
  /** Left out of `--quick`. */
  readonly slow?: boolean | undefined;
}

/** One line of the targets, P1 to P22. */
export interface Target {
  readonly id: string;
  readonly title: string;
  readonly contests: readonly Contest[];
}

/** Seconds and operations as people compare them. */
export const CPU: Metric = { name: 'cpu', label: 'CPU', unit: 'µs/op', steady: true };
export const RATE: Metric = { name: 'rate', label: 'rate', unit: 'op/s', larger: true };
