// Preload (`node --import ./scripts/typescript.mjs file.ts`): runs the sources without a build, worker
// threads included. A worker inherits the flag and with it this file; `--import tsx` leaves workers out.
import { register } from 'tsx/esm/api';

register();
