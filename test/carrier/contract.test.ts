import { MemoryCarrier } from '../../src/carrier/memory-carrier.ts';
import { carrierContract } from '../contracts/carrier.contract.ts';

let count = 0;

carrierContract('in memory', {
  place: () => {
    let isFull = false;
    const memory = new MemoryCarrier(`memory://${++count}`, { outcome: () => (isFull ? 'full' : 'kept') });
    return {
      carrier: () => memory.forNode(),
      remake: async () => memory.remake(),
      setAway: async (isAway) => {
        memory.isAway = isAway;
        if (isAway) memory.cut('away');
      },
      setRoom: async (isRoom) => {
        isFull = !isRoom;
      },
      remove: async () => undefined,
    };
  },
});

carrierContract('in memory, which repeats itself', {
  place: () => {
    const memory = new MemoryCarrier(`memory://${++count}`, { again: () => (++count % 3 === 0 ? 2 : 0) });
    return { carrier: () => memory.forNode(), remove: async () => undefined };
  },
});
