import { TablecastError } from '../errors.ts';
import {
  MAX_SQL_NAME,
  type MadeTables,
  type TablePlan,
  historyName,
  madeAs,
  quoted,
  shapeOf,
} from './columns.ts';
import { notOurs, standingsOfOthers, hasMore } from './refusals.ts';
import { type Dialect, STANDINGS, createHistory, createStandings, createTable } from './statements.ts';
import type { FoundTable } from './target.ts';

/** The line of `STANDINGS` on a table. */
export interface Recorded {
  readonly source: string;
  readonly position: number;
  readonly shape: string;
}

/** Something that has a name in a target. */
export interface Seen {
  /** As it is written there. */
  readonly name: string;
  readonly isTable: boolean;
  readonly columns: readonly string[];
}

/** A database in which tables are found and made. */
export interface MakingPlace {
  readonly dialect: Dialect;
  run(sql: string): Promise<unknown>;
  /** Finds whatever has a name; undefined where nothing has. */
  seen(name: string): Promise<Seen | undefined>;
  /** The line on a table. */
  recorded(into: string): Promise<Recorded | undefined>;
  /** Names what others hung on a table, which would go with it; until the transaction ends nobody hangs more on it. */
  attached(name: string): Promise<readonly string[]>;
}

/** The state of a table in a target. */
export interface Found extends FoundTable {
  readonly exists: boolean;
  /** Up to where the history goes that a projection made; undefined where there is none. */
  readonly historyUpTo: number | undefined;
  readonly made: MadeTables;
}

/** Makes `STANDINGS`; throws `OPTION_INVALID` where somebody else has something under that name. */
export async function makeStandings(place: MakingPlace, integer: string): Promise<void> {
  const seen = await place.seen(STANDINGS);
  if (seen === undefined) await place.run(createStandings(place.dialect, integer));
  else if (!isMade(seen, ['target', 'source', 'position', 'shape'])) throw standingsOfOthers(seen.name);
}

/** Finds what is under the names of a plan. Throws `OPTION_INVALID` where that is nothing that a projection made for it. */
export async function findTable(plan: TablePlan, place: MakingPlace): Promise<Found> {
  const row = await place.recorded(plan.into);
  const made = madeAs(row?.shape);
  const table = await place.seen(plan.into);
  if (table !== undefined && !plan.existing && !isMade(table, made.table)) throw notOurs(plan, table.name);
  const history = await place.seen(historyName(plan));
  const hasHistory = history !== undefined && isMade(history, made.history);
  if (plan.history && history !== undefined && !hasHistory) throw notOurs(plan, history.name);
  const historyUpTo = hasHistory ? row?.position : undefined;
  if (table === undefined) return { exists: false, standing: undefined, fits: true, historyUpTo, made };
  const isWhole = row?.shape === shapeOf(plan) && (hasHistory || !plan.history);
  const standing = row === undefined ? undefined : { source: row.source, position: row.position };
  return { exists: true, standing, fits: plan.existing || isWhole, historyUpTo, made };
}

function isMade({ isTable, columns }: Seen, made: readonly string[] | undefined): boolean {
  return isTable && made !== undefined && made.every((name) => columns.includes(name));
}

/** Makes tables in the place of those that were found; each in a transaction. */
export class TableMaker {
  readonly #place: MakingPlace;
  readonly #found: ReadonlyMap<string, Found>;
  /** Names that tables of this projection are to have. */
  readonly #wanted = new Set<string>();

  constructor(place: MakingPlace, plans: readonly TablePlan[], found: readonly Found[]) {
    this.#place = place;
    this.#found = new Map(plans.map(({ into }, index) => [into, found[index] as Found]));
    for (const plan of plans)
      for (const name of [plan.into, historyName(plan)]) this.#wanted.add(name.toLowerCase());
  }

  /** Makes the table of a plan; gives the name of it, which is another where one stands that does not fit. */
  async make(plan: TablePlan): Promise<string> {
    const { exists, fits, historyUpTo, made } = this.#found.get(plan.into) as Found;
    if (exists && fits) return plan.into;
    const now = await findTable(plan, this.#place);
    if (now.exists !== exists || now.historyUpTo !== historyUpTo) throw changedMeanwhile(plan);
    if (exists) await this.#requireNothingElse(plan, made.table);
    const name = exists ? await this.#freeName(nameBeside(plan)) : plan.into;
    await this.#place.run(createTable(plan, name, this.#place.dialect));
    if (historyUpTo !== undefined) await this.#setHistoryAside(plan, historyUpTo);
    if (plan.history) await this.#makeHistory(plan);
    return name;
  }

  /** Throws `OPTION_INVALID` where others added to a table something that would be lost with it. */
  async #requireNothingElse(plan: TablePlan, made: readonly string[] = []): Promise<void> {
    const attached = await this.#place.attached(plan.into);
    const { columns } = (await this.#place.seen(plan.into)) as Seen;
    const added = columns.filter((name) => !made.includes(name)).map((name) => `column ${name}`);
    if (added.length + attached.length > 0) throw hasMore(plan, [...added, ...attached]);
  }

  async #makeHistory(plan: TablePlan): Promise<void> {
    const name = historyName(plan);
    const { now, past } = {
      now: await this.#freeName(`${name}_now`),
      past: await this.#freeName(`${name}_past`),
    };
    for (const sql of createHistory(plan, this.#place.dialect, { now, past })) await this.#place.run(sql);
  }

  /** A history with other columns stays, with its indexes, under a name that says up to where it goes. */
  async #setHistoryAside(plan: TablePlan, upTo: number): Promise<void> {
    const history = historyName(plan);
    const aside = await this.#freeName(`${history}_${upTo}`);
    await this.#place.run(`ALTER TABLE ${quoted(history)} RENAME TO ${quoted(aside)}`);
  }

  /** The first of `name`, `name_2`, … that nothing has, and no table of this projection is to have. */
  async #freeName(name: string): Promise<string> {
    for (let number = 1; ; number++) {
      const free = number === 1 ? name : `${name}_${number}`;
      if (!this.#wanted.has(free.toLowerCase()) && (await this.#place.seen(free)) === undefined) return free;
    }
  }
}

/** A name for the time until it takes the place of the other: longer than any that a table can have. */
function nameBeside({ into }: TablePlan): string {
  return `${into}__next${'_'.repeat(MAX_SQL_NAME - Buffer.byteLength(into))}`;
}

function changedMeanwhile({ table, into }: TablePlan): TablecastError {
  return new TablecastError(
    'BACKEND_IN_USE',
    `The table ${into} of the target was made or dropped meanwhile.`,
    {
      hint: 'Nothing need be done: the projection begins again.',
      details: { table, into },
      retryable: true,
    },
  );
}
