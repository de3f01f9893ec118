import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ComparisonProcess } from './child-process.ts';
import type { NatsOptions } from '../nats/options.ts';
import type { NodeCounters } from './messages.ts';
import type { NodeNotes } from './observer.ts';
import type { PlayedCluster } from './play.ts';
import type { ComparedMode } from './tables.ts';
import { type Stretch, type Workload, type WorkloadRow, reachable } from './workload.ts';

/** A process per node, a database per node, between them WebSockets on loopback or a NATS server. */
export class RealCluster implements PlayedCluster {
  readonly #workload: Workload;
  readonly #nats: NatsOptions | undefined;
  readonly #processes: ComparisonProcess[] = [];
  #cutOff: number | undefined;
  /** Holds what the nodes counted; there after {@link finish}. */
  counters: readonly NodeCounters[] = [];

  constructor(workload: Workload, nats?: NatsOptions) {
    this.#workload = workload;
    this.#nats = nats;
  }

  /** Starts all nodes below a directory. Rejects with the reason when the mode cannot be had. */
  async open(mode: ComparedMode, directory: string): Promise<void> {
    const workload = this.#workload;
    const peers: string[] = [];
    for (let index = 0; index < workload.options.nodes; index++)
      this.#processes.push(new ComparisonProcess());
    for (const [index, started] of this.#processes.entries()) {
      const place = join(directory, String(index));
      mkdirSync(place, { recursive: true });
      const own = { type: 'open', index, directory: place, mode, workload } as const;
      const request = { ...own, peers: [...peers], nats: this.#nats } as const;
      const { address } = await started.ask(request, 'opened');
      if (this.#nats === undefined) peers.push(address);
    }
  }

  async cut(node: number): Promise<void> {
    this.#cutOff = node;
    await this.#processes[node]?.ask({ type: 'cut' }, 'done');
  }

  async heal(): Promise<void> {
    if (this.#cutOff !== undefined) await this.#processes[this.#cutOff]?.ask({ type: 'heal' }, 'done');
    this.#cutOff = undefined;
  }

  async write(row: number): Promise<void> {
    const { node } = this.#workload.rows[row] as WorkloadRow;
    await this.#processes[node]?.ask({ type: 'write', from: row, to: row + 1 }, 'done');
  }

  async burst(from: number, to: number): Promise<void> {
    await Promise.all(this.#processes.map((each) => each.ask({ type: 'write', from, to }, 'done')));
  }

  /** Writes all rows as fast as the nodes can, and resolves when every node has them. */
  async race(): Promise<void> {
    const to = this.#workload.rows.length;
    await Promise.all(this.#processes.map((each) => each.ask({ type: 'race' }, 'done')));
    await this.arrived(to, { from: 0, to, busy: true, cutOff: undefined });
  }

  async arrived(rows: number, stretch: Stretch): Promise<void> {
    await Promise.all(
      this.#processes.map((each, node) =>
        each.ask({ type: 'hold', wanted: reachable(this.#workload, { node, rows, stretch }) }, 'done'),
      ),
    );
  }

  async finish(): Promise<readonly NodeNotes[]> {
    const all = await Promise.all(this.#processes.map((each) => each.ask({ type: 'finish' }, 'finished')));
    this.counters = all.map(({ counters }) => counters);
    return all.map(({ notes }) => notes);
  }

  /** Ends every process, and resolves when they are gone. */
  async close(): Promise<void> {
    await Promise.all(this.#processes.map((each) => each.end()));
  }
}
