import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type ChildBundle, bundlePrograms } from '../../reliability/support/child-bundle.ts';
import type { VictimPlan, VictimReport } from './victim-child.ts';

/** A node in a process of its own, so that what its attackers do does not count as its own work. */
export class Victim {
  readonly #child: ChildProcess;
  readonly address: string;

  private constructor(child: ChildProcess, address: string) {
    this.#child = child;
    this.address = address;
  }

  /** Builds the program once; `remove` it at the end. */
  static program(): Promise<ChildBundle> {
    const entry = fileURLToPath(new URL('victim-child.ts', import.meta.url));
    return bundlePrograms({ victim: entry });
  }

  static async start(programs: ChildBundle, plan: VictimPlan): Promise<Victim> {
    const child = fork(programs.program('victim'), [JSON.stringify(plan)], { execArgv: ['--expose-gc'] });
    const [{ address }] = (await once(child, 'message')) as [{ address: string }];
    return new Victim(child, address);
  }

  /** What was measured since this was called last. */
  async report(): Promise<VictimReport> {
    const answer = once(this.#child, 'message');
    this.#child.send('report');
    const [report] = (await answer) as [VictimReport];
    return report;
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill();
    await ended;
  }
}
