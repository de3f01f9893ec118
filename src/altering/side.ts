import { sha256 } from '../log/bytes/sha256.ts';
import { compileSchema } from '../schema/index.ts';
import type { Schema } from '../schema/schema.ts';
import type { MapTable, SetTable, Table } from '../table/table.ts';
import type { AlteredRow } from './options.ts';

/** A mark tells the values of one key apart: short, and exact for numbers. */
export type Mark = string;

/** Longer texts are marked by their checksum. */
const MARK_CHARACTERS = 48;
const NO_VALUE: Mark = '';

/** Is one of the two tables, by canonical text of keys. */
export class Side {
  readonly table: Table;
  readonly #schema: Schema;

  constructor(table: Table) {
    this.table = table;
    this.#schema = compileSchema(table.name, table.declaration);
  }

  get isNumeric(): boolean {
    const { value } = this.table.declaration;
    return value === 'count' || value === 'int';
  }

  /** Says whether rows go if nobody writes them again. */
  get wantsRenewal(): boolean {
    return this.table.declaration.writeExpire !== undefined;
  }

  text(key: unknown): string {
    return this.#schema.keyText(key);
  }

  keyOf(text: string): unknown {
    return this.#schema.keyOf(text);
  }

  /** Returns what stands under a key; undefined when nothing does. */
  row(text: string): AlteredRow | undefined {
    const key = this.#schema.keyOf(text);
    if (!this.table.has(key)) return undefined;
    return { key, value: this.#schema.isSet ? undefined : (this.table as MapTable).get(key) };
  }

  /** @throws TablecastError `VALUE_INVALID` */
  mark({ value }: AlteredRow): Mark {
    if (this.#schema.isSet) return NO_VALUE;
    const cell = this.#schema.toColumn(this.#schema.value(value));
    const text = Object.is(cell, -0) ? '-0' : String(cell);
    if (text.length <= MARK_CHARACTERS) return text;
    return `#${Buffer.from(sha256(Buffer.from(text))).toString('base64')}`;
  }

  put(row: AlteredRow): void {
    if (this.#schema.isSet) (this.table as SetTable).add(row.key);
    else (this.table as MapTable).set(row.key, row.value);
  }

  add(key: unknown, by: bigint): void {
    (this.table as MapTable).increment(key, by);
  }

  remove(text: string): void {
    this.table.delete(this.#schema.keyOf(text));
  }
}
