import { Observable } from 'rxjs/internal/Observable';
import type { Stream } from '../work/stream.ts';
import { type Follower, follow } from './follow.ts';
import type { NodeEvent } from '../events.ts';

/** A stream that `for await` follows. */
class FollowedStream<T> extends Observable<T> implements Stream<T> {
  [Symbol.asyncIterator](): Follower<T> {
    return follow<T>(this);
  }
}

const MAX_SUBSCRIBERS = 1024;

/** The options say how to tell of streams with many subscribers. */
export interface SubscriberOptions {
  /** Subscribers of one stream beyond which it is told. Default 1,024. */
  readonly maxSubscribers?: number | undefined;
  /** Called while somebody subscribes: must not tell subscribers before that is over. */
  readonly report: (event: NodeEvent) => void;
}

/**
 * Counts the subscribers of one stream, and tells of more than anybody is likely to want: once when
 * there are more than the limit, and again each time that there are twice as many as when it was told last.
 * Nobody is refused.
 */
export class SubscriberCount {
  readonly #stream: string;
  readonly #table: string | undefined;
  readonly #report: SubscriberOptions['report'];
  readonly #limit: number;
  #tellBeyond: number;
  #count = 0;

  constructor(
    stream: string,
    { maxSubscribers = MAX_SUBSCRIBERS, report }: SubscriberOptions,
    table?: string,
  ) {
    this.#stream = stream;
    this.#table = table;
    this.#report = report;
    this.#limit = maxSubscribers;
    this.#tellBeyond = maxSubscribers;
  }

  /** One more; the returned function takes it away again, and is called once. */
  readonly enter = (): (() => void) => {
    this.#count++;
    if (this.#count > this.#tellBeyond) {
      this.#tellBeyond = 2 * this.#count;
      this.#report(this.#crowded());
    }
    return () => void this.#count--;
  };

  /** The same stream, its subscribers counted; each value reaches them as directly as before. */
  of<T>(stream: Observable<T>): Stream<T> {
    return new FollowedStream<T>((subscriber) => {
      subscriber.add(this.enter());
      return stream.subscribe(subscriber);
    });
  }

  #crowded(): NodeEvent {
    const where =
      this.#table === undefined ? `node.${this.#stream}` : `${this.#stream} of table ${this.#table}`;
    return {
      code: 'subscribers-many',
      severity: 'warning',
      message: `${this.#count} subscribers of ${where} at one time, more than maxSubscribers (${this.#limit}): is one added again and again and never unsubscribed?`,
      table: this.#table,
      details: { stream: this.#stream, subscribers: this.#count, maxSubscribers: this.#limit },
    };
  }
}

/** The streams of a table, their subscribers counted. */
export function tableCounts(
  table: string,
  options: SubscriberOptions,
): <T>(stream: string, source: Observable<T>) => Stream<T> {
  return (stream, source) => new SubscriberCount(stream, options, table).of(source);
}
