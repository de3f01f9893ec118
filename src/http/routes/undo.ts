import * as v from 'valibot';
import type { Value } from '../../schema/index.ts';
import type { UndoOptions, UndoPlan, UndoneKey } from '../../table/undo.ts';
import {
  type Answer,
  type Asked,
  type Handlers,
  json,
  numberIn,
  pageFacts,
  pageOf,
  requireWrite,
  tableOf,
  wholeIn,
} from '../asked.ts';
import { anObject } from '../../options/an-object.ts';
import { undoSinceSchema } from '../../table/undo.ts';
import { checked } from '../body.ts';
import { keyForm } from '../forms.ts';
import type { HostedTable, HttpHost } from '../host.ts';
import { MAX_PLANS, RECENT_MS } from '../limits.ts';
import { Recent } from '../past/recent.ts';
import { invalidRequest } from '../problem.ts';
import { valueForm } from './rows.ts';

const undoBody = anObject({
  origin: v.pipe(v.string(), v.minLength(1), v.maxLength(255)),
  since: undoSinceSchema,
});

/** The routes that take back what one author wrote, and show before what that would write. */
export class UndoRoutes {
  readonly #host: HttpHost;
  readonly #plans = new Recent<UndoPlan>(MAX_PLANS, RECENT_MS);

  constructor(host: HttpHost) {
    this.#host = host;
  }

  get handlers(): Handlers {
    return { previewUndo: (asked) => this.#preview(asked), undo: (asked) => this.#undo(asked) };
  }

  close(): void {
    this.#plans.close();
  }

  /** Throws a problem unless the credential may write the table: whoever may not has nothing to take back. */
  async #preview(asked: Asked): Promise<Answer> {
    const hosted = tableOf(this.#host, asked);
    requireWrite(asked.viewer, hosted.table.name);
    const options = optionsIn(asked.query);
    // Pages are of one plan while nothing is written.
    const { origin, since } = options;
    const { writes, kept } = await this.#plans.of(
      () => JSON.stringify([hosted.table.name, origin, since, this.#host.observed.position]),
      () => hosted.table.undo({ ...options, dryRun: true }),
    );
    const { after, limit } = pageOf(asked.query);
    const shown = writes.slice(after, after + limit).map((write) => writeForm(hosted, write));
    return json({ writes: shown, kept, ...pageFacts(asked, writes.length) });
  }

  async #undo(asked: Asked): Promise<Answer> {
    const hosted = tableOf(this.#host, asked);
    requireWrite(asked.viewer, hosted.table.name);
    const { origin, since } = checked(undoBody, asked.body);
    const plan = await this.#plans.once(() => hosted.table.undo({ origin, since, dryRun: true }));
    try {
      const keys = await plan.apply();
      asked.wrote(keys);
      return json({ keys, kept: plan.kept + plan.writes.length - keys });
    } catch (error) {
      // What the disk does not take may stand in the table: it is owed like what it takes.
      asked.wrote(plan.writes.length);
      throw error;
    }
  }
}

function optionsIn(query: URLSearchParams): UndoOptions {
  const origin = query.get('origin') ?? '';
  const [position, time] = [wholeIn(query, 'position'), numberIn(query, 'time')];
  if (origin === '') throw invalidRequest('origin is missing.', 'Name the node whose writes are taken back.');
  if ((position === undefined) === (time === undefined)) {
    throw invalidRequest(
      position === undefined ? 'Neither position nor time is given.' : 'Both position and time are given.',
      'Give position=… or time=…, from which on what was written is taken back.',
    );
  }
  return { origin, since: position === undefined ? { time: time as number } : { position } };
}

function writeForm({ projection: { schema } }: HostedTable, { key, kind, value }: UndoneKey): object {
  return {
    key: keyForm(schema, key as never),
    kind,
    ...(kind !== 'delete' && valueForm(schema, value as Value)),
  };
}
