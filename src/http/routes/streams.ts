import { map } from 'rxjs/internal/operators/map';
import { merge } from 'rxjs/internal/observable/merge';
import { TablecastError, isTablecastError } from '../../errors.ts';
import { follow } from '../../reading/follow.ts';
import type { Operation } from '../../log/operations/operation.ts';
import { type Asked, type Handlers, tableOf } from '../asked.ts';
import type { HostedTable, HttpHost } from '../host.ts';
import { invalidRequest } from '../problem.ts';
import { changeEvent, conflictEvent, idText, logEvent } from '../streams/change-events.ts';
import type { FeedSource } from '../streams/feed.ts';
import { Feeds } from '../streams/feeds.ts';
import { Follower } from '../streams/follower.ts';
import { Places } from '../places.ts';
import type { StreamSet } from '../streams/stream-set.ts';
import { tell } from '../streams/telling.ts';

/** Readers that read the log by themselves at one time. */
const CATCHING_UP = 16;
/** Values that wait for a reader of what stands in no log; beyond it the oldest are left out, and counted. */
const WAITING_VALUES = 256;

/** A stream that follows the log. */
interface Followed {
  readonly name: string;
  readonly source: FeedSource;
}

/** The parts are what the streams are made of. */
export interface StreamParts {
  readonly host: HttpHost;
  readonly streams: StreamSet;
}

/** The streams that follow the log, and the conflicts of tables. */
export class StreamRoutes {
  readonly #host: HttpHost;
  readonly #streams: StreamSet;
  readonly #feeds = new Feeds();
  readonly #places = new Places(CATCHING_UP);

  constructor({ host, streams }: StreamParts) {
    this.#host = host;
    this.#streams = streams;
  }

  get handlers(): Handlers {
    return {
      followChanges: (asked) => this.#changes(asked),
      followLog: (asked) => this.#log(asked),
      followConflicts: (asked) => this.#conflicts(asked),
      followAllConflicts: (asked) => this.#allConflicts(asked),
    };
  }

  close(): void {
    this.#feeds.close();
  }

  #changes(asked: Asked): Promise<undefined> {
    const host = this.#host;
    const hosted = tableOf(host, asked);
    const { name } = hosted.table;
    const encode = (operation: Operation): string => changeEvent(host, hosted, operation);
    return this.#follow(asked, { name: `table:${name}`, source: { host, table: name, encode } });
  }

  #log(asked: Asked): Promise<undefined> {
    const host = this.#host;
    const { grant, readKey } = asked.viewer;
    const readable = (name: string): HostedTable | undefined =>
      grant.mayRead(name) ? host.table(name) : undefined;
    const encode = (operation: Operation): string | undefined => {
      const hosted = readable(operation.table);
      return hosted && logEvent(host, hosted, operation);
    };
    return this.#follow(asked, { name: `log:${readKey}`, source: { host, table: undefined, encode } });
  }

  async #conflicts(asked: Asked): Promise<undefined> {
    const hosted = tableOf(this.#host, asked);
    const stream = this.#streams.open(asked);
    stream.begin(undefined);
    const values = follow(hosted.table.conflicts, { limit: WAITING_VALUES, overflow: 'drop-oldest' });
    void tell(stream, values, (conflict) => conflictEvent(hosted, conflict as never));
    return undefined;
  }

  /** Those of the tables that there are now: a reader that hears of another one asks again. */
  async #allConflicts(asked: Asked): Promise<undefined> {
    const stream = this.#streams.open(asked);
    stream.begin(undefined);
    const readable = Array.from(this.#host.tables()).filter(({ table }) =>
      asked.viewer.grant.mayRead(table.name),
    );
    const texts = readable.map((hosted) =>
      hosted.table.conflicts.pipe(
        map((conflict) => () => conflictEvent(hosted, conflict as never, hosted.table.name)),
      ),
    );
    const values = follow(merge(...texts), { limit: WAITING_VALUES, overflow: 'drop-oldest' });
    void tell(stream, values, (textOf) => textOf());
    return undefined;
  }

  async #follow(asked: Asked, { name, source }: Followed): Promise<undefined> {
    this.#streams.requireRoom(asked);
    const { host } = source;
    const after = afterOf(host, asked, source.table);
    const entered = this.#feeds.enter(name, source);
    const { feed } = entered;
    try {
      const cursor = await this.#cursorOf(asked, after, { source, start: feed.start });
      let follower: Follower | undefined;
      const stream = this.#streams.open(asked, () => idText(follower?.cursor ?? cursor, host.life));
      stream.begin(idText(cursor, host.life));
      follower = new Follower({ source, feed, places: this.#places }, stream, cursor);
      void follower.run().finally(() => entered.leave());
      return undefined;
    } catch (error) {
      entered.leave();
      throw error;
    }
  }

  /** Returns where to begin. Throws `LOG_TRIMMED` when the log does not reach back to there. */
  async #cursorOf(
    { response }: Asked,
    after: number | 'oldest',
    { source, start }: { readonly source: FeedSource; readonly start: number },
  ): Promise<number> {
    if (after !== 'oldest' && after >= start) return after;
    const { host, table } = source;
    const leave = await this.#places.enter();
    try {
      if (response.destroyed) return start;
      const first = await host.reader({ after: after === 'oldest' ? undefined : after, table }).next();
      if (after !== 'oldest') return after;
      // Of several stores the log is whole behind the position to which any of them was trimmed.
      const oldest = Math.max(host.trimmedTo(table), (first?.[0]?.position ?? start + 1) - 1);
      return Math.min(start, oldest);
    } catch (error) {
      throw isTablecastError(error, 'LOG_TRIMMED') ? trimmed(error) : error;
    } finally {
      leave();
    }
  }
}

const ID = /^(\d{1,16})(?:@([0-9a-z]{1,11}))?$/;

/** The position behind which a reader goes on, or begins. Throws a problem, or `LOG_TRIMMED`. */
function afterOf(host: HttpHost, { request, query }: Asked, table: string | undefined): number | 'oldest' {
  const last = request.headers['last-event-id'];
  const text = typeof last === 'string' && last !== '' ? last : query.get('after');
  if (text === null) return host.told(table);
  // Asked for in words, and not because of what was seen: as much as there is.
  if (text === '0' && text !== last) return 'oldest';
  const [, digits, life = host.life] = ID.exec(text) ?? [];
  const position = Number(digits);
  if (!Number.isSafeInteger(position)) {
    throw invalidRequest(
      `${JSON.stringify(text.slice(0, 40))} is no id of an event.`,
      'Send the id of the last event that was seen, as it was.',
    );
  }
  const standing = host.standing(position, life, table);
  if (standing === undefined) throw anotherLife(host);
  return standing;
}

function anotherLife(host: HttpHost): TablecastError {
  return new TablecastError(
    'LOG_TRIMMED',
    'This id is of an earlier life of the node, and what was told in it may be gone from the log.',
    {
      hint: 'Read the rows of the table, and follow it behind the id that they are answered with.',
      details: { life: host.life, position: host.observed.position },
    },
  );
}

function trimmed({ message, details }: TablecastError<'LOG_TRIMMED'>): TablecastError {
  return new TablecastError('LOG_TRIMMED', message, {
    hint: 'Read the rows of the table, and follow it behind the id that they are answered with (after=ID); after=0 begins with the oldest that is kept.',
    details,
  });
}
