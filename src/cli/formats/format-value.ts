import { TablecastError, type TypeName } from '../../index.ts';
import { shown } from './bad-lines.ts';
import { formatSeconds, parseSeconds } from './nanoseconds.ts';
import { escapedJson } from './marks.ts';
import { isComplexType } from './parse-value.ts';

const LONE_SURROGATE = /\p{Surrogate}/u;

/** A column of the file that is written, and the value that goes there. */
export interface Cell {
  readonly field: string;
  readonly type: TypeName;
  readonly value: unknown;
}

/** Makes the error for a value that cannot be written. */
export function cellError(cell: Cell, problem: string, hint: string): TablecastError {
  const { field, type } = cell;
  return new TablecastError('VALUE_INVALID', `export, field '${field}' (${type}): ${problem}`, {
    hint,
    details: { field, type },
  });
}

function wrongType(cell: Cell): TablecastError {
  const { value } = cell;
  const found = typeof value === 'string' ? `text ${shown(value)}` : `a value of type ${typeof value}`;
  return cellError(cell, `${found} is not of this type`, 'Export with the declaration the table has.');
}

function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

function complexText(cell: Cell): string {
  try {
    const text = JSON.stringify(cell.value) as string | undefined;
    if (text !== undefined) return escapedJson(text);
  } catch {
    // Cycles and bigints end up below, like everything that JSON cannot say.
  }
  throw cellError(cell, 'is not JSON', 'Complex values consist of what JSON can say.');
}

/** Returns the text of a value, the same in all formats, without any escapes. */
export function cellText(cell: Cell): string {
  const { type, value } = cell;
  if (isComplexType(type)) return complexText(cell);
  switch (typeof value) {
    case 'boolean':
      if (type === 'bool') return value ? 'T' : 'F';
      break;
    case 'bigint':
      if (type === 'time' || type === 'interval') return formatSeconds(value);
      if (type === 'count' || type === 'int') return String(value);
      break;
    case 'number':
      if (type === 'double') return doubleText(value);
      if ((type === 'count' || type === 'int') && Number.isSafeInteger(value)) return String(value);
      break;
    case 'string':
      if (!['bool', 'count', 'int', 'double', 'time', 'interval'].includes(type)) return value;
  }
  throw wrongType(cell);
}

/** `cellText` for formats made of bytes of UTF-8, which has no form for half a surrogate pair. */
export function utf8Text(cell: Cell): string {
  const text = cellText(cell);
  if (!LONE_SURROGATE.test(text)) return text;
  throw cellError(
    cell,
    'half a surrogate pair has no UTF-8 form',
    'Export as JSON lines, which can escape it.',
  );
}

/**
 * Returns a value as JSON. A number only where every reader that uses doubles gets the exact value back;
 * otherwise the digits as a string.
 */
export function cellJson(cell: Cell): string {
  const { type, value } = cell;
  const text = cellText(cell);
  if (isComplexType(type))
    return typeof value === 'object' && value !== null ? text : escapedJson(JSON.stringify(text));
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) return text;
  if (typeof value === 'bigint') {
    const asDouble = Number(text);
    const exact =
      type === 'time' || type === 'interval'
        ? parseSeconds(String(asDouble)) === value
        : Number.isSafeInteger(asDouble);
    if (exact) return text;
  }
  return escapedJson(JSON.stringify(text));
}
