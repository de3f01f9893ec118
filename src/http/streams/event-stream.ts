import type { ServerResponse } from 'node:http';
import type { Viewer } from '../admission.ts';
import type { Asked } from '../asked.ts';

/** Bounds how long a reader may take nothing before its stream is ended, in milliseconds. */
const STALLED_MS = 60_000;
/** After how long a browser asks again when the stream ends, in milliseconds. */
const RETRY_MS = 1000;

/**
 * One stream of Server-Sent Events to one reader. It keeps nothing that the socket has not taken but what was written
 * last: who writes waits for {@link drained} first.
 */
export class EventStream {
  readonly viewer: Viewer;
  readonly #response: ServerResponse;
  #blockedSince: number | undefined;
  #waiting: (() => void)[] = [];
  #over = false;
  /** Called when the reader takes more, and when it is gone. */
  onReady: (() => void) | undefined;

  /** Takes the response of a request over, and answers with 200. */
  constructor({ viewer, request, response }: Asked) {
    this.viewer = viewer;
    this.#response = response;
    this.#over = response.destroyed;
    if (this.#over) return;
    request.setTimeout(0);
    response.once('close', () => this.#end());
    response.on('drain', () => this.#drained());
    // A socket that breaks is told of as closed.
    response.on('error', () => undefined);
    // The end of the stream is the end of the connection: no byte is spent on dividing it into chunks.
    response.removeHeader('transfer-encoding');
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-accel-buffering': 'no',
      connection: 'close',
    });
    if (request.method === 'HEAD') this.end();
  }

  get over(): boolean {
    return this.#over;
  }

  /** Says whether the reader takes more at present. */
  get isReady(): boolean {
    return !this.#over && this.#blockedSince === undefined;
  }

  /** Writes the beginning: from where the reader goes on if the stream ends before its first event. */
  begin(id: string | undefined): void {
    this.write(`retry: ${RETRY_MS}\n${id === undefined ? '' : `id: ${id}\n`}\n`);
  }

  /** Hands events to the socket. */
  write(events: string | Uint8Array): void {
    if (this.#over || this.#response.write(events)) return;
    this.#blockedSince ??= performance.now();
  }

  /** Resolves when the reader takes more, or the stream is over. */
  drained(): Promise<void> {
    if (this.isReady || this.#over) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Shows that the connection is alive; ends one whose reader takes nothing. */
  beat(id: string | undefined): void {
    const since = this.#blockedSince;
    // A reader that did not take the end of its stream since the beat before takes nothing.
    if (this.#over) this.#response.destroy();
    else if (since === undefined) this.write(id === undefined ? ':\n\n' : `id: ${id}\n\n`);
    else if (performance.now() - since > STALLED_MS) this.#response.destroy();
  }

  /** Ends it after what was written. */
  end(): void {
    if (this.#over) return;
    this.#response.end();
    this.#end();
  }

  #drained(): void {
    this.#blockedSince = undefined;
    for (const resolve of this.#waiting.splice(0)) resolve();
    this.onReady?.();
  }

  #end(): void {
    this.#over = true;
    this.#drained();
  }
}

/** One event, as it travels. */
export function eventText(event: {
  readonly id?: string;
  readonly name: string;
  readonly data: string;
}): string {
  const id = event.id === undefined ? '' : `id: ${event.id}\n`;
  return `${id}event: ${event.name}\ndata: ${event.data}\n\n`;
}
