import { setTimeout as pause } from 'node:timers/promises';

const PAUSE_MS = 30;

/** A node as who writes and reads there over HTTP sees it. */
export class GuideWriter {
  readonly id: string;
  readonly #address: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #done: Promise<void>;
  #isStopped = false;
  /** Counts the rows that it wrote and was told are durable: `ID-1` to `ID-written`, and as much under ID in `counted`. */
  written = 0;
  /** What it read last of the counts. */
  #seen: Readonly<Record<string, number>> = {};
  /** Says when what was read had become less. */
  readonly wrong: string[] = [];

  constructor(id: string, port: number, token: string) {
    this.id = id;
    this.#address = `http://127.0.0.1:${port}/v1/tables`;
    this.#headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    this.#done = this.#write();
  }

  async #write(): Promise<void> {
    while (!this.#isStopped) {
      const next = this.written + 1;
      // One of the two is repeated after a restart; whether it was done before is looked at first.
      await this.#until(
        () => this.has(this.id, next),
        () => this.#ask('PUT', `seen/rows/${this.id}-${next}`, { value: next }),
      );
      await this.#until(
        async () => (await this.counts())[this.id] === next,
        () => this.#ask('POST', `counted/rows/${this.id}/increment`, {}),
      );
      this.written = next;
      this.#look(await this.#retried(() => this.counts()));
      await pause(PAUSE_MS);
    }
  }

  /** Does something once, however often the node is restarted meanwhile. */
  async #until(isDone: () => Promise<boolean>, task: () => Promise<unknown>): Promise<void> {
    for (let isRepeated = false; !isRepeated || !(await this.#retried(isDone)); isRepeated = true) {
      try {
        await task();
        return;
      } catch (error) {
        if (!isAway(error)) throw error;
      }
    }
  }

  async #retried<T>(task: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await task();
      } catch (error) {
        if (!isAway(error)) throw error;
        await pause(PAUSE_MS);
      }
    }
  }

  #look(counts: Readonly<Record<string, number>>): void {
    for (const [id, count] of Object.entries(this.#seen))
      if ((counts[id] ?? 0) < count)
        this.wrong.push(`${this.id} read ${counts[id] ?? 0} of ${id} behind ${count}`);
    this.#seen = counts;
  }

  /** Returns whether a row that a node wrote is here. */
  async has(id: string, number: number): Promise<boolean> {
    const response = await this.#fetch('GET', `seen/rows/${id}-${number}`);
    await response.arrayBuffer();
    return response.ok;
  }

  async counts(): Promise<Record<string, number>> {
    const { rows } = (await this.#ask('GET', 'counted/rows?limit=1000')) as {
      rows: { key: string; value: number }[];
    };
    return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
  }

  /** Resolves once a row that a node wrote is here. */
  async gets(id: string, number: number): Promise<void> {
    while (!(await this.#retried(() => this.has(id, number)))) await pause(PAUSE_MS);
  }

  async #ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await this.#fetch(method, path, body);
    const text = await response.text();
    if (response.status === 503) throw new TypeError(text);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  #fetch(method: string, path: string, body?: unknown): Promise<Response> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    return fetch(`${this.#address}/${path}`, { method, headers: this.#headers, ...sent });
  }

  /** Writes no more; resolves once the last one is durable. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }
}

/** What `fetch` rejects with when nobody listens, or who did is gone. */
function isAway(error: unknown): boolean {
  return error instanceof TypeError;
}
