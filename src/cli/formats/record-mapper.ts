import { TablecastError } from '../../index.ts';
import { shown } from './bad-lines.ts';
import { mapColumns, type FieldMapping, type MappedColumn, type MappedDeclaration } from './field-mapping.ts';
import { listElements } from './list-elements.ts';
import type { FieldText, LogRecord } from './log-record.ts';
import { Beyond, type NumberUnit, parseInterval, TimeColumn } from './nanoseconds.ts';
import { expectedText, isComplexType, parseValue, protocolOf } from './parse-value.ts';

const MAX_NAMES_SHOWN = 30;

/** A mapping says which fields become key and value, and what to do with a record that lacks one of them. */
export interface RecordMapping extends FieldMapping {
  /** Named in errors, when given. */
  readonly file?: string | undefined;
  /** A record with an unset or absent field: an error (default), or no row. */
  readonly onUnset?: 'stop' | 'skip' | undefined;
  /** Is called with each record that `skip` leaves out. */
  readonly onSkip?: ((error: TablecastError, record: LogRecord) => void) | undefined;
  /** The unit of bare numbers in columns of type time. Left out: seconds, or milliseconds where that is sure. */
  readonly timeUnit?: NumberUnit | undefined;
  /** The unit of bare numbers in columns of type interval. Default `s`. */
  readonly intervalUnit?: NumberUnit | undefined;
}

/** A row for a table; `value` is undefined for sets. */
export interface MappedRow {
  readonly key: unknown;
  readonly value: unknown;
}

/** Makes rows of records; undefined for records left out by `onUnset: 'skip'`. */
export type RecordMapper = (record: LogRecord) => MappedRow | undefined;

/** A reason says why a record makes no row; it is in the details of an error as `reason`. */
export type MappingReason = 'absent' | 'unset' | 'value' | 'limit';

/** A fault says what is wrong with a field. */
interface Fault {
  readonly field: string;
  readonly reason: MappingReason;
  readonly problem: string;
  readonly hint: string;
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
  readonly #times = new Map<MappedColumn, TimeColumn>();

  constructor(mapping: RecordMapping) {
    this.#mapping = mapping;
  }

  /** Returns the value of a column; undefined when it is unset and such records are to be left out. */
  cell(record: LogRecord, column: MappedColumn): unknown {
    const broken = record.faults?.get(column.field);
    if (broken !== undefined) {
      throw this.#error(record, {
        field: column.field,
        reason: 'value',
        problem: broken,
        hint: 'Correct the file, or map another field.',
      });
    }
    if (isComplexType(column.type)) return this.#complex(record, column);
    const text = this.#text(record, column.field);
    if (text === undefined) return undefined;
    return column.type === 'port' ? this.#port(record, column, text) : this.#parse(record, column, text);
  }

  #error(record: LogRecord, { field, reason, problem, hint }: Fault): TablecastError {
    const { file } = this.#mapping;
    const where = file === undefined ? `line ${record.line}` : `${file}, line ${record.line}`;
    return new TablecastError('IMPORT_INVALID', `${where}, field '${field}': ${problem}`, {
      hint,
      details: { file, line: record.line, field, reason },
    });
  }

  #unset(record: LogRecord, field: string): undefined {
    const isAbsent = isUnknown(record, field);
    const names = fieldNames(record);
    const error = this.#error(record, {
      field,
      reason: isAbsent ? 'absent' : 'unset',
      problem: isAbsent ? 'there is no such field' : record.fields.has(field) ? 'unset' : 'unset or absent',
      hint: isAbsent
        ? `The fields are: ${names}.`
        : `Choose to leave such records out, or another field; this record has: ${names}.`,
    });
    if (this.#mapping.onUnset !== 'skip') throw error;
    this.#mapping.onSkip?.(error, record);
    return undefined;
  }

  #text(record: LogRecord, field: string): string | undefined {
    const text: FieldText = record.fields.get(field);
    if (text === undefined && record.json?.has(field) !== true) return this.#unset(record, field);
    if (typeof text === 'string') return text;
    throw this.#error(record, {
      field,
      reason: 'value',
      problem: 'a list or object where one value is expected',
      hint: 'Map a field with one value, or declare a complex type.',
    });
  }

  /** Returns a port whose protocol stands in its own text, in another field, or in the mapping. */
  #port(record: LogRecord, column: MappedColumn, text: string): unknown {
    const { protocol: fixed, protocolField } = column;
    if (fixed === undefined && protocolField === undefined) return this.#parse(record, column, text);
    const own = protocolOf(text.slice(text.indexOf('/') + 1));
    const said = fixed ?? record.fields.get(protocolField as string);
    const agrees =
      said === undefined || said === '' || (typeof said === 'string' && protocolOf(said) === own);
    if (own !== undefined && agrees) return this.#parse(record, column, text);
    const protocol = fixed ?? this.#text(record, protocolField as string);
    return protocol === undefined ? undefined : this.#parse(record, column, `${text}/${protocol}`);
  }

  #complex(record: LogRecord, column: MappedColumn): unknown {
    const { field, type } = column;
    const json = record.json?.get(field);
    if (json !== undefined) return this.#parse(record, column, json);
    const text: FieldText = record.fields.get(field);
    if (text === undefined) return this.#unset(record, field);
    if (typeof text === 'string') return this.#parse(record, column, text);
    const elements = listElements(record.types?.get(field), text);
    if (!('expected' in elements)) return elements;
    throw this.#error(record, {
      field,
      reason: 'value',
      problem: `expected ${elements.expected} in each element, found ${shown(elements.text)}`,
      hint: `Correct the value; #types calls the field ${record.types?.get(field) ?? type}.`,
    });
  }

  #parse(record: LogRecord, column: MappedColumn, text: string): unknown {
    const { field, type } = column;
    const value = this.#value(column, text);
    if (value instanceof Beyond) {
      throw this.#error(record, {
        field,
        reason: 'limit',
        problem: `found ${shown(text)}, which is beyond ${value.limit}`,
        hint: limitHint(type),
      });
    }
    if (value !== undefined) return value;
    const bare = type === 'port' && /^\d+$/.test(text);
    throw this.#error(record, {
      field,
      reason: 'value',
      problem: `expected ${expectedText(type)}, found ${shown(text)}`,
      hint: bare
        ? `Name the field with the protocol as well: '${field}/proto', or '${field}/tcp' for all.`
        : `Correct the value, or declare the column with another type than ${type}.`,
    });
  }

  #value(column: MappedColumn, text: string): unknown {
    const { timeUnit, intervalUnit } = this.#mapping;
    if (column.type === 'interval') return parseInterval(text, intervalUnit);
    if (column.type !== 'time') return parseValue(column.type, text);
    const times = this.#times.get(column) ?? new TimeColumn(timeUnit);
    this.#times.set(column, times);
    return times.read(text);
  }
}

function limitHint(type: string): string {
  const wider = `Declare the column as string or double to keep such values.`;
  if (type === 'time')
    return `If bare numbers are no seconds, --time-unit ms, us or ns says what they are. ${wider}`;
  if (type === 'interval')
    return `If bare numbers are no seconds, --interval-unit ms, us or ns says what they are. ${wider}`;
  return wider;
}

/**
 * Prepares the way from records to rows of a table: key and value in the forms tables take, exact
 * (64-bit integers, nanoseconds). A mapper is for the records of one file: it learns the unit of whole numbers.
 *
 * @throws TablecastError `OPTION_INVALID` when mapping and declaration do not fit. The mapper throws
 * `IMPORT_INVALID` with file, line, field, reason and value for a text that is not of the column's type or beyond its
 * limit, and (unless they are skipped) for an unset field and one that does not exist.
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
