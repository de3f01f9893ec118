import type { Operation } from '../../log/operations/operation.ts';
import type { ConflictSide } from '../../projection/telling/change.ts';
import type { Schema, Value } from '../../schema/index.ts';
import {
  type Answer,
  type Asked,
  type Handlers,
  json,
  numberIn,
  pageFacts,
  pageOf,
  tableOf,
  wholeIn,
} from '../asked.ts';
import { keyForm } from '../forms.ts';
import type { HostedTable, HttpHost } from '../host.ts';
import { MAX_HISTORIES, MAX_STATES, RECENT_MS } from '../limits.ts';
import type { Census } from '../past/census.ts';
import { type Differing, type State, differences } from '../past/difference.ts';
import { type Effect, type History, dotOf, historyOf } from '../past/history.ts';
import { Recent } from '../past/recent.ts';
import { invalidRequest } from '../problem.ts';
import { keyIn, valueForm } from './rows.ts';

/** The routes that tell what was: tables at a moment, what differs between two, and the history of a key. */
export class PastRoutes {
  readonly #host: HttpHost;
  readonly #census: Census;
  readonly #states = new Recent<State>(MAX_STATES, RECENT_MS);
  readonly #differences = new Recent<readonly Differing[]>(MAX_STATES, RECENT_MS);
  readonly #histories = new Recent<History>(MAX_HISTORIES, RECENT_MS);

  constructor(host: HttpHost, census: Census) {
    this.#host = host;
    this.#census = census;
  }

  get handlers(): Handlers {
    const history = (asked: Asked): Promise<Answer> => this.#history(asked);
    return {
      rowsAt: (asked) => this.#rowsAt(asked),
      difference: (asked) => this.#difference(asked),
      getHistory: history,
      getHistoryByQuery: history,
    };
  }

  close(): void {
    for (const recent of [this.#states, this.#differences, this.#histories]) recent.close();
  }

  async #rowsAt(asked: Asked): Promise<Answer> {
    const hosted = tableOf(this.#host, asked);
    const time = numberIn(asked.query, 'time');
    const given = wholeIn(asked.query, 'position');
    if (time === undefined && given === undefined)
      throw invalidRequest('Neither position nor time is given.', 'Give position=… or time=….');
    const bound = this.#bounded(given);
    const state = await this.#state(hosted, { position: bound, time });
    const position = time === undefined ? bound : await this.#positionAt(hosted, time);
    const { after, limit } = pageOf(asked.query);
    const { schema } = hosted.projection;
    const rows = Array.from(state).slice(after, after + limit);
    return json({
      position,
      time,
      rows: rows.map(([key, value]) => ({ key: keyForm(schema, key), ...valueForm(schema, value) })),
      ...pageFacts(asked, state.size, { position: String(bound) }),
    });
  }

  /** Says where in the log about that time is: authors' clocks do not follow the order of the log. */
  async #positionAt({ table }: HostedTable, time: number): Promise<number> {
    await this.#census.update();
    return this.#census.positionAt(table.name, time);
  }

  /** A position that there is: what comes later is not known now. */
  #bounded(position: number | undefined): number {
    return Math.min(position ?? Infinity, this.#host.observed.position);
  }

  #state(
    hosted: HostedTable,
    moment: { readonly position: number; readonly time: number | undefined },
  ): Promise<State> {
    const name = JSON.stringify([hosted.table.name, moment.position, moment.time]);
    return this.#states.of(
      () => name,
      () => this.#host.stateAt({ table: hosted.table.name, ...moment }),
    );
  }

  async #difference(asked: Asked): Promise<Answer> {
    const hosted = tableOf(this.#host, asked);
    const from = wholeIn(asked.query, 'from');
    if (from === undefined) throw invalidRequest('from is missing.', 'Give two positions: from=…&to=….');
    const bounds = { from: this.#bounded(from), to: this.#bounded(wholeIn(asked.query, 'to')) };
    const { schema } = hosted.projection;
    const name = JSON.stringify([hosted.table.name, bounds]);
    const found = await this.#differences.of(
      () => name,
      async () => {
        const before = await this.#state(hosted, { position: bounds.from, time: undefined });
        const after = await this.#state(hosted, { position: bounds.to, time: undefined });
        return differences(before, after, (key) => schema.keyText(key));
      },
    );
    const { after, limit } = pageOf(asked.query);
    const changes = found.slice(after, after + limit).map((one) => differenceForm(schema, one));
    return json({ ...bounds, changes, ...pageFacts(asked, found.length, { to: String(bounds.to) }) });
  }

  async #history(asked: Asked): Promise<Answer> {
    const found = keyIn(this.#host, asked);
    const told = this.#host.told(found.table.name);
    const until = Math.min(wholeIn(asked.query, 'position') ?? told, told);
    const name = JSON.stringify([found.table.name, found.text, until]);
    const history = await this.#histories.of(
      () => name,
      () => historyOf(this.#host, found, { text: found.text, until }),
    );
    const { after, limit } = pageOf(asked.query);
    const { schema } = found.projection;
    const operations = history.operations
      .slice(after, after + limit)
      .map((operation) => entryForm(schema, operation, history.effects));
    const { position, complete } = history;
    return json({
      position,
      operations,
      complete,
      ...pageFacts(asked, history.operations.length, { position: String(position) }),
    });
  }
}

function differenceForm(schema: Schema, { kind, key, before, after }: Differing): object {
  return {
    kind,
    key: keyForm(schema, key),
    ...named(schema, 'before', before),
    ...named(schema, 'after', after),
  };
}

/** A value under another name than `value`; nothing where there is none. */
function named(schema: Schema, name: string, value: Value): object {
  const { value: form } = valueForm(schema, value);
  return form === undefined ? {} : { [name]: form };
}

function entryForm(
  schema: Schema,
  operation: Operation,
  effects: ReadonlyMap<string, Effect> | undefined,
): object {
  const { position, origin, sequence, time, kind, value } = operation;
  const { change, conflict } = effects?.get(dotOf(operation)) ?? {};
  const isValue = kind === 'set' || kind === 'increment';
  return {
    position,
    origin,
    sequence,
    time,
    kind,
    ...(isValue && named(schema, 'value', value as Value)),
    ...(kind === 'switch' && { value }),
    ...(effects !== undefined && { effect: change?.kind ?? 'none' }),
    ...(change !== undefined && {
      ...named(schema, 'before', change.previous),
      ...named(schema, 'after', change.value),
    }),
    ...(conflict !== undefined && {
      conflict: {
        key: keyForm(schema, conflict.key),
        kept: sideForm(schema, conflict.kept),
        lost: sideForm(schema, conflict.lost),
        position,
        time,
      },
    }),
  };
}

function sideForm(schema: Schema, { value, origin, sequence }: ConflictSide): object {
  return { ...valueForm(schema, value), origin, sequence };
}
