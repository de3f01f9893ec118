import type { Environment } from '../../environment.ts';

/** Bounds how long closing waits for peers to acknowledge, and how often it looks, in milliseconds. */
const SETTLE_MS = 1000;
const SETTLE_STEP_MS = 5;

/** Gives peers a last chance to take what they have not acknowledged. */
export async function settle(
  sessions: Iterable<{ readonly settled: boolean }>,
  environment: Environment,
): Promise<void> {
  const untilMs = environment.elapsed() + SETTLE_MS;
  while ([...sessions].some((session) => !session.settled) && environment.elapsed() < untilMs) {
    await new Promise<void>((resolve) => {
      environment.schedule(SETTLE_STEP_MS, resolve);
    });
  }
}
