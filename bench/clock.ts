/** Time and CPU between two points of one process, its helper threads and workers included. */
export interface Spent {
  readonly cpuUs: number;
  readonly wallUs: number;
}

/** Starts counting; call the result to read. Collects garbage first, so that nobody pays for what was before. */
export function stopwatch(): () => Spent {
  (globalThis as { gc?: () => void }).gc?.();
  const cpu = process.cpuUsage();
  const began = process.hrtime.bigint();
  return () => {
    const wallUs = Number(process.hrtime.bigint() - began) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { cpuUs: user + system, wallUs };
  };
}

/** CPU and rate per operation, as the contests of single processes report them. */
export function perOperation(spent: Spent, operations: number): { cpu: number; rate: number } {
  return { cpu: spent.cpuUs / operations, rate: operations / (spent.wallUs / 1e6) };
}

/** Microseconds of the clock that all processes of this machine share. */
export function sharedMicroseconds(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** Lets everything that waits in this turn of the event loop run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}
