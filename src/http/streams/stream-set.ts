import type { Asked } from '../asked.ts';
import type { HttpLimits } from '../limits.ts';
import { Problem, unauthorized } from '../problem.ts';
import type { Sockets } from '../../transport/websocket/sockets.ts';
import { EventStream } from './event-stream.ts';

/** Time between two signs of life of a stream, in milliseconds. */
const BEAT_MS = 15_000;

/** An open stream is kept with these. */
export interface OpenStream {
  readonly stream: EventStream;
  /** Up to where its reader was told, as an id; undefined for a stream without ids. */
  id(): string | undefined;
}

/** The streams of a node: so many of all, and of one holder. */
export class StreamSet {
  readonly #limits: HttpLimits;
  readonly #sockets: Sockets;
  readonly #open = new Map<EventStream, OpenStream['id']>();
  readonly #ofHolder = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: HttpLimits, sockets: Sockets) {
    this.#limits = limits;
    this.#sockets = sockets;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Throws a problem when no further stream may be opened, and for a credential that is gone since it was shown. */
  requireRoom({ viewer }: Asked): void {
    if (!viewer.isHeld()) throw unauthorized();
    const { maxStreams, maxStreamsPerHolder } = this.#limits;
    if (this.#open.size >= maxStreams) throw tooMany('this node', 'maxStreams', maxStreams);
    const ofHolder = this.#ofHolder.get(viewer.holder ?? '') ?? 0;
    if (ofHolder >= maxStreamsPerHolder)
      throw tooMany('one holder', 'maxStreamsPerHolder', maxStreamsPerHolder);
  }

  /** Opens a stream, which is over at once for a reader that has left. Throws a problem when there are too many. */
  open(asked: Asked, id: OpenStream['id'] = () => undefined): EventStream {
    this.requireRoom(asked);
    const stream = new EventStream(asked);
    // Whoever left while the stream was made ready takes up no place: nobody would tell of its end.
    if (stream.over) return stream;
    const holder = asked.viewer.holder ?? '';
    this.#open.set(stream, id);
    this.#ofHolder.set(holder, (this.#ofHolder.get(holder) ?? 0) + 1);
    this.#sockets.settle(asked.request.socket);
    asked.response.once('close', () => this.#closed(stream, holder));
    this.#timer ??= setInterval(() => this.#beat(), BEAT_MS);
    return stream;
  }

  #closed(stream: EventStream, holder: string): void {
    this.#open.delete(stream);
    const left = (this.#ofHolder.get(holder) ?? 1) - 1;
    if (left > 0) this.#ofHolder.set(holder, left);
    else this.#ofHolder.delete(holder);
    if (this.#open.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #beat(): void {
    for (const [stream, id] of this.#open) stream.beat(id());
  }

  /** Ends the streams of credentials that are gone, or give other rights now. */
  endRevoked(): void {
    for (const stream of this.#open.keys()) if (!stream.viewer.isHeld()) stream.end();
  }

  close(): void {
    clearInterval(this.#timer);
    for (const stream of this.#open.keys()) stream.end();
  }
}

function tooMany(whose: string, name: string, limit: number): Problem {
  return new Problem('TOO_MANY', `More than ${limit} streams of ${whose} are open.`, {
    hint: `Close one, or raise http.limits.${name}.`,
    retryable: true,
    headers: { 'retry-after': '5' },
    details: { limit },
  });
}
