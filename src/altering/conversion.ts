import type { AtomicType } from '../schema/atomic-type.ts';
import { atomicTypes } from '../schema/atomic-types.ts';
import { asRefusal } from '../schema/refusal.ts';
import type { PlainDeclaration } from '../schema/index.ts';
import { type AlteredRow, type RowMapping, refused } from './options.ts';

type Declared = Readonly<PlainDeclaration> & { readonly name: string };
type Convert = (value: unknown) => unknown;

/** The mapping between two declarations whose rows differ in types only. @throws TablecastError `OPTION_INVALID` */
export function conversionBetween(
  from: Declared,
  to: Declared,
): RowMapping<unknown, unknown, unknown, unknown> {
  const key = keyConversion(from, to);
  const value = valueConversion(from, to);
  return (row: AlteredRow) => ({ key: key(row.key), value: value(row.value) });
}

function keyConversion(from: Declared, to: Declared): Convert {
  const [before, after] = [columnsOf(from), columnsOf(to)];
  if (before.length !== after.length)
    throw unknown(
      `A key of ${to.name} has ${after.length} columns and one of ${from.name} ${before.length}.`,
    );
  const columns = before.map((name, index) => atomConversion(name, after[index] as string));
  return (key) => {
    const atoms = Array.isArray(from.key) ? (key as readonly unknown[]) : [key];
    const converted = atoms.map((atom, index) => (columns[index] as Convert)(atom));
    return Array.isArray(to.key) ? converted : converted[0];
  };
}

function columnsOf({ key }: Declared): readonly string[] {
  return Array.isArray(key) ? (key as readonly string[]) : [key as string];
}

function valueConversion(from: Declared, to: Declared): Convert {
  if (from.value === to.value) return (value) => value;
  const known = from.value !== undefined && to.value !== undefined;
  if (known && atomicTypes.has(from.value) && atomicTypes.has(to.value))
    return atomConversion(from.value, to.value);
  throw unknown(
    `A value of ${from.name} is ${from.value ?? 'none'}, and one of ${to.name} ${to.value ?? 'none'}.`,
  );
}

function unknown(problem: string): Error {
  return refused(
    `${problem} How one is made of the other is not known.`,
    'Give up and down: functions that make a row of the other.',
  );
}

function atomConversion(from: string, to: string): Convert {
  const [before, after] = [typeOf(from), typeOf(to)];
  if (before === after) return (value) => value;
  return (value) => {
    const text = before.text(before.canonical(value));
    try {
      return after.canonical(after.isText ? text : after.parse(text));
    } catch (thrown) {
      const problem = `${JSON.stringify(text)} is no ${to}: it ${asRefusal(thrown).problem}`;
      throw new Error(problem, { cause: thrown });
    }
  };
}

function typeOf(name: string): AtomicType {
  return atomicTypes.get(name) as AtomicType;
}
