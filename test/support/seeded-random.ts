export { SeededRandom } from '../../src/simulation/seeded-random.ts';
