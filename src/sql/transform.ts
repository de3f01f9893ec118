import { TablecastError, isTablecastError } from '../errors.ts';
import { type Schema, type TypeName, compileSchema } from '../schema/index.ts';
import type { SqlColumn, SqlValue } from './columns.ts';

/** A row is shown to a module as this. */
export interface ProjectedRow {
  readonly table: string;
  readonly key: unknown;
  readonly value: unknown;
  /** Is `nodeId@epoch` of who wrote it. */
  readonly origin: string;
  /** Is when it was written: milliseconds since 1970, by the author's clock. */
  readonly time: number;
}

/** The exports of a module. All of it has to give the same for the same row. */
interface TransformModule {
  /** Chooses rows that are projected; left out, all are. */
  readonly where?: ((row: ProjectedRow) => boolean) | undefined;
  /** Columns that take the place of the value, with types as in a declaration. */
  readonly columns?: Readonly<Record<string, TypeName>> | undefined;
  /** Makes their values; a column that is left out is NULL. */
  readonly map?: ((row: ProjectedRow) => Readonly<Record<string, unknown>>) | undefined;
}

/** A transform chooses the rows that go into a target, and makes their columns. */
export class Transform {
  /** The columns in place of the value; undefined when it stays. */
  readonly columns: readonly SqlColumn[] | undefined;
  readonly #module: TransformModule;
  readonly #checks: readonly ((value: unknown) => SqlValue)[];

  constructor(module: TransformModule = {}) {
    this.#module = module;
    const columns = module.map === undefined ? undefined : Object.entries(module.columns ?? {});
    this.columns = columns?.map(([name, type]) => ({ name, type }));
    this.#checks = (columns ?? []).map(([, type]) => checkOf(type));
  }

  /** True when rows go as they are. */
  get isPlain(): boolean {
    return this.#module.where === undefined && this.columns === undefined;
  }

  /** The values of a row behind its key; undefined for a row that is left out. Throws `OPTION_INVALID`. */
  valuesOf(row: ProjectedRow): readonly SqlValue[] | undefined {
    const { where, map } = this.#module;
    try {
      if (where !== undefined && !where(row)) return undefined;
      if (map === undefined || this.columns === undefined) return [row.value as SqlValue];
      const mapped = map(row);
      return this.columns.map(({ name }, index) => this.#checks[index]?.(mapped[name]));
    } catch (error) {
      throw moduleFailed(row.table, error);
    }
  }
}

function checkOf(type: TypeName): (value: unknown) => SqlValue {
  const schema = columnSchema(type);
  return (value) => (value === undefined || value === null ? undefined : schema.value(value));
}

function columnSchema(type: TypeName): Schema {
  return compileSchema('column', { key: 'string', value: type, complexValues: true });
}

function moduleFailed(table: string, error: unknown): TablecastError {
  const reason = error instanceof Error ? error.message : String(error);
  return new TablecastError(
    'OPTION_INVALID',
    `The module of the projection failed at a row of ${table}: ${reason}`,
    {
      hint: isTablecastError(error)
        ? error.hint
        : 'Mend the module, and begin the projection again: it goes on where it was.',
      details: { table },
      cause: error,
    },
  );
}

/** Loads a module. Throws `OPTION_INVALID` when it cannot be, or exports something else. */
export async function loadTransform(url: string | undefined): Promise<Transform> {
  if (url === undefined) return new Transform();
  try {
    return new Transform(checked((await import(url)) as Readonly<Record<string, unknown>>));
  } catch (cause) {
    if (isTablecastError(cause)) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalid(`The module of the projection cannot be loaded: ${reason}`, cause);
  }
}

function checked(module: Readonly<Record<string, unknown>>): TransformModule {
  const { where, map, columns } = module;
  for (const [name, member] of Object.entries({ where, map })) {
    if (member !== undefined && typeof member !== 'function')
      throw invalid(`${name} of the module is no function.`);
  }
  if (map !== undefined && (typeof columns !== 'object' || columns === null))
    throw invalid('The module exports map, and not which columns it makes.');
  if (where === undefined && map === undefined) throw invalid('The module exports neither where nor map.');
  return module;
}

function invalid(message: string, cause?: unknown): TablecastError {
  return new TablecastError('OPTION_INVALID', message, {
    hint: "Export where(row), or map(row) and columns such as { host: 'string', seen: 'count' }.",
    cause,
  });
}
