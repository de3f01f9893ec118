import { isTablecastError, type TablecastError } from '../../../src/errors.ts';
import { readRecords, type LogRecord, type ReadOptions } from '../../../src/cli/formats/index.ts';

/** Cuts bytes into pieces of the given size, as a slow pipe would. */
export function* inPieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** All records of a text, read in one piece. */
export async function collect(
  content: string | Uint8Array | Iterable<Uint8Array | string>,
  options: ReadOptions = {},
): Promise<LogRecord[]> {
  const whole = typeof content === 'string' || content instanceof Uint8Array;
  const chunks = whole ? [content] : content;
  const records: LogRecord[] = [];
  for await (const record of readRecords({ name: 'test input', chunks }, options)) records.push(record);
  return records;
}

/** The fields of a record as an array of pairs, for comparison. */
export function pairs(record: LogRecord | undefined): [string, unknown][] {
  return [...(record?.fields ?? [])];
}

/** The Tablecast error an action fails with; any other outcome fails the test. */
export async function failureOf(action: () => unknown): Promise<TablecastError> {
  try {
    await action();
  } catch (error) {
    if (isTablecastError(error)) return error;
    throw error;
  }
  throw new Error('did not fail');
}

/** A Zeek log with the given fields, types and rows (tabs between columns). */
export function zeekLog(fields: string, types: string, ...rows: string[]): string {
  return [
    '#separator \\x09',
    '#set_separator\t,',
    '#empty_field\t(empty)',
    '#unset_field\t-',
    '#path\ttest',
    `#fields\t${fields}`,
    `#types\t${types}`,
    ...rows,
    '#close\t2024-01-01-00-00-00',
    '',
  ].join('\n');
}
