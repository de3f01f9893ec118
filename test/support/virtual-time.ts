export { VirtualTime, promisesSettled } from '../../src/simulation/virtual-time.ts';
export type { VirtualEnvironment } from '../../src/simulation/virtual-time.ts';
