/**
 * A number as it was written: `1.500000`, `18446744073709551615`, and `inf`, `-inf`, `nan`, which
 * Zeek emits although JSON has none. Keeping the text is what keeps 64-bit integers exact.
 */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Objects are Maps: names from outside never become property names. */
export type JsonObject = ReadonlyMap<string, Json>;

/** A JSON value. */
export type Json = null | boolean | string | JsonNumber | readonly Json[] | JsonObject;

/** Returns true for the Map form of a JSON object. */
export function isJsonObject(value: Json | undefined): value is JsonObject {
  return value instanceof Map;
}

/** Returns true for a JSON array. */
export function isJsonArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

const integerText = /^-?(?:0|[1-9][0-9]*)$/;

/** The integer a number stands for, or undefined if it is written as a real. No range is checked. */
export function integerOf(number: JsonNumber): bigint | undefined {
  return integerText.test(number.text) ? BigInt(number.text) : undefined;
}

/** Returns the nearest double; `inf`, `-inf` and `nan` (with either sign) included. */
export function realOf(number: JsonNumber): number {
  switch (number.text) {
    case 'inf':
      return Infinity;
    case '-inf':
      return -Infinity;
    case 'nan':
    case '-nan':
      return NaN;
    default:
      return Number(number.text);
  }
}

/** Returns the integer as a number where that is exact, else as a bigint. */
export function compactInteger(value: bigint): number | bigint {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}
