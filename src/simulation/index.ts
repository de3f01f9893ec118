/**
 * A program of yours, with its tables, run on several nodes in one process: on virtual time, a simulated network and
 * simulated disks, under partitions, crashes and clocks that follow from a seed.
 *
 * @packageDocumentation
 */
export { simulate } from './simulate.ts';
export type {
  FaultOptions,
  ProgramApi,
  SimulatedNode,
  SimulatedTables,
  SimulationOptions,
  SimulationReport,
} from './options.ts';
export type { Timer } from '../environment.ts';
