import { decodeMessage } from '../../src/replication/wire/wire.ts';
import { readRunHeader } from '../../src/log/runs/run.ts';
import type { Cluster } from '../support/cluster.ts';

/** Counts how often each operation crosses each link, from now on; with `oneWay` each direction by itself. */
export class Traffic {
  readonly #crossings = new Map<string, number>();
  readonly kinds: Map<string, number> = new Map();

  constructor(cluster: Cluster, oneWay = false) {
    cluster.network.observe = ({ from, to, frame }) => {
      const message = decodeMessage(frame);
      this.kinds.set(message.type, (this.kinds.get(message.type) ?? 0) + 1);
      if (message.type !== 'runs') return;
      const link = (oneWay ? [from, to] : [from, to].toSorted()).join(' – ');
      for (const bytes of message.runs) {
        const { table, origin, firstSequence, count } = readRunHeader(bytes);
        for (let index = 0; index < count; index++) {
          const name = `${link}: ${table} ${origin} ${firstSequence + index}`;
          this.#crossings.set(name, (this.#crossings.get(name) ?? 0) + 1);
        }
      }
    };
  }

  /** Crossings beyond the first, of any operation over any link. */
  get repeated(): string[] {
    return [...this.#crossings].flatMap(([name, count]) => (count > 1 ? [`${name}: ${count} times`] : []));
  }

  get crossings(): number {
    return [...this.#crossings.values()].reduce((sum, count) => sum + count, 0);
  }

  reset(): void {
    this.#crossings.clear();
    this.kinds.clear();
  }
}
