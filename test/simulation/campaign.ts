import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundlePrograms } from '../reliability/support/child-bundle.ts';
import type { Failure, Order, Outcome } from './campaign-worker.ts';

/** Seeds that a worker takes at a time. */
const AT_ONCE = 20;

/** What to run. */
export interface CampaignOptions extends Order {
  readonly workers: number;
  /** Called with each failure when it is found. */
  readonly failed: (failure: Failure) => void;
  /** Called now and then with the number of seeds that are done. */
  readonly progress?: ((seeds: number) => void) | undefined;
  /** No further seeds are begun after so many milliseconds. */
  readonly limitMs?: number | undefined;
}

/** What a campaign came to. */
export interface CampaignReport {
  readonly seeds: number;
  readonly failures: number;
  readonly totals: ReadonlyMap<string, number>;
  readonly seconds: number;
}

/** Runs seeds in several processes. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const source = fileURLToPath(new URL('campaign-worker.ts', import.meta.url));
  const bundle = await bundlePrograms({ 'campaign-worker': source });
  const begun = performance.now();
  const totals = new Map<string, number>();
  let next = options.from;
  let seeds = 0;
  let failures = 0;

  const take = (outcome: Outcome): void => {
    seeds += outcome.seeds;
    failures += outcome.failures.length;
    for (const [what, count] of Object.entries(outcome.totals))
      totals.set(what, (totals.get(what) ?? 0) + count);
    for (const failure of outcome.failures) options.failed(failure);
    options.progress?.(seeds);
  };
  const work = async (child: ChildProcess): Promise<void> => {
    const end = options.from + options.seeds;
    while (next < end && performance.now() - begun < (options.limitMs ?? Infinity)) {
      const { twice, shrinkMs, draw } = options;
      const from = next;
      next = Math.min(end, from + AT_ONCE);
      take(await outcomeOf(child, { from, seeds: next - from, twice, shrinkMs, draw }));
    }
  };
  const workers = Array.from({ length: options.workers }, () => fork(bundle.program('campaign-worker')));
  try {
    await Promise.all(workers.map((child) => work(child).finally(() => child.kill())));
  } finally {
    // Of one that failed, the others are still at it.
    for (const child of workers) child.kill();
    bundle.remove();
  }
  return { seeds, failures, totals, seconds: (performance.now() - begun) / 1000 };
}

function outcomeOf(child: ChildProcess, order: Order): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`a worker ended with ${code}`));
    child.once('exit', ended);
    child.once('message', (outcome) => {
      child.off('exit', ended);
      resolve(outcome as Outcome);
    });
    child.send(order, (error) => error === null || reject(error));
  });
}
