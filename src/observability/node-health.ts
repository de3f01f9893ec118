import { type Answer, HealthAnswers } from './health-answers.ts';
import { HealthListener, type HealthOptions } from './health-listener.ts';
import type { ObservedNode } from './observed-node.ts';

/** Answers about one node, on a port of its own: see {@link HealthAnswers}. */
export class NodeHealth {
  readonly #port: number;
  readonly #listener: HealthListener;
  readonly #answers: HealthAnswers;

  constructor(node: ObservedNode, { port, host = '127.0.0.1' }: HealthOptions) {
    this.#port = port;
    const answers = new HealthAnswers(node);
    this.#answers = answers;
    this.#listener = new HealthListener(
      host,
      new Map<string, () => Answer | Promise<Answer>>([
        ['/livez', () => answers.livez()],
        ['/readyz', () => answers.readyz()],
        ['/metrics', () => answers.exposed()],
      ]),
    );
  }

  /** Resolves with the URL; rejects with `LISTEN_FAILED`. */
  open(): Promise<string> {
    return this.#listener.open(this.#port);
  }

  async close(): Promise<void> {
    this.#answers.stop();
    await this.#listener.close();
  }
}
