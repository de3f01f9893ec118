/** `{"@data-type": …, "data": …}`, the form of every value in the WebSocket API, both ways. */
import { TablecastError } from '../../../errors.ts';
import { bytesOfText, holdsBytes } from '../../../schema/byte-strings.ts';
import { integerOf, isJsonArray, isJsonObject, JsonNumber, realOf, type Json } from '../json/json.ts';
import type { JsonDialect } from '../json/writer.ts';
import { parseAddress, parsePort, parseSubnet } from './network-text.ts';
import { writeReal, writeZeekReal } from './real-text.ts';
import { parseTimespan, parseTimestamp, writeTimespan, writeTimestamp } from './time-text.ts';
import { isInteger64, maxCount, none, type ZeekData, type ZeekEntry } from './zeek-data.ts';

function invalid(what: string): TablecastError {
  return new TablecastError('FRAME_INVALID', `A value from Zeek is not well-formed: ${what}.`, {
    hint: 'The frame was dropped. Check that the other side is Zeek 8.2 or later.',
  });
}

function show(data: Json | undefined): string {
  if (data instanceof JsonNumber) return data.text.slice(0, 40);
  if (typeof data === 'string') return JSON.stringify(data.slice(0, 40));
  return data === undefined ? 'nothing' : isJsonArray(data) ? 'an array' : typeof data;
}

/** Bounds the values of a type, so that a value beyond it is not told as one of another form. */
const RANGES: ReadonlyMap<ZeekData['type'], string> = new Map([
  ['count', ' (0 to 2^64-1)'],
  ['integer', ' (-2^63 to 2^63-1)'],
  ['timestamp', ' within 64 bits of nanoseconds (1677-09-21 to 2262-04-11)'],
  ['timespan', ' within 64 bits of nanoseconds (292 years)'],
  ['port', ' (0 to 65535 and a protocol)'],
  ['subnet', ' (a prefix of at most 32 bits, 128 for IPv6)'],
]);

function isNo(type: ZeekData['type'], data: Json | undefined): TablecastError {
  return invalid(`${show(data)} is no ${type}${RANGES.get(type) ?? ''}`);
}

function integer(type: 'count' | 'integer', data: Json | undefined): ZeekData {
  const value = data instanceof JsonNumber ? integerOf(data) : undefined;
  const fits =
    value !== undefined && (type === 'count' ? value >= 0n && value <= maxCount : isInteger64(value));
  if (!fits) throw isNo(type, data);
  return { type, data: value };
}

function text(type: ZeekData['type'], data: Json | undefined): string {
  if (typeof data !== 'string') throw invalid(`${show(data)} is no ${type}`);
  return data;
}

function parsed<T>(
  type: ZeekData['type'],
  data: Json | undefined,
  parse: (text: string) => T | undefined,
): T {
  const value = parse(text(type, data));
  if (value === undefined) throw isNo(type, data);
  return value;
}

function items(type: ZeekData['type'], data: Json | undefined): readonly Json[] {
  if (!isJsonArray(data)) throw invalid(`${show(data)} is no ${type}`);
  return data;
}

function entry(data: Json): ZeekEntry {
  const key = isJsonObject(data) ? data.get('key') : undefined;
  const value = isJsonObject(data) ? data.get('value') : undefined;
  if (key === undefined || value === undefined) throw invalid('a table entry without key or value');
  return { key: readTagged(key), value: readTagged(value) };
}

/** Returns the value inside a type tag. @throws TablecastError `FRAME_INVALID` */
function readData(type: string, data: Json | undefined): ZeekData {
  switch (type) {
    case 'none':
      return none;
    case 'boolean':
      if (typeof data !== 'boolean') throw invalid(`${show(data)} is no boolean`);
      return { type, data };
    case 'count':
    case 'integer':
      return integer(type, data);
    case 'real':
      if (!(data instanceof JsonNumber)) throw invalid(`${show(data)} is no real`);
      return { type, data: realOf(data) };
    case 'string':
    case 'enum-value':
      return { type, data: text(type, data) };
    case 'timestamp':
      return { type, data: parsed(type, data, parseTimestamp) };
    case 'timespan':
      return { type, data: parsed(type, data, parseTimespan) };
    case 'address':
      return { type, data: parsed(type, data, parseAddress) };
    case 'subnet':
      return { type, data: parsed(type, data, parseSubnet) };
    case 'port':
      return { type, data: parsed(type, data, parsePort) };
    case 'set':
    case 'vector':
      return { type, data: items(type, data).map(readTagged) };
    case 'table':
      return { type, data: items(type, data).map(entry) };
    default:
      throw invalid(`unknown type ${JSON.stringify(type.slice(0, 40))}`);
  }
}

/** Returns the value of a tagged JSON object. @throws TablecastError `FRAME_INVALID` */
export function readTagged(json: Json): ZeekData {
  const type = isJsonObject(json) ? json.get('@data-type') : undefined;
  if (!isJsonObject(json) || typeof type !== 'string') throw invalid('no "@data-type"');
  return readData(type, json.get('data'));
}

/** In Zeek's dialect milliseconds, cut; in ours every digit. */
function timestampText(nanoseconds: bigint, dialect: JsonDialect): string {
  const written = writeTimestamp(nanoseconds);
  return dialect === 'zeek' ? written.slice(0, 23) : written;
}

function portText(port: string, dialect: JsonDialect): string {
  return dialect === 'zeek' ? port.replace('/unknown', '/?') : port;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A string as UTF-8 can carry it. @throws TablecastError `VALUE_INVALID` for bytes that are none */
function wireText(held: string): string {
  if (!holdsBytes(held)) return held;
  const bytes = bytesOfText(held);
  try {
    if (bytes !== undefined) return strictUtf8.decode(bytes);
  } catch {
    // Refused below.
  }
  throw new TablecastError('VALUE_INVALID', 'A string holds bytes that are not UTF-8.', {
    hint: "Nothing was sent to Zeek: its WebSocket API takes UTF-8 only. The row stays here; remove it, or write Zeek's own row there.",
  });
}

/**
 * Returns the JSON of a value's `data` member. `strict` is what Zeek accepts, `zeek` what Zeek itself sends.
 * Reals must be finite in `strict`; {@link ../values/encode.ts} refuses others before. Throws `VALUE_INVALID`
 * in `strict` for a string whose bytes are not UTF-8.
 */
function writeData(value: ZeekData, dialect: JsonDialect): Json {
  switch (value.type) {
    case 'none':
      return new Map();
    case 'count':
    case 'integer':
      return new JsonNumber(String(value.data));
    case 'real':
      return new JsonNumber(dialect === 'zeek' ? writeZeekReal(value.data) : writeReal(value.data));
    case 'timestamp':
      return timestampText(value.data, dialect);
    case 'timespan':
      return writeTimespan(value.data);
    case 'port':
      return portText(value.data, dialect);
    case 'string':
      return dialect === 'strict' ? wireText(value.data) : value.data;
    case 'set':
    case 'vector':
      return value.data.map((item) => writeTagged(item, dialect));
    case 'table':
      return value.data.map(
        ({ key, value: held }) =>
          new Map([
            ['key', writeTagged(key, dialect)],
            ['value', writeTagged(held, dialect)],
          ]),
      );
    default:
      return value.data;
  }
}

/** Returns the tagged JSON of a value. @throws TablecastError `VALUE_INVALID`, only in `strict` */
export function writeTagged(value: ZeekData, dialect: JsonDialect): Json {
  return new Map<string, Json>([
    ['@data-type', value.type],
    ['data', writeData(value, dialect)],
  ]);
}
