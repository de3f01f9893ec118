/** Counts the bytes this process holds once garbage is gone; undefined unless it was started with `--expose-gc`. */
export function memoryHeld(): number | undefined {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) return undefined;
  for (let times = 0; times < 3; times++) gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
