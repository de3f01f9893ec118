import { backendContract } from '../contracts/backend.contract.ts';
import { SimulatedDisk } from './simulated-disk.ts';

// The simulation proves nothing if its disk is not one.
backendContract('simulated disk', { durable: true }, async () => {
  const disk = new SimulatedDisk();
  let isRoom = true;
  const make = () =>
    disk.backend({
      after: (task) => queueMicrotask(task),
      outcome: () => (isRoom ? 'kept' : 'full'),
    });
  return {
    backend: make(),
    reopen: make,
    setRoom: (room) => {
      isRoom = room;
    },
    abandoned: () => {
      disk.crash({ kept: 0 });
      return make();
    },
    remove: async () => undefined,
  };
});
