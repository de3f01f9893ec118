/** Values as the JSON serializer of Zeek's storage framework writes them, by the type that a script declares. */
import { TablecastError } from '../../errors.ts';
import { parseAddress, parsePort, parseSubnet } from '../protocol/data/network-text.ts';
import { isInteger64, maxCount, none, string, vector, type ZeekData } from '../protocol/data/zeek-data.ts';
import {
  integerOf,
  isJsonArray,
  isJsonObject,
  type Json,
  JsonNumber,
  type JsonObject,
  realOf,
} from '../protocol/json/json.ts';
import { typeText, type ZeekField, type ZeekType } from '../protocol/zeek-type.ts';
import { parsed } from './serialized.ts';
import { intervalOf, timeOf } from './times.ts';

/** Zeek writes keys of these types without the quotes they would have, and all others as JSON in text. */
const namedAsText: ReadonlySet<string> = new Set(['addr', 'enum', 'interval', 'pattern', 'string', 'subnet']);

function mismatch(type: ZeekType, where: string): TablecastError {
  return new TablecastError(
    'VALUE_INVALID',
    `${where} is not what the serializer writes of ${typeText(type)}.`,
    {
      hint: 'Give the types that the script gave to `open_backend`, `table[KEY] of VALUE`.',
      details: { expected: typeText(type) },
    },
  );
}

/** Returns the two values of a port object; undefined for another object. */
export function portText(json: JsonObject): string | undefined {
  const port = json.get('port');
  const proto = json.get('proto');
  if (json.size !== 2 || !(port instanceof JsonNumber) || typeof proto !== 'string') return undefined;
  return parsePort(`${port.text}/${proto}`);
}

/** Returns the canonical address; Zeek puts brackets around some of IPv6. */
export function addressOf(text: string): string | undefined {
  return parseAddress(text.replace(/^\[([^\]]*)\]$/, '$1'));
}

/** Returns the canonical subnet. */
export function subnetOf(text: string): string | undefined {
  return parseSubnet(text.replace(/^\[([^\]]*)\](?=\/)/, '$1'));
}

function ofText(kind: ZeekType['kind'], text: string): ZeekData | undefined {
  switch (kind) {
    case 'string':
      return string(text);
    case 'enum':
      return { type: 'enum-value', data: text };
    case 'addr':
      return of(addressOf(text), (data) => ({ type: 'address', data }));
    case 'subnet':
      return of(subnetOf(text), (data) => ({ type: 'subnet', data }));
    case 'interval':
      return of(intervalOf(text), (data) => ({ type: 'timespan', data }));
    case 'pattern':
      return patternOf(text);
    default:
      return undefined;
  }
}

function ofNumber(kind: ZeekType['kind'], number: JsonNumber): ZeekData | undefined {
  const integer = integerOf(number);
  switch (kind) {
    case 'count':
      return integer !== undefined && integer >= 0n && integer <= maxCount
        ? { type: 'count', data: integer }
        : undefined;
    case 'int':
      return integer !== undefined && isInteger64(integer) ? { type: 'integer', data: integer } : undefined;
    case 'double':
      return { type: 'real', data: realOf(number) };
    case 'time':
      return of(timeOf(number.text), (data) => ({ type: 'timestamp', data }));
    default:
      return undefined;
  }
}

function of<Data>(data: Data | undefined, make: (data: Data) => ZeekData): ZeekData | undefined {
  return data === undefined ? undefined : make(data);
}

/** Returns both texts of a pattern; the serializer writes the one that matches whole strings. */
function patternOf(text: string): ZeekData | undefined {
  const exact = /^\/([^]*)\/$/.exec(text)?.[1];
  if (exact === undefined) return undefined;
  return vector(string(exact), string(exact.replace(/\^\?\(([^]*)\)\$\?/, '^?(.|\\n)*($1)')));
}

function atomOf(kind: ZeekType['kind'], json: Json): ZeekData | undefined {
  if (kind === 'bool') return typeof json === 'boolean' ? { type: 'boolean', data: json } : undefined;
  if (kind === 'port')
    return isJsonObject(json) ? of(portText(json), (data) => ({ type: 'port', data })) : undefined;
  if (typeof json === 'string') return ofText(kind, json);
  return json instanceof JsonNumber ? ofNumber(kind, json) : undefined;
}

function recordOf(fields: readonly ZeekField[], json: JsonObject, where: string): ZeekData {
  const unknown = [...json.keys()].find((name) => !fields.some((field) => field.name === name));
  if (unknown !== undefined) throw mismatch({ kind: 'record', fields }, where);
  const members = fields.map(({ name, type }) => {
    const member = json.get(name) ?? null;
    return member === null ? none : dataOf(type, member, `${where}$${name}`);
  });
  return { type: 'vector', data: members };
}

/** Returns what an index has: one value, or a vector of as many as it has columns. */
function indexOf(index: readonly ZeekType[], json: Json, where: string): ZeekData {
  const [only] = index;
  if (index.length === 1 && only !== undefined) return dataOf(only, json, where);
  if (!isJsonArray(json) || json.length !== index.length) throw mismatch({ kind: 'set', index }, where);
  return vector(...index.map((type, at) => dataOf(type, json[at] ?? null, where)));
}

function tableData(type: ZeekType & { kind: 'table' }, json: JsonObject, where: string): ZeekData {
  const [only] = type.index;
  const isText = type.index.length === 1 && only !== undefined && namedAsText.has(only.kind);
  const entries = Array.from(json, ([name, member]) => ({
    key: indexOf(type.index, parsed(isText ? `"${name}"` : name, where), `${where}[]`),
    value: dataOf(type.value, member, `${where}[]`),
  }));
  return { type: 'table', data: entries };
}

/**
 * Returns the value that a JSON text stands for. `null` is a hole of a vector, or a double that is no number.
 *
 * @throws TablecastError `VALUE_INVALID` where the type is another
 */
export function dataOf(type: ZeekType, json: Json, where: string): ZeekData {
  switch (type.kind) {
    case 'record':
      if (isJsonObject(json)) return recordOf(type.fields, json, where);
      break;
    case 'vector':
      if (isJsonArray(json))
        return {
          type: 'vector',
          data: json.map((item) => (item === null ? none : dataOf(type.element, item, `${where}[]`))),
        };
      break;
    case 'set':
      if (isJsonArray(json))
        return { type: 'set', data: json.map((item) => indexOf(type.index, item, `${where}[]`)) };
      break;
    case 'table':
      if (isJsonObject(json)) return tableData(type, json, where);
      break;
    default: {
      const atom = atomOf(type.kind, json);
      if (atom !== undefined) return atom;
    }
  }
  throw mismatch(type, where);
}
