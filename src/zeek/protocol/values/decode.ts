/** Zeek's values in the forms JavaScript users see, checked against the declared type. */
import { TablecastError } from '../../../errors.ts';
import { compactInteger } from '../json/json.ts';
import type { ZeekData } from '../data/zeek-data.ts';
import { typeText, type ZeekField, type ZeekType } from '../zeek-type.ts';
import { patternText } from './pattern.ts';

/** A nested value is what JSON can say, deeply frozen: the form of records, sets, vectors and tables. */
export type NestedValue =
  | string
  | number
  | boolean
  | null
  | readonly NestedValue[]
  | { readonly [name: string]: NestedValue };

/** The form of one value that is not nested. */
export type AtomValue = string | number | bigint | boolean;

const wireTypes: ReadonlyMap<string, string> = new Map([
  ['bool', 'boolean'],
  ['count', 'count'],
  ['int', 'integer'],
  ['double', 'real'],
  ['string', 'string'],
  ['addr', 'address'],
  ['subnet', 'subnet'],
  ['port', 'port'],
  ['time', 'timestamp'],
  ['interval', 'timespan'],
  ['enum', 'enum-value'],
  ['pattern', 'vector'],
  ['record', 'vector'],
  ['vector', 'vector'],
  ['set', 'set'],
  ['table', 'table'],
]);

function mismatch(type: ZeekType, data: ZeekData, where: string): TablecastError {
  const found = data.type === 'none' ? 'nothing' : `a ${data.type}`;
  return new TablecastError('VALUE_INVALID', `${where} has ${found} where ${typeText(type)} is declared.`, {
    hint: 'Declare the table here as the Zeek script does; this change was not applied.',
    details: { expected: typeText(type), found: data.type },
  });
}

/** Returns true for types whose values are one {@link AtomValue}. */
export function isAtomic(type: ZeekType): boolean {
  return type.kind !== 'record' && type.kind !== 'vector' && type.kind !== 'set' && type.kind !== 'table';
}

function patternOf(data: readonly ZeekData[]): string | undefined {
  const [exact, anywhere] = data;
  if (data.length !== 2 || exact?.type !== 'string' || anywhere?.type !== 'string') return undefined;
  return patternText(exact.data, anywhere.data);
}

/**
 * Returns one value of an atomic type.
 *
 * @throws TablecastError `VALUE_INVALID` for a value of another type or an undeclared enum label
 */
function decodeAtom(type: ZeekType, data: ZeekData, where: string): AtomValue {
  if (data.type !== wireTypes.get(type.kind)) throw mismatch(type, data, where);
  switch (data.type) {
    case 'count':
    case 'integer':
      return compactInteger(data.data);
    case 'vector': {
      const pattern = type.kind === 'pattern' ? patternOf(data.data) : undefined;
      if (pattern === undefined) throw mismatch(type, data, where);
      return pattern;
    }
    case 'enum-value':
      if (type.kind === 'enum' && type.labels?.has(data.data) === false) {
        throw new TablecastError(
          'VALUE_INVALID',
          `${where} has the label "${data.data}", which is not declared.`,
          {
            hint: 'Add the label to the enum under "types"; without it the value could not be sent back.',
          },
        );
      }
      return data.data;
    case 'none':
    case 'set':
    case 'table':
      throw mismatch(type, data, where);
    default:
      return data.data;
  }
}

/** Integers beyond 2^53, times, intervals, inf and nan are text inside nested values: JSON has no form for them. */
function nestedAtom(value: AtomValue): NestedValue {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'number' || Number.isFinite(value)) return value;
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
}

function decodeRecord(fields: readonly ZeekField[], data: readonly ZeekData[], where: string): NestedValue {
  if (data.length !== fields.length) {
    throw new TablecastError(
      'VALUE_INVALID',
      `${where} has ${data.length} fields where ${fields.length} are declared.`,
      {
        hint: 'Declare the record here as the Zeek script does; this change was not applied.',
      },
    );
  }
  const members: [string, NestedValue][] = [];
  for (const [position, field] of fields.entries()) {
    const member = data[position];
    if (member === undefined || member.type === 'none') {
      if (!field.optional) throw mismatch(field.type, { type: 'none' }, `${where}$${field.name}`);
    } else {
      members.push([field.name, decodeNested(field.type, member, `${where}$${field.name}`)]);
    }
  }
  // Object.fromEntries defines own members, whatever their name; the names are the declaration's.
  return Object.freeze(Object.fromEntries(members));
}

function decodeIndex(index: readonly ZeekType[], data: ZeekData, where: string): NestedValue {
  const [only] = index;
  if (index.length === 1 && only !== undefined) return decodeNested(only, data, where);
  if (data.type !== 'vector' || data.data.length !== index.length) {
    throw mismatch({ kind: 'set', index }, data, where);
  }
  return Object.freeze(data.data.map((item, at) => decodeNested(index[at] ?? { kind: 'bool' }, item, where)));
}

/** Returns one value of any declared type inside another. @throws TablecastError `VALUE_INVALID` */
function decodeNested(type: ZeekType, data: ZeekData, where: string): NestedValue {
  if (isAtomic(type)) return nestedAtom(decodeAtom(type, data, where));
  if (type.kind === 'record' && data.type === 'vector') return decodeRecord(type.fields, data.data, where);
  if (type.kind === 'vector' && data.type === 'vector') {
    // A hole in a Zeek vector arrives as none.
    return Object.freeze(
      data.data.map((item) => (item.type === 'none' ? null : decodeNested(type.element, item, `${where}[]`))),
    );
  }
  if (type.kind === 'set' && data.type === 'set') {
    return Object.freeze(data.data.map((item) => decodeIndex(type.index, item, `${where}[]`)));
  }
  if (type.kind === 'table' && data.type === 'table') {
    return Object.freeze(
      data.data.map(({ key, value }) =>
        Object.freeze([
          decodeIndex(type.index, key, `${where}[]`),
          decodeNested(type.value, value, `${where}[]`),
        ]),
      ),
    );
  }
  throw mismatch(type, data, where);
}

/** A value of the given type as a table holds it: atoms plain, everything else nested and frozen. */
export function decodeValue(type: ZeekType, data: ZeekData, where: string): AtomValue | NestedValue {
  return isAtomic(type) ? decodeAtom(type, data, where) : decodeNested(type, data, where);
}
