import { type DiskSizes, diskSizes } from './disk-sizes.ts';
import { EventCounts } from './event-counts.ts';
import { EXPOSITION_TYPE, expose } from './exposition.ts';
import { type Answer, HealthListener, type HealthOptions } from './health-listener.ts';
import { readMetrics } from './metrics.ts';
import type { ObservedNode } from './observed-node.ts';
import { ReadinessCheck } from './readiness.ts';
import { Sampler } from './sampler.ts';

/** Metrics asked for within this time get the same text, in milliseconds: asking often costs little. */
const SAME_TEXT_MS = 500;

/** Answers about one node: whether it lives, whether it is ready, and its metrics. Never content of tables. */
export class NodeHealth {
  readonly #node: ObservedNode;
  readonly #port: number;
  readonly #listener: HealthListener;
  readonly #readiness: ReadinessCheck;
  readonly #events: EventCounts;
  readonly #sampler: Sampler;
  #text: { readonly at: number; readonly text: Promise<string> } | undefined;

  constructor(node: ObservedNode, { port, host = '127.0.0.1' }: HealthOptions) {
    this.#node = node;
    this.#port = port;
    this.#readiness = new ReadinessCheck(node);
    this.#events = new EventCounts(node.events);
    this.#sampler = new Sampler(() => node.disk());
    this.#listener = new HealthListener(
      host,
      new Map<string, () => Answer | Promise<Answer>>([
        ['/livez', () => json(200, { alive: true, node: node.id, phase: node.phase })],
        ['/readyz', () => this.#readyz()],
        ['/metrics', async () => ({ status: 200, type: EXPOSITION_TYPE, text: await this.#metrics() })],
      ]),
    );
  }

  /** Resolves with the URL; rejects with `LISTEN_FAILED`. */
  open(): Promise<string> {
    return this.#listener.open(this.#port);
  }

  async #readyz(): Promise<Answer> {
    const { ready, reasons } = await this.#readiness.check();
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

  #metrics(): Promise<string> {
    const now = performance.now();
    if (this.#text === undefined || now - this.#text.at > SAME_TEXT_MS) {
      this.#text = { at: now, text: this.#expose() };
    }
    return this.#text.text;
  }

  async #expose(): Promise<string> {
    const file = this.#node.disk()?.file;
    const sizes: DiskSizes | undefined = file === undefined ? undefined : await diskSizes(file);
    const { ready } = this.#readiness.now();
    const sources = { node: this.#node, events: this.#events, sampler: this.#sampler, sizes, ready };
    return expose(readMetrics(sources));
  }

  async close(): Promise<void> {
    this.#sampler.stop();
    this.#events.stop();
    await this.#listener.close();
  }
}

function json(status: number, content: unknown): Answer {
  return { status, type: 'application/json', text: `${JSON.stringify(content)}\n` };
}
