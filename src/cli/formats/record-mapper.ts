import { TablecastError } from '../../index.ts';
import { shown } from './bad-lines.ts';
import { mapColumns, type FieldMapping, type MappedColumn, type MappedDeclaration } from './field-mapping.ts';
import type { FieldText, LogRecord } from './log-record.ts';
import { expectedText, isComplexType, parseValue } from './parse-value.ts';

const MAX_NAMES_SHOWN = 30;

/** Which fields become key and value, and what to do with a record that lacks one of them. */
export interface RecordMapping extends FieldMapping {
  /** Named in errors, when given. */
  readonly file?: string | undefined;
  /** A record with an unset or absent field: an error (default), or no row. */
  readonly onUnset?: 'stop' | 'skip' | undefined;
}

/** A row for a table; `value` is undefined for sets. */
export interface MappedRow {
  readonly key: unknown;
  readonly value: unknown;
}

/** Makes rows of records; undefined for records left out by `onUnset: 'skip'`. */
export type RecordMapper = (record: LogRecord) => MappedRow | undefined;

/** Where an error was found. */
interface Place {
  readonly file: string | undefined;
  readonly record: LogRecord;
  readonly field: string;
}

function mappingError(place: Place, problem: string, hint: string): TablecastError {
  const { file, record, field } = place;
  const where = file === undefined ? `line ${record.line}` : `${file}, line ${record.line}`;
  return new TablecastError('IMPORT_INVALID', `${where}, field '${field}': ${problem}`, {
    hint,
    details: { file, line: record.line, field },
  });
}

/** Zeek's header names every field; elsewhere an absent field is the same as an unset one. */
function isUnknown(record: LogRecord, field: string): boolean {
  return record.types !== undefined && !record.fields.has(field);
}

function fieldNames(record: LogRecord): string {
  const names = [...new Set([...record.fields.keys(), ...(record.json?.keys() ?? [])])];
  const more = names.length > MAX_NAMES_SHOWN ? ', …' : '';
  return names.slice(0, MAX_NAMES_SHOWN).join(', ') + more;
}

class Mapper {
  readonly #mapping: RecordMapping;

  constructor(mapping: RecordMapping) {
    this.#mapping = mapping;
  }

  /** The value of a column; undefined when it is unset and such records are to be left out. */
  cell(record: LogRecord, column: MappedColumn): unknown {
    if (isComplexType(column.type)) return this.#complex(record, column);
    const text = this.#text(record, column.field);
    if (text === undefined) return undefined;
    if (column.type !== 'port') return this.#parse(record, column, text);
    if (column.protocol !== undefined) return this.#parse(record, column, `${text}/${column.protocol}`);
    if (column.protocolField === undefined) return this.#parse(record, column, text);
    const protocol = this.#text(record, column.protocolField);
    return protocol === undefined ? undefined : this.#parse(record, column, `${text}/${protocol}`);
  }

  #place(record: LogRecord, field: string): Place {
    return { file: this.#mapping.file, record, field };
  }

  #unset(record: LogRecord, field: string): undefined {
    const place = this.#place(record, field);
    if (isUnknown(record, field)) {
      throw mappingError(place, 'there is no such field', `The fields are: ${fieldNames(record)}.`);
    }
    if (this.#mapping.onUnset === 'skip') return undefined;
    const hint = `Choose to leave such records out, or another field; this record has: ${fieldNames(record)}.`;
    throw mappingError(place, record.fields.has(field) ? 'unset' : 'unset or absent', hint);
  }

  #text(record: LogRecord, field: string): string | undefined {
    const text: FieldText = record.fields.get(field);
    if (text === undefined && record.json?.has(field) !== true) return this.#unset(record, field);
    if (typeof text === 'string') return text;
    const hint = 'Map a field with one value, or declare a complex type.';
    throw mappingError(this.#place(record, field), 'a list or object where one value is expected', hint);
  }

  #complex(record: LogRecord, column: MappedColumn): unknown {
    const json = record.json?.get(column.field);
    if (json !== undefined) return this.#parse(record, column, json);
    const text: FieldText = record.fields.get(column.field);
    if (text === undefined) return this.#unset(record, column.field);
    return typeof text === 'string'
      ? this.#parse(record, column, text)
      : text.map((element) => element ?? null);
  }

  #parse(record: LogRecord, column: MappedColumn, text: string): unknown {
    const value = parseValue(column.type, text);
    if (value !== undefined) return value;
    const bare = column.type === 'port' && /^\d+$/.test(text);
    throw mappingError(
      this.#place(record, column.field),
      `expected ${expectedText(column.type)}, found ${shown(text)}`,
      bare
        ? `Name the field with the protocol as well: '${column.field}/proto', or '${column.field}/tcp' for all.`
        : `Correct the value, or declare the column with another type than ${column.type}.`,
    );
  }
}

/**
 * Prepares the way from records to rows of a table: key and value in the forms tables take, exact
 * (64-bit integers, nanoseconds).
 *
 * @throws TablecastError `OPTION_INVALID` when mapping and declaration do not fit. The mapper throws
 * `IMPORT_INVALID` with file, line, field and value for a text that is not of the column's type, a
 * field that does not exist, and (unless they are skipped) an unset field.
 */
export function recordMapper(mapping: RecordMapping, declaration: MappedDeclaration): RecordMapper {
  const columns = mapColumns(mapping, declaration);
  const mapper = new Mapper(mapping);
  return (record) => {
    const cells: unknown[] = [];
    for (const column of columns.key) {
      const cell = mapper.cell(record, column);
      if (cell === undefined) return undefined;
      cells.push(cell);
    }
    const value = columns.value === undefined ? undefined : mapper.cell(record, columns.value);
    if (columns.value !== undefined && value === undefined) return undefined;
    return { key: columns.compositeKey ? cells : cells[0], value };
  };
}
