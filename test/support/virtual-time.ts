export { VirtualTime, promisesSettled } from '../../src/simulation/virtual-time.ts';
