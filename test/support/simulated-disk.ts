export { SimulatedDisk } from '../../src/simulation/simulated-disk.ts';
export type { DiskCopy } from '../../src/simulation/simulated-disk.ts';
