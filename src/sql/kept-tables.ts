import type { Environment } from '../environment.ts';
import { isTablecastError } from '../errors.ts';
import type { NodeEvent } from '../events.ts';
import type { StoreName } from '../log/keeping/journal.ts';
import type { Schema } from '../schema/index.ts';
import { checkProjectOptions } from './options.ts';
import type { SqlProjection } from './sql-projection.ts';

/** The parts that keep all tables of a node. */
export interface KeptParts {
  readonly environment: Environment;
  /** The file that all tables are kept in. */
  readonly to: string;
  /** Gives the tables declared so far. */
  schemas(): Iterable<Schema>;
  begin(tables: readonly string[], to: string): SqlProjection;
  report(this: void, event: NodeEvent): void;
}

/** Keeps every table of a node in one file: one projection for each backend, begun anew when a table is declared. */
export class KeptTables {
  readonly #parts: KeptParts;
  readonly #projections = new Map<StoreName, SqlProjection>();
  readonly #refused = new Set<string>();
  #isDue = false;
  #working: Promise<void> = Promise.resolve();

  constructor(parts: KeptParts) {
    this.#parts = parts;
  }

  /** Takes in what was declared, together with what is declared in the same turn. */
  declared(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#parts.environment.defer(() => {
      this.#isDue = false;
      this.#working = this.#working.then(() => this.#keep());
    });
  }

  async #keep(): Promise<void> {
    const fitting = [...this.#parts.schemas()].filter((schema) => this.#fits(schema));
    for (const backend of ['memory', 'sqlite'] as const) {
      const names = fitting.filter((schema) => schema.backend === backend).map(({ name }) => name);
      const current = this.#projections.get(backend);
      if (names.length === (current?.tables.length ?? 0)) continue;
      await current?.close();
      try {
        this.#projections.set(backend, this.#parts.begin(names, this.#parts.to));
      } catch (error) {
        this.#refuse(names.join(', '), error);
      }
    }
  }

  /** Tells whether a table can be in the file beside the others; of one that cannot it is told once. */
  #fits(schema: Schema): boolean {
    const same = [...this.#parts.schemas()].find(
      ({ name }) => name.toLowerCase() === schema.name.toLowerCase(),
    );
    try {
      checkProjectOptions(same === undefined || same === schema ? [schema] : [same, schema], {
        to: this.#parts.to,
      });
      return true;
    } catch (error) {
      this.#refuse(schema.name, error);
      return false;
    }
  }

  #refuse(tables: string, error: unknown): void {
    if (this.#refused.has(tables)) return;
    this.#refused.add(tables);
    const { message, hint } = isTablecastError(error) ? error : { message: String(error), hint: '' };
    const text = `${tables} into ${this.#parts.to}: ${message} ${hint}`;
    this.#parts.report({
      code: 'projection-failed',
      severity: 'error',
      message: text,
      details: { retrying: false },
    });
  }
}
