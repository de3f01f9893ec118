/**
 * Values as JavaScript users give them in the form Zeek takes, checked as strictly as Zeek would
 * need but does not: a value of a wrong type is stored by Zeek as a null entry, which aborts it
 * when a script reads a field.
 */
import { TablecastError } from '../../../errors.ts';
import { parseAddress, parsePort, parseSubnet } from '../data/network-text.ts';
import { settledInterval, settledTime } from '../data/time-text.ts';
import { isInteger64, maxCount, none, type ZeekData, type ZeekEntry } from '../data/zeek-data.ts';
import { typeText, type ZeekField, type ZeekType } from '../zeek-type.ts';
import { writeJson } from '../json/writer.ts';
import { writeTagged } from '../data/tagged.ts';
import { patternData } from './pattern.ts';

const loneSurrogate = /\p{Surrogate}/u;
const labelForm = /^[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*$/;

function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.slice(0, 60));
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object';
    default:
      return value === undefined ? 'nothing' : `a ${typeof value}`;
  }
}

function refuse(type: ZeekType, value: unknown, where: string): TablecastError {
  return new TablecastError(
    'VALUE_INVALID',
    `${where}: ${show(value)} is not a ${typeText(type)} that Zeek accepts.`,
    {
      hint: 'Nothing was sent to Zeek. Write a value of the declared type.',
      details: { expected: typeText(type) },
    },
  );
}

/** Integers are numbers, bigints or, inside nested values, decimal text. */
function integerFrom(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === 'string' && /^-?[0-9]{1,20}$/.test(value) ? BigInt(value) : undefined;
}

function encodeInteger(type: ZeekType, value: unknown): ZeekData | undefined {
  const integer = integerFrom(value);
  if (integer === undefined) return undefined;
  if (type.kind === 'count') {
    return integer >= 0n && integer <= maxCount ? { type: 'count', data: integer } : undefined;
  }
  if (!isInteger64(integer)) return undefined;
  if (type.kind === 'int') return { type: 'integer', data: integer };
  if (type.kind === 'interval') return { type: 'timespan', data: settledInterval(integer) };
  return { type: 'timestamp', data: settledTime(integer) };
}

function encodeText(type: ZeekType, text: string): ZeekData | undefined {
  switch (type.kind) {
    case 'string':
      return loneSurrogate.test(text) ? undefined : { type: 'string', data: text };
    case 'enum':
      return labelForm.test(text) && type.labels?.has(text) === true
        ? { type: 'enum-value', data: text }
        : undefined;
    case 'pattern':
      return loneSurrogate.test(text) ? undefined : patternData(text);
    case 'addr':
      return checked('address', parseAddress(text));
    case 'subnet':
      return checked('subnet', parseSubnet(text));
    case 'port':
      return checked('port', parsePort(text));
    default:
      return undefined;
  }
}

function checked(type: 'address' | 'subnet' | 'port', data: string | undefined): ZeekData | undefined {
  return data === undefined ? undefined : { type, data };
}

function encodeAtom(type: ZeekType, value: unknown): ZeekData | undefined {
  switch (type.kind) {
    case 'bool':
      return typeof value === 'boolean' ? { type: 'boolean', data: value } : undefined;
    case 'double':
      // JSON has neither inf nor nan, so Zeek cannot be told of them.
      return typeof value === 'number' && Number.isFinite(value) ? { type: 'real', data: value } : undefined;
    case 'count':
    case 'int':
    case 'time':
    case 'interval':
      return encodeInteger(type, value);
    default:
      return typeof value === 'string' ? encodeText(type, value) : undefined;
  }
}

function members(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return new Map(Object.entries(value));
}

function encodeRecord(fields: readonly ZeekField[], value: unknown, where: string): ZeekData | undefined {
  const given = members(value);
  if (given === undefined) return undefined;
  const data = fields.map((field): ZeekData => {
    const member = given.get(field.name);
    if (member === undefined && field.optional) return none;
    return encodeValue(field.type, member, `${where}$${field.name}`);
  });
  const names = new Set(fields.map((field) => field.name));
  for (const name of given.keys()) {
    if (!names.has(name)) throw refuse({ kind: 'record', fields }, name, `${where}: unknown field`);
  }
  return { type: 'vector', data };
}

/** Returns the index of a row inside a value: bare for one column, a vector for several. */
function encodeNestedIndex(index: readonly ZeekType[], value: unknown, where: string): ZeekData {
  const [only] = index;
  if (index.length === 1 && only !== undefined) return encodeValue(only, value, where);
  return { type: 'vector', data: encodeIndex(index, value, where) };
}

/** Zeek refuses a whole frame for one duplicate in a set. */
function withoutDuplicates(type: ZeekType, data: readonly ZeekData[], where: string): readonly ZeekData[] {
  const texts = new Set(data.map((item) => writeJson(writeTagged(item, 'zeek'))));
  if (texts.size !== data.length) throw refuse(type, 'a duplicate', where);
  return data;
}

function encodeEntries(
  type: ZeekType & { kind: 'table' },
  value: readonly unknown[],
  where: string,
): ZeekData {
  const entries = value.map((row): ZeekEntry => {
    if (!Array.isArray(row) || row.length !== 2) throw refuse(type, row, where);
    return {
      key: encodeNestedIndex(type.index, row[0], `${where}[]`),
      value: encodeValue(type.value, row[1], `${where}[]`),
    };
  });
  withoutDuplicates(
    type,
    entries.map((entry) => entry.key),
    where,
  );
  return { type: 'table', data: entries };
}

function encodeContainer(type: ZeekType, value: unknown, where: string): ZeekData | undefined {
  if (type.kind === 'record') return encodeRecord(type.fields, value, where);
  if (!Array.isArray(value)) return undefined;
  const list: readonly unknown[] = value;
  switch (type.kind) {
    case 'vector':
      return { type: 'vector', data: list.map((item) => encodeValue(type.element, item, `${where}[]`)) };
    case 'set': {
      const data = list.map((item) => encodeNestedIndex(type.index, item, `${where}[]`));
      return { type: 'set', data: withoutDuplicates(type, data, where) };
    }
    case 'table':
      return encodeEntries(type, list, where);
    default:
      return undefined;
  }
}

/**
 * Returns one value of the declared type.
 *
 * @throws TablecastError `VALUE_INVALID` for anything Zeek would refuse or store as nothing: another
 *   type, an integer beyond 64 bits, inf and nan, an undeclared label or field, a missing field,
 *   a duplicate in a set, a hole in a vector
 */
export function encodeValue(type: ZeekType, value: unknown, where: string): ZeekData {
  const data = encodeAtom(type, value) ?? encodeContainer(type, value, where);
  if (data === undefined) throw refuse(type, value, where);
  return data;
}

/**
 * Returns the columns of a key; a key of one column may be bare.
 *
 * @throws TablecastError `VALUE_INVALID`
 */
export function encodeIndex(index: readonly ZeekType[], key: unknown, where: string): readonly ZeekData[] {
  const columns: readonly unknown[] = Array.isArray(key) && isList(index, key) ? key : [key];
  if (columns.length !== index.length) throw refuse({ kind: 'set', index }, key, where);
  return index.map((type, at) => encodeValue(type, columns[at], `${where} column ${at + 1}`));
}

/** A single column that is itself a list (a vector as index) is not mistaken for several. */
function isList(index: readonly ZeekType[], key: readonly unknown[]): boolean {
  return index.length > 1 || (key.length === 1 && !['vector', 'set', 'table'].includes(index[0]?.kind ?? ''));
}
