export { SimulatedNetwork } from '../../src/simulation/simulated-network.ts';
export type { Delivery } from '../../src/simulation/simulated-network.ts';
