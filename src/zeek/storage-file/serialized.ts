/** Bytes of the JSON serializer: a version, a semicolon, and JSON. */
import { isTablecastError, TablecastError } from '../../errors.ts';
import type { Json } from '../protocol/json/json.ts';
import { readJson } from '../protocol/json/reader.ts';
import { checkSize } from '../store-files/sqlite-file.ts';

const limits = { maxFrameBytes: Infinity, maxDepth: 32 };
const version = 'JSONv1;';
/** The serializer writes a byte that is not UTF-8, and text that looks so, as `\xff`. */
const bytesAsText = /\\\\x[0-9a-f]{2}/;
const decoder = new TextDecoder('utf-8', { fatal: true });

/** The content of one column of a row. */
export interface Serialized {
  readonly json: Json;
  /** Is true when a text has `\x` and two digits, which may have been a byte. */
  readonly escaped: boolean;
}

function unreadable(what: string): TablecastError {
  return new TablecastError('IMPORT_INVALID', what, {
    hint: "Zeek's JSON serializer wrote none of it; such a row cannot be imported.",
  });
}

/** Returns the JSON of a text of Zeek's. @throws TablecastError `IMPORT_INVALID` */
export function parsed(text: string, where: string): Json {
  try {
    return readJson(text, limits);
  } catch (error) {
    if (isTablecastError(error, 'LIMIT_EXCEEDED')) throw unreadable(`${where} is nested too deeply.`);
    if (isTablecastError(error, 'FRAME_INVALID')) throw unreadable(`${where} is not JSON as Zeek writes it.`);
    throw error;
  }
}

/** Returns what a column holds. @throws TablecastError `IMPORT_INVALID` or `LIMIT_EXCEEDED` */
export function serialized(stored: unknown, where: string): Serialized {
  const text = textOf(stored, where);
  if (!text.startsWith(version)) {
    const found = /^[A-Za-z]{1,20}v?[0-9]{0,5}(?=;)/.exec(text)?.[0];
    throw unreadable(
      `${where} is written by ${found ?? 'no serializer that says its version'}, not by JSONv1.`,
    );
  }
  const json = text.slice(version.length);
  return { json: parsed(json, where), escaped: bytesAsText.test(json) };
}

function textOf(stored: unknown, where: string): string {
  if (typeof stored === 'string') return textOf(new TextEncoder().encode(stored), where);
  if (!(stored instanceof Uint8Array)) throw unreadable(`${where} has neither bytes nor text.`);
  checkSize(stored);
  try {
    return decoder.decode(stored);
  } catch {
    throw unreadable(`${where} is not UTF-8.`);
  }
}
