import { pause } from './clock.ts';

/** Memory in bytes once garbage is gone: what JavaScript holds, and what the process has of the machine. */
export async function settledMemory(): Promise<{ readonly held: number; readonly rss: number }> {
  for (let times = 0; times < 3; times++) {
    (globalThis as { gc?: () => void }).gc?.();
    await pause(20);
  }
  // `external` counts the buffers of `arrayBuffers` as well.
  const { heapUsed, external, rss } = process.memoryUsage();
  return { held: heapUsed + external, rss };
}
