import Database from 'better-sqlite3';
import { rm } from 'node:fs/promises';
import type { Environment } from '../../environment.ts';
import { TablecastError, isTablecastError } from '../../errors.ts';
import { quoted } from '../columns.ts';
import { sqliteDialect } from '../sqlite-values.ts';
import { type BroughtTables, type QueryCell, type Want, wantText } from './messages.ts';
import type { Source } from './sources.ts';

/** Pasts and facts that are kept for the queries of one set of tables; one query reads no more of them. */
const MAX_BROUGHT = 16;

/** Rows that are removed in one turn of the event loop. */
const CLEARED = 4096;

interface Kept {
  readonly stored: string;
  /** The position that it is of; undefined while it is being brought, or when that failed. */
  upTo: number | undefined;
  readonly source: Source;
}

/** A database of what queries read beside the tables: brought when it is asked for, a part in each turn of the event loop. */
export class Brought {
  readonly #file: string;
  readonly #environment: Environment;
  readonly #kept = new Map<string, Kept>();
  readonly #used = new Set<string>();
  #database: Database.Database | undefined;
  #numbers = 0;

  constructor(file: string, environment: Environment) {
    this.#file = file;
    this.#environment = environment;
  }

  /** Begins another query: what it reads is brought up to its position. */
  begin(): void {
    this.#used.clear();
  }

  /** The tables that this query has had brought. */
  get tables(): BroughtTables | undefined {
    if (this.#used.size === 0) return undefined;
    const stored = Array.from(this.#used, (text) => [text, this.#kept.get(text)?.stored ?? ''] as const);
    return { file: this.#file, tables: new Map(stored) };
  }

  /** Brings what a query wants. Rejects with `LIMIT_EXCEEDED`, and with what the source rejects with. */
  async bring(
    want: Want,
    { source, upTo }: { readonly source: Source; readonly upTo: number },
  ): Promise<void> {
    const text = wantText(want);
    if (this.#used.size >= MAX_BROUGHT) throw tooMuch();
    try {
      await this.#fill(text, source, upTo);
    } catch (error) {
      // What a log that was trimmed meanwhile no longer tells is told anew from where it begins.
      const kept = this.#kept.get(text);
      this.#forget(text);
      if (!isTablecastError(error, 'LOG_TRIMMED') || kept?.source.stays !== 'growing') throw error;
      await this.#fill(text, source, upTo);
    }
    this.#used.add(text);
  }

  async #fill(text: string, source: Source, upTo: number): Promise<void> {
    const known = this.#kept.get(text);
    if (known?.source.stays === 'whole') return;
    if (known?.source.stays === 'not') this.#forget(text);
    const kept = this.#kept.get(text) ?? this.#make(text, source);
    const after = kept.upTo ?? 0;
    if (after >= upTo && kept.upTo !== undefined) return;
    kept.upTo = undefined;
    const places = source.columns.map(() => '?').join(', ');
    const database = this.#open();
    const put = database.prepare<QueryCell[]>(`INSERT INTO ${quoted(kept.stored)} VALUES (${places})`);
    const putAll = database.transaction((part: readonly (readonly QueryCell[])[]) => {
      for (const cells of part) put.run(...cells);
    });
    for await (const part of source.rows(after, upTo)) {
      putAll(part);
      await new Promise<void>((resolve) => this.#environment.defer(resolve));
    }
    for (const [table, position] of source.gone?.() ?? []) await this.#clear(kept.stored, table, position);
    kept.upTo = upTo;
  }

  /** Removes what the log of a table no longer has. */
  async #clear(stored: string, table: string, upTo: number): Promise<void> {
    if (upTo === 0) return;
    const some = this.#open().prepare(
      `DELETE FROM ${stored} WHERE rowid IN (SELECT rowid FROM ${stored} WHERE table_name = ? AND position <= ? LIMIT ${CLEARED})`,
    );
    while (some.run(table, upTo).changes > 0)
      await new Promise<void>((resolve) => this.#environment.defer(resolve));
  }

  #make(text: string, source: Source): Kept {
    while (this.#kept.size >= MAX_BROUGHT) {
      const [oldest = ''] = [...this.#kept.keys()].filter((other) => !this.#used.has(other));
      this.#forget(oldest);
    }
    const kept = { stored: `b${this.#numbers++}`, upTo: undefined, source };
    const columns = source.columns.map((column) => `${quoted(column.name)} ${sqliteDialect.typeOf(column)}`);
    this.#open().exec(`CREATE TABLE ${kept.stored} (${columns.join(', ')}) STRICT`);
    if (source.stays === 'growing')
      this.#open().exec(
        `CREATE INDEX ${kept.stored}_writes ON ${kept.stored} (table_name, origin, sequence, position);
         CREATE INDEX ${kept.stored}_places ON ${kept.stored} (position)`,
      );
    this.#kept.set(text, kept);
    return kept;
  }

  #forget(text: string): void {
    const kept = this.#kept.get(text);
    if (kept === undefined) return;
    this.#kept.delete(text);
    this.#open().exec(`DROP TABLE ${kept.stored}`);
  }

  #open(): Database.Database {
    if (this.#database !== undefined) return this.#database;
    const database = new Database(this.#file);
    // It is made anew whenever anything goes wrong with it.
    database.pragma('journal_mode = MEMORY');
    database.pragma('synchronous = OFF');
    this.#database = database;
    return database;
  }

  async close(): Promise<void> {
    this.#database?.close();
    this.#database = undefined;
    this.#kept.clear();
    await rm(this.#file, { force: true });
  }
}

function tooMuch(): TablecastError {
  return new TablecastError('LIMIT_EXCEEDED', `The query reads more than ${MAX_BROUGHT} moments and facts.`, {
    hint: 'Ask about fewer moments at a time.',
    details: { limit: MAX_BROUGHT, name: 'MAX_BROUGHT' },
  });
}
