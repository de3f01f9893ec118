const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** Says what shells expect of a process that a signal ended: 128 and the number of the signal. */
const EXIT_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Ends the process at the first SIGINT or SIGTERM, until the returned function is called: for the time in
 * which there is nothing to end properly. Said aloud, because a process with the id 1, as in a container,
 * is not ended by signals it does not listen to.
 */
export function endBySignal(): () => void {
  const listeners = SIGNALS.map((signal) => {
    const listener = (): void => process.exit(EXIT_BY_SIGNAL[signal]);
    process.on(signal, listener);
    return { signal, listener };
  });
  return () => {
    for (const { signal, listener } of listeners) process.off(signal, listener);
  };
}

/**
 * Starts something that goes on until it ends itself or the process is told to stop by SIGINT or
 * SIGTERM; then stops it. Rejects with what it calls `fail` with, once it is stopped. A second signal ends
 * the process at once.
 */
export async function untilSignal(
  start: (end: () => void, fail: (error: unknown) => void) => () => void,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    // Timers and sockets of a node may all be idle: this keeps the process alive.
    const alive = setInterval(() => undefined, 60_000);
    let stop: (() => void) | undefined;
    let over = false;
    const finish = (settle: () => void): void => {
      if (over) return;
      over = true;
      clearInterval(alive);
      stop?.();
      settle();
    };
    const end = (): void => finish(resolve);
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        if (over) process.exit(EXIT_BY_SIGNAL[signal]);
        end();
      });
    }
    stop = start(end, (error) => finish(() => reject(error)));
    if (over) stop();
  });
}

/** Does something at each SIGHUP, until the returned function is called; without it that signal ends the process. */
export function onHangUp(act: () => void): () => void {
  process.on('SIGHUP', act);
  return () => process.off('SIGHUP', act);
}
