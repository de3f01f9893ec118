import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = () => void;
let collect: Collect | undefined;

/** Runs a full garbage collection. */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose_gc');
    collect = runInNewContext('gc') as Collect;
  }
  // Buffers let go in the first are counted off in the second.
  collect();
  collect();
}

/** Heap and array buffers in use after a collection, in bytes. */
export function collectedHeap(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
