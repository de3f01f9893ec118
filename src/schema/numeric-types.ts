import { notA, type AtomicType } from './atomic-type.ts';
import { Refusal } from './refusal.ts';
import type { Atom, AtomicName } from './schema.ts';

interface IntegerRange {
  readonly name: AtomicName;
  readonly what: string;
  readonly least: bigint;
  readonly most: bigint;
}

const maxSafe = BigInt(Number.MAX_SAFE_INTEGER);

/** Returns the form of a 64-bit integer: a number when it is safe, else a bigint. */
export function narrowed(integer: bigint): number | bigint {
  return integer <= maxSafe && integer >= -maxSafe ? Number(integer) : integer;
}

function integerType(range: IntegerRange): AtomicType {
  const leastNumber = range.least < -maxSafe ? -Number.MAX_SAFE_INTEGER : Number(range.least);
  const canonical = (value: unknown): number | bigint => {
    // Adding 0 turns -0 into 0, which has another text form.
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= leastNumber) return value + 0;
    if (typeof value === 'bigint' && value >= range.least && value <= range.most) return narrowed(value);
    if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
      throw new Refusal(
        `is beyond 2^53, where a number is already rounded (${value})`,
        `Write a bigint, in a column declared as { type: '${range.name}', as: 'bigint' }.`,
      );
    }
    throw notA(range.what, value, integerHint(value));
  };
  return {
    name: range.name,
    column: 'integer',
    isText: false,
    mayHoldNul: false,
    canonical,
    canonicalKey: canonical,
    text: String,
    parse: (text) => narrowed(BigInt(text)),
  };
}

function integerHint(value: unknown): string {
  if (typeof value === 'string') return 'Convert text with Number() or BigInt() first.';
  if (typeof value !== 'number') return 'Pass a number or a bigint in the range.';
  return Number.isInteger(value)
    ? 'Declare the type int for negative numbers.'
    : "Round it, or declare the type 'double'.";
}

const countRange: IntegerRange = {
  name: 'count',
  what: 'a whole number from 0 to 2^64-1',
  least: 0n,
  most: 2n ** 64n - 1n,
};

const intRange: IntegerRange = {
  name: 'int',
  what: 'a whole number from -2^63 to 2^63-1',
  least: -(2n ** 63n),
  most: 2n ** 63n - 1n,
};

/** Zeek's count: 0 to 2^64-1. */
export const countType: AtomicType = integerType(countRange);

/** Zeek's int: -2^63 to 2^63-1. */
export const intType: AtomicType = integerType(intRange);

/** Returns the sum of two integers, exact; where the range of a type ends, so does the sum. */
export function sumWithin(
  type: 'count' | 'int',
  one: number | bigint,
  other: number | bigint,
): number | bigint {
  const { least, most } = type === 'count' ? countRange : intRange;
  const sum = BigInt(one) + BigInt(other);
  return narrowed(sum < least ? least : sum > most ? most : sum);
}

function canonicalDouble(value: unknown): number {
  if (typeof value === 'number') return value;
  throw notA('a number', value, 'Convert it with Number() first.');
}

function canonicalDoubleKey(value: unknown): number {
  const number = canonicalDouble(value);
  if (number === number) return number;
  throw notA(
    'a number other than NaN, which equals nothing',
    value,
    'Leave such rows out, or use a string key.',
  );
}

/** Any number; as a key not NaN, and -0 is 0, as both have the text `0`. */
export const doubleType: AtomicType = {
  name: 'double',
  column: 'double',
  isText: false,
  mayHoldNul: false,
  canonical: canonicalDouble,
  canonicalKey: canonicalDoubleKey,
  text: String,
  parse: Number,
};

function canonicalBool(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw notA('true or false', value, 'Convert it with Boolean() first.');
}

/** As a key text `T` or `F`. */
export const boolType: AtomicType = {
  name: 'bool',
  column: 'bool',
  isText: false,
  mayHoldNul: false,
  canonical: canonicalBool,
  canonicalKey: canonicalBool,
  text: (atom: Atom) => (atom === true ? 'T' : 'F'),
  parse: (text) => text === 'T',
};
