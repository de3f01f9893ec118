/** A client under test that remembers everything it is told. */
import type { TablecastError } from '../../../src/errors.ts';
import { connectZeek, type ZeekClient, type ZeekLinkState } from '../../../src/zeek/protocol/client.ts';
import type { ZeekClientOptions } from '../../../src/zeek/protocol/client-options.ts';
import type { ZeekEvent } from '../../../src/zeek/protocol/messages.ts';
import { testEnvironment } from './test-environment.ts';

const cleanups: (() => Promise<unknown>)[] = [];

/** Has something done after the test. */
export function later(cleanup: () => Promise<unknown>): void {
  cleanups.push(cleanup);
}

/** Does what {@link later} was given, last first; to be called after each test. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
}

export class Watcher {
  readonly states: ZeekLinkState[] = [];
  readonly events: ZeekEvent[] = [];
  readonly problems: TablecastError[] = [];
  drains = 0;
  readonly client: ZeekClient;
  #waiting: { condition: () => boolean; resolve: () => void }[] = [];

  constructor(options: Partial<ZeekClientOptions> & { url: string }) {
    const environment = testEnvironment;
    const timings = { firstRetryMs: 5, maxRetryMs: 20, ...options.timings };
    this.client = connectZeek(
      { topics: ['zeek/table/'], environment, ...options, timings },
      {
        event: (event) => this.#note(() => this.events.push(event)),
        state: (state) => this.#note(() => this.states.push(state)),
        problem: (error) => this.#note(() => this.problems.push(error)),
        drain: () => this.#note(() => (this.drains += 1)),
      },
    );
    later(() => this.client.close());
  }

  async until(condition: () => boolean): Promise<void> {
    if (!condition()) await new Promise<void>((resolve) => this.#waiting.push({ condition, resolve }));
  }

  async connected(times = 1): Promise<void> {
    await this.until(() => this.states.filter(({ kind }) => kind === 'connected').length >= times);
  }

  #note(record: () => unknown): void {
    record();
    for (const { condition, resolve } of this.#waiting) if (condition()) resolve();
    this.#waiting = this.#waiting.filter(({ condition }) => !condition());
  }
}
