/** A JSON Schema, as OpenAPI 3.1 takes it. */
export type JsonSchema = { readonly [keyword: string]: unknown };

export const text: JsonSchema = { type: 'string' };
export const number: JsonSchema = { type: 'number' };
export const yesOrNo: JsonSchema = { type: 'boolean' };
export const whole: JsonSchema = { type: 'integer', minimum: 0 };
export const position: JsonSchema = {
  ...whole,
  description: 'A position in the log of the node that answers.',
};
export const time: JsonSchema = { type: 'number', description: 'Milliseconds since 1970.' };
export const anything: JsonSchema = {};
export const list = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
export const local = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });
export const oneOf = (...values: string[]): JsonSchema => ({ type: 'string', enum: values });

/** An object whose members are all there but for the optional ones; further members may come in later versions. */
export function object(
  members: Readonly<Record<string, JsonSchema>>,
  optional: readonly string[] = [],
  description?: string,
): JsonSchema {
  const required = Object.keys(members).filter((name) => !optional.includes(name));
  return { type: 'object', properties: members, required, ...(description !== undefined && { description }) };
}

/** The members of an answer with one page of a list. */
export const page = {
  total: { ...whole, description: 'How many there are on all pages.' },
  next: { type: 'string', description: 'Path of the next page; absent on the last one.' },
};
