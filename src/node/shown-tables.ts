import type { Projection } from '../projection/projection.ts';
import { type ColumnForms, readingOf, sameForms } from '../schema/index.ts';
import { type Table, tableOver } from '../table/table.ts';
import { type TablesParts, tablePartsOf } from './table-parts.ts';

interface Shown {
  readonly forms: ColumnForms;
  readonly table: Table;
}

/** The tables of one node as its programs see them: one for each way in which a table is read. */
export class ShownTables {
  /** Each table as it was declared first. */
  readonly tables = new Map<string, Table>();
  /** Each table with all integers exact, for what speaks of tables to others: HTTP and Zeek. */
  readonly exact = new Map<string, Table>();
  readonly #shown = new Map<string, Shown[]>();
  readonly #parts: () => TablesParts;

  constructor(parts: () => TablesParts) {
    this.#parts = parts;
  }

  /** Returns a table in the forms that a declaration asks for: the same whenever they are the same. */
  of(projection: Projection, forms: ColumnForms): Table {
    const { name } = projection.schema;
    const table = this.#show(projection, forms);
    if (this.tables.has(name)) return table;
    this.tables.set(name, table);
    this.exact.set(name, this.#show(projection, exactly(forms)));
    return table;
  }

  /** Returns a table that was declared with all its integers exact. */
  exactly({ name }: Pick<Table, 'name'>): Table {
    return this.exact.get(name) as Table;
  }

  #show(projection: Projection, forms: ColumnForms): Table {
    const { name } = projection.schema;
    const all = this.#shown.get(name) ?? [];
    const known = all.find((shown) => sameForms(shown.forms, forms));
    if (known !== undefined) return known.table;
    const table = tableOver({
      ...tablePartsOf(projection, this.#parts()),
      reading: readingOf(projection.schema, forms),
    });
    this.#shown.set(name, [...all, { forms, table }]);
    return table;
  }
}

function exactly({ key, value }: ColumnForms): ColumnForms {
  return { key: key.map((form) => form && 'exact'), value: value && 'exact', schema: undefined };
}
