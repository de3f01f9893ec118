import { sha256 } from '../log/bytes/sha256.ts';
import { exactly } from '../schema/exactly.ts';
import { type Reading, type Schema, type Value, compileSchema, readRow } from '../schema/index.ts';
import type { HeldRow } from '../schema/reading.ts';
import { ReplicatedTable } from '../table/replicated-table.ts';
import type { MapTable, SetTable, Table } from '../table/table.ts';
import type { AlteredRow, AlteringNode } from './options.ts';
import { reasonOf } from './reason.ts';

/** A mark tells the values of one key apart: short, and exact for numbers. */
export type Mark = string;

/** Longer texts are marked by their checksum. */
const MARK_CHARACTERS = 48;
const NO_VALUE: Mark = '';

/** Is one of the two tables, by canonical text of keys. Its integers are exact, whatever the program reads them as. */
export class Side {
  readonly table: Table;
  readonly #reading: Reading;
  readonly #schema: Schema;

  constructor(node: AlteringNode, table: Table, asRead: object) {
    this.#reading = ReplicatedTable.readingOf(asRead);
    this.table = node.table(table.name, exactly(table.declaration));
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
  row(text: string): HeldRow | undefined {
    const key = this.#schema.keyOf(text);
    if (!this.table.has(key)) return undefined;
    return { key, value: this.#schema.isSet ? undefined : ((this.table as MapTable).get(key) as Value) };
  }

  /** Returns a row as the program reads it: a member that it cannot read throws when it is looked at. */
  asRead(row: HeldRow): AlteredRow {
    return readRow(row, this.#reading);
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

  /** Lets a row live on as it is. */
  renew({ key }: AlteredRow): void {
    this.table.touch(key);
  }

  /** Returns why nothing can be added to a number; undefined when it can. */
  refusalOf({ value }: HeldRow, by: bigint): string | undefined {
    try {
      this.#schema.value(BigInt(value as number | bigint) + by);
      return undefined;
    } catch (thrown) {
      return reasonOf(thrown);
    }
  }

  add(key: unknown, by: bigint): void {
    (this.table as MapTable).increment(key, by);
  }

  remove(text: string): void {
    this.table.delete(this.#schema.keyOf(text));
  }
}
