import { suggestion } from './nearest.ts';
import { Refusal, show } from './refusal.ts';
import { complexNames } from './complex-value.ts';
import type { IntegerForm } from './schema.ts';
import { type StandardSchema, isStandardSchema } from './standard-schema.ts';

/** A column of a declaration, taken apart: its type, not yet checked, and what this program wants of it. */
export interface DeclaredColumn {
  readonly type: unknown;
  /** The form of integers; undefined for columns of other types. */
  readonly form: IntegerForm | undefined;
  /** Checks what this program writes; undefined without one. */
  readonly schema: StandardSchema | undefined;
}

const forms: readonly IntegerForm[] = ['number', 'bigint', 'exact'];
const members = ['type', 'as', 'schema'] as const;
const example = "Write the type alone, { type: 'count', as: 'bigint' }, or { type: 'record', schema }.";

/** Takes a column apart that is declared by its type, or by an object. `role` is `key` or `value`. @throws Refusal */
export function readColumn(role: string, column: unknown): DeclaredColumn {
  if (typeof column !== 'object' || column === null || Array.isArray(column))
    return { type: column, form: defaultForm(column), schema: undefined };
  const given = new Map<string, unknown>(Object.entries(column));
  for (const name of given.keys()) {
    if ((members as readonly string[]).includes(name)) continue;
    throw new Refusal(
      `declares the unknown member ${show(name)} of a ${role} column`,
      `${example}${suggestion(name, members)}`,
    );
  }
  const type = given.get('type');
  if (type === undefined) {
    throw new Refusal(`declares a ${role} column without a type`, example);
  }
  return { type, form: readForm(role, type, given.get('as')), schema: readSchema(type, given.get('schema')) };
}

function readSchema(type: unknown, schema: unknown): StandardSchema | undefined {
  if (schema === undefined) return undefined;
  if (typeof type !== 'string' || !complexNames.has(type)) {
    throw new Refusal(
      `gives a schema for the type ${show(type)}`,
      `Only complex values have one: ${[...complexNames].join(', ')}.`,
    );
  }
  if (isStandardSchema(schema)) return schema;
  throw new Refusal(
    `gives ${show(schema)} as schema`,
    'Give a schema that follows Standard Schema, such as one of zod, valibot or arktype.',
  );
}

function readForm(role: string, type: unknown, as: unknown): IntegerForm | undefined {
  if (as === undefined) return defaultForm(type);
  if (!isInteger(type)) {
    throw new Refusal(
      `asks for the ${role} type ${show(type)} as ${show(as)}`,
      "Only count and int are read in several forms: { type: 'count', as: 'bigint' }.",
    );
  }
  const known = forms.find((form) => form === as);
  if (known !== undefined) return known;
  const meant = typeof as === 'string' ? suggestion(as, forms) : '';
  throw new Refusal(`asks for ${type} as ${show(as)}`, `Known are ${forms.join(', ')}.${meant}`);
}

function isInteger(type: unknown): type is 'count' | 'int' {
  return type === 'count' || type === 'int';
}

function defaultForm(type: unknown): IntegerForm | undefined {
  return isInteger(type) ? 'number' : undefined;
}
