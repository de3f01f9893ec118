import type { Environment } from '../environment.ts';
import { type Failure, isTablecastError } from '../errors.ts';
import type { NodeEvent } from '../events.ts';
import type { BackendName } from '../schema/schema.ts';
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
  begin(
    this: void,
    tables: readonly string[],
    into: { readonly to: string; failed(this: void, failure: Failure): void },
  ): SqlProjection;
  report(this: void, event: NodeEvent): void;
}

/** Keeps every table of a node in one file: one projection for each backend, begun anew when a table is declared. */
export class KeptTables {
  readonly #parts: KeptParts;
  readonly #projections = new Map<BackendName, SqlProjection>();
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
    for (const backend of new Set([
      ...this.#projections.keys(),
      ...fitting.map((schema) => schema.backend),
    ])) {
      const names = fitting.filter((schema) => schema.backend === backend).map(({ name }) => name);
      const current = this.#projections.get(backend);
      if (names.length === (current?.tables.length ?? 0)) continue;
      await current?.close();
      this.#projections.delete(backend);
      if (names.length > 0) this.#begin(backend, names);
    }
  }

  #begin(backend: BackendName, names: readonly string[]): void {
    const { begin, to } = this.#parts;
    try {
      const failed = (failure: Failure): void => this.#failed(failure);
      this.#projections.set(backend, begin(names, { to, failed }));
    } catch (error) {
      // The next table that is declared may find room.
      for (const name of names) this.#tell(name, error);
    }
  }

  /** A table that the file does not take is left out, of which its projection has told; the others go on without it. */
  #failed({ details: { table } }: Failure): void {
    if (typeof table !== 'string' || this.#refused.has(table)) return;
    this.#refused.add(table);
    this.declared();
  }

  /** Tells whether a table can be in the file beside the others; of one that cannot it is told once. */
  #fits(schema: Schema): boolean {
    if (this.#refused.has(schema.name)) return false;
    const same = [...this.#parts.schemas()].find(
      ({ name }) => name.toLowerCase() === schema.name.toLowerCase(),
    );
    try {
      checkProjectOptions(same === undefined || same === schema ? [schema] : [same, schema], {
        to: this.#parts.to,
      });
      return true;
    } catch (error) {
      this.#refused.add(schema.name);
      this.#tell(schema.name, error);
      return false;
    }
  }

  #tell(table: string, error: unknown): void {
    const { message, hint } = isTablecastError(error) ? error : { message: String(error), hint: '' };
    this.#parts.report({
      code: 'projection-failed',
      severity: 'error',
      table,
      message: `${table} into ${this.#parts.to}: ${message} ${hint}`,
      details: { retrying: false },
    });
  }
}
