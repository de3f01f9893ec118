import { TablecastError } from '../errors.ts';
import type { Key, Schema, TypeName, Value } from '../schema/index.ts';

/**
 * The JSON form of a value of one type, from which {@link valueOf} gives it back: integers up to 2^53-1 as
 * numbers, beyond as digits in text; times and intervals always as digits, in nanoseconds; what a double has
 * beside numbers as `nan`, `inf`, `-inf` and `-0`.
 */
export function formOf(type: TypeName, value: Value): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'number') return value;
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return type === 'double' && Object.is(value, -0) ? '-0' : value;
}

/** The JSON form of a key: an array where it was declared as a list. */
export function keyForm({ keyTypes, composite }: Schema, key: Key): unknown {
  if (!composite) return formOf(keyTypes[0] as TypeName, key as Value);
  return keyTypes.map((type, index) => formOf(type, (key as readonly Value[])[index]));
}

const DIGITS = /^-?\d{1,20}$/;
const DOUBLES: ReadonlyMap<unknown, number> = new Map([
  ['nan', NaN],
  ['inf', Infinity],
  ['-inf', -Infinity],
  ['-0', -0],
]);

/**
 * Returns what a table takes for a JSON form. What is of no form of the type is left for the table to refuse,
 * where it does.
 */
export function valueOf(type: TypeName, form: unknown): unknown {
  switch (type) {
    case 'count':
    case 'int':
      return typeof form === 'string' && DIGITS.test(form) ? BigInt(form) : form;
    case 'time':
    case 'interval':
      if (typeof form === 'string' && DIGITS.test(form)) return BigInt(form);
      throw refused(type, form, 'Write nanoseconds as digits in text, such as "1700000000000000000".');
    case 'double':
      return DOUBLES.get(form) ?? form;
    case 'bool':
      if (typeof form === 'boolean') return form;
      throw refused(type, form, 'Write true or false.');
    default:
      return form;
  }
}

/** The key that a JSON form stands for. */
export function keyOf({ keyTypes, composite }: Schema, form: unknown): unknown {
  if (!composite) return valueOf(keyTypes[0] as TypeName, form);
  if (!Array.isArray(form)) return form;
  return form.map((part, index) => {
    const type = keyTypes[index];
    return type === undefined ? part : valueOf(type, part);
  });
}

/** The text form of a column of a key: its JSON form without quotes. */
export function columnText(form: unknown): string {
  return typeof form === 'string' ? form : JSON.stringify(form);
}

/** The JSON form of the text form of a column. */
export function columnForm(type: TypeName, text: string): unknown {
  switch (type) {
    case 'bool':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'double':
      return DOUBLES.has(text) || !/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? text : Number(text);
    default:
      return text;
  }
}

function refused(type: TypeName, form: unknown, hint: string): TablecastError {
  const shown = JSON.stringify(form)?.slice(0, 100) ?? 'nothing';
  return new TablecastError('VALUE_INVALID', `${shown} is no ${type}.`, { hint, details: { type } });
}
