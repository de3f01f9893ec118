import { suggestion } from './nearest.ts';
import { Refusal, show } from './refusal.ts';
import type { IntegerForm } from './schema.ts';

/** A column of a declaration, taken apart: its type, not yet checked, and what this program wants of it. */
export interface DeclaredColumn {
  readonly type: unknown;
  /** The form of integers; undefined for columns of other types. */
  readonly form: IntegerForm | undefined;
}

const forms: readonly IntegerForm[] = ['number', 'bigint', 'exact'];
const members = ['type', 'as'] as const;

/** Takes a column apart that is declared by its type, or by an object. `role` is `key` or `value`. @throws Refusal */
export function readColumn(role: string, column: unknown): DeclaredColumn {
  if (typeof column !== 'object' || column === null || Array.isArray(column))
    return { type: column, form: defaultForm(column) };
  const given = new Map<string, unknown>(Object.entries(column));
  for (const name of given.keys()) {
    if ((members as readonly string[]).includes(name)) continue;
    throw new Refusal(
      `declares the unknown member ${show(name)} of a ${role} column`,
      `Write the type alone, or { type: 'count', as: 'bigint' }.${suggestion(name, members)}`,
    );
  }
  const type = given.get('type');
  if (type === undefined) {
    throw new Refusal(
      `declares a ${role} column without a type`,
      "Write the type alone, or { type: 'count', as: 'bigint' }.",
    );
  }
  return { type, form: readForm(role, type, given.get('as')) };
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
