// Preload (`node --import ./scripts/typescript.mjs file.ts`): runs the sources without a build.
import { register } from 'tsx/esm/api';

await import('./threads.mjs');
register();
