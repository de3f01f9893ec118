import { type DiskSizes, diskSizes } from './disk-sizes.ts';
import { EventCounts } from './event-counts.ts';
import { EXPOSITION_TYPE, type Metric, expose } from './exposition.ts';
import { readMetrics } from './metrics.ts';
import type { ObservedNode } from './observed-node.ts';
import { ReadinessCheck } from './readiness.ts';
import { Sampler } from './sampler.ts';

/** Metrics asked for within this time are the same, in milliseconds: asking often costs little. */
const SAME_MS = 500;

/** An answer is what one path answers. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** Tells of a node's health, whoever answers it: whether it lives, is ready, and its metrics. Never content of tables. */
export class HealthAnswers {
  readonly readiness: ReadinessCheck;
  readonly #node: ObservedNode;
  readonly #events: EventCounts;
  readonly #sampler: Sampler;
  #read: { readonly at: number; readonly metrics: Promise<readonly Metric[]> } | undefined;

  constructor(node: ObservedNode) {
    this.#node = node;
    this.readiness = new ReadinessCheck(node);
    this.#events = new EventCounts(node.events);
    this.#sampler = new Sampler(() => node.disk());
  }

  livez(): Answer {
    const { id, phase } = this.#node;
    return json(200, { alive: true, node: id, phase });
  }

  async readyz(): Promise<Answer> {
    const { ready, reasons } = await this.readiness.check();
    const tables = this.#node.tables();
    const peers = this.#node.peers();
    return json(ready ? 200 : 503, {
      ready,
      reasons,
      node: this.#node.id,
      tables: { declared: tables.length, synced: tables.filter(({ synced }) => synced).length },
      peers: { known: peers.length, connected: peers.filter(({ state }) => state === 'connected').length },
    });
  }

  /** The metrics in Prometheus's text format. */
  async exposed(): Promise<Answer> {
    return exposition(await this.metrics());
  }

  metrics(): Promise<readonly Metric[]> {
    const now = performance.now();
    if (this.#read === undefined || now - this.#read.at > SAME_MS)
      this.#read = { at: now, metrics: this.#readMetrics() };
    return this.#read.metrics;
  }

  async #readMetrics(): Promise<readonly Metric[]> {
    const sizes = await this.sizes();
    const { ready } = this.readiness.now();
    return readMetrics({ node: this.#node, events: this.#events, sampler: this.#sampler, sizes, ready });
  }

  /** Sizes of the database and its disk; undefined for a node without a directory. */
  async sizes(): Promise<DiskSizes | undefined> {
    const file = this.#node.disk()?.file;
    return file === undefined ? undefined : diskSizes(file);
  }

  /** Looks at nothing any more. Idempotent. */
  stop(): void {
    this.#sampler.stop();
    this.#events.stop();
  }
}

/** Metrics in Prometheus's text format, as an answer. */
export function exposition(metrics: readonly Metric[]): Answer {
  return { status: 200, type: EXPOSITION_TYPE, text: expose(metrics) };
}

/** An answer of JSON. */
export function json(status: number, content: unknown): Answer {
  return { status, type: 'application/json', text: `${JSON.stringify(content)}\n` };
}
