import { backendContract } from '../contracts/backend.contract.ts';
import { SimulatedDisk } from './simulated-disk.ts';

// The simulation proves nothing if its disk is not one.
backendContract('simulated disk', { durable: true }, async () => {
  const disk = new SimulatedDisk();
  return {
    backend: disk.backend(),
    reopen: () => disk.backend(),
    abandoned: () => {
      disk.crash({ kept: 0 });
      return disk.backend();
    },
    remove: async () => undefined,
  };
});
