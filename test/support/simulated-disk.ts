export { SimulatedDisk } from '../../src/simulation/simulated-disk.ts';
export type { DiskBehaviour, DiskCopy, Stop } from '../../src/simulation/simulated-disk.ts';
