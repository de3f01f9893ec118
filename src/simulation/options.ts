import * as v from 'valibot';
import { anObject, isPlainObject } from '../options/an-object.ts';
import { checkedOptions } from '../options/checked-options.ts';
import { namedRecord } from '../options/named-record.ts';
import { code, said } from '../options/words.ts';
import { limitsSchema, retentionSchema } from '../node/options-schema.ts';
import { TablecastError } from '../errors.ts';
import type { NodeOptions, TableDeclaration, TableNode, TableOf } from '../index.ts';
import type { Timer } from '../environment.ts';

/** The tables of every node of a simulation, by their names. */
export type SimulatedTables = Readonly<Record<string, TableDeclaration>>;

/** A simulated node is an ordinary one: only clock, network and disk are simulated. */
export interface SimulatedNode<T extends SimulatedTables = SimulatedTables> {
  readonly node: TableNode;
  /** Holds the declared tables by their names. */
  readonly tables: { readonly [Name in keyof T]: TableOf<T[Name]> };
}

/**
 * The surroundings of one life of a program: what it uses in the place of the real clock, timers and randomness. They
 * end with the node: after a crash no timer fires and no `sleep` resolves.
 */
export interface ProgramApi<L = unknown> {
  /** Is what `ledger()` returned for this world: it sees all nodes from outside, and no crash touches it. */
  readonly ledger: L;
  /** Returns the time by this node's clock, in milliseconds since 1970; it may be wrong, and jump. */
  now(this: void): number;
  /** Returns a number in [0, 1), drawn from the seed. */
  random(this: void): number;
  /** Resolves after so many milliseconds of virtual time. */
  sleep(this: void, ms: number): Promise<void>;
  /** Runs a task once, after so many milliseconds of virtual time. What it throws, or rejects with, fails the world. */
  setTimeout(this: void, task: () => unknown, ms: number): Timer;
  /** Runs a task again and again, as {@link setTimeout} runs it once. At least a millisecond lies between two runs. */
  setInterval(this: void, task: () => unknown, ms: number): Timer;
}

/** The kinds of faults that may happen; each seed draws how often, from never to often. Default: every kind. */
export interface FaultOptions {
  /** Lets nodes be cut off for a while, in both directions or in one, and lets connections break. */
  readonly partitions?: boolean | undefined;
  /** Lets machines stop between two instructions, and start again later; a disk keeps what was synced. */
  readonly crashes?: boolean | undefined;
  /** Lets clocks be wrong by up to a minute, and jump. */
  readonly clocks?: boolean | undefined;
}

/** The options of {@link simulate}: a program, and the worlds that it is run in. */
export interface SimulationOptions<T extends SimulatedTables, L> {
  /**
   * Begins the seeds, from 0 to 2^31 - 1. Default: 1. The environment variable `TABLECAST_SEED` takes its place, and
   * then one seed is run.
   */
  readonly seed?: number | undefined;
  /** Counts the seeds to run, one world each, one after the other. Default: 1; at most 1,000,000. */
  readonly seeds?: number | undefined;
  /** Counts the nodes, from 1 to 16, each connected with each. */
  readonly nodes: number;
  /** Are declared on every node before its program runs; `sqlite` names its simulated disk. */
  readonly tables: T;
  /** Makes what the programs of a world note outside of all nodes: called once a world. */
  readonly ledger?: (() => L) | undefined;
  /**
   * Is the program: called when its node has opened, again after each crash. What it throws, or rejects with, fails
   * the world.
   */
  readonly program: (node: SimulatedNode<T>, api: ProgramApi<L>) => unknown;
  /**
   * Is called when the programs have ended, the faults are over and every node has what the others have. What it
   * throws, or rejects with, fails the world.
   */
  readonly check: (nodes: readonly SimulatedNode<T>[], ledger: L) => unknown;
  readonly faults?: FaultOptions | undefined;
  /** Says how long programs run, in milliseconds of virtual time. Default: 10,000; at most a day. */
  readonly durationMs?: number | undefined;
  /** Runs every world twice, and fails where the second run goes another way. Default: only a world that failed. */
  readonly twice?: boolean | undefined;
  /** Is that of {@link NodeOptions}: at `interval` a crash may take what was committed within the last 100 ms. */
  readonly durability?: 'commit' | 'interval' | undefined;
  /** Is that of {@link NodeOptions}, for every node. */
  readonly retention?: NodeOptions['retention'];
  /** Is that of {@link NodeOptions}, for every node. */
  readonly limits?: NodeOptions['limits'];
}

/** A report is what worlds came to. Equal options and seeds give equal reports. */
export interface SimulationReport {
  /** Is the first seed. */
  readonly seed: number;
  readonly seeds: number;
  /** Names everything that went over the network, every fault and every event of a node, with its moment. */
  readonly trace: string;
  /** Adds up how long the worlds ran, in milliseconds of virtual time. */
  readonly virtualMs: number;
  /** Counts the frames that arrived. */
  readonly frames: number;
  /** Counts the faults that happened, by kind. */
  readonly faults: { readonly partition: number; readonly crash: number; readonly clock: number };
}

const MAX_SEED = 2 ** 31 - 1;
const DAY_MS = 86_400_000;

const whole = (low: number, high: number): v.GenericSchema<number> =>
  v.pipe(v.number(), v.integer(), v.minValue(low), v.maxValue(high));

const called = v.pipe(
  v.custom<() => unknown>((value) => typeof value === 'function'),
  said('a function', code('async ({ node, tables }) => {}')),
);

/** {@link SimulationOptions} as far as their form goes. */
export const simulationSchema = anObject({
  seed: v.optional(whole(0, MAX_SEED), 1),
  seeds: v.optional(whole(1, 1_000_000), 1),
  nodes: whole(1, 16),
  tables: v.pipe(
    namedRecord(v.pipe(v.custom(isPlainObject), said('a declaration', { key: 'string' }))),
    said('an object of declarations by name', { hits: { key: 'string', value: 'count' } }),
  ),
  ledger: v.optional(called),
  program: called,
  check: called,
  faults: v.optional(
    anObject({
      partitions: v.optional(v.boolean(), true),
      crashes: v.optional(v.boolean(), true),
      clocks: v.optional(v.boolean(), true),
    }),
    {},
  ),
  durationMs: v.optional(whole(1, DAY_MS), 10_000),
  twice: v.optional(v.boolean(), false),
  durability: v.optional(v.picklist(['commit', 'interval'])),
  retention: v.optional(retentionSchema),
  limits: v.optional(limitsSchema),
});

/** The options with defaults filled in. */
export type CheckedOptions<T extends SimulatedTables, L> = SimulationOptions<T, L> & {
  readonly seed: number;
  readonly seeds: number;
  readonly durationMs: number;
  readonly twice: boolean;
  readonly faults: Readonly<Record<'partitions' | 'crashes' | 'clocks', boolean>>;
};

/** Checks options, and puts one seed in the place of all where it is given. Throws `OPTION_INVALID`. */
export function checkSimulation<T extends SimulatedTables, L>(
  options: SimulationOptions<T, L>,
  onlySeed: string | undefined,
): CheckedOptions<T, L> {
  const result = checkedOptions(simulationSchema, options, { of: 'of simulate()' });
  const checked = { ...options, ...result } as unknown as CheckedOptions<T, L>;
  if (onlySeed === undefined || onlySeed === '') return seedsFit(checked);
  if (!/^\d{1,10}$/.test(onlySeed) || Number(onlySeed) > MAX_SEED)
    throw invalid('TABLECAST_SEED', `is ${JSON.stringify(onlySeed.slice(0, 40))}, which is no seed`);
  return { ...checked, seed: Number(onlySeed), seeds: 1 };
}

function seedsFit<C extends { readonly seed: number; readonly seeds: number }>(checked: C): C {
  if (checked.seed + checked.seeds - 1 <= MAX_SEED) return checked;
  throw invalid('seeds', `goes on beyond ${MAX_SEED}, the last seed`);
}

function invalid(option: string, problem: string): TablecastError {
  return new TablecastError('OPTION_INVALID', `Option ${option} of simulate() ${problem}.`, {
    hint: 'See docs/simulation.md for what each option takes.',
    details: { option },
  });
}
