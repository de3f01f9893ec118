import { Refusal } from './refusal.ts';

/** A schema checks values, as the site of Standard Schema says (https://standardschema.dev): zod, valibot and arktype have them. */
export interface StandardSchema<In = unknown, Out = In> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    /** Returns the value, or what is wrong with it. A promise is refused: a write does not wait. */
    readonly validate: (value: unknown) => StandardResult<Out> | Promise<StandardResult<Out>>;
    /** Is never there: it tells a compiler the types. */
    readonly types?: { readonly input: In; readonly output: Out } | undefined;
  };
}

/** Is what a schema says of a value. */
export type StandardResult<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** Is what is wrong with a value, and where. */
export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Bounds the issues that an error tells; the rest is counted. */
const TOLD_ISSUES = 3;
const TOLD_CHARACTERS = 200;

/** Says whether something follows Standard Schema. */
export function isStandardSchema(schema: unknown): schema is StandardSchema {
  if ((typeof schema !== 'object' && typeof schema !== 'function') || schema === null) return false;
  const standard: unknown = Reflect.get(schema, '~standard');
  return (
    typeof standard === 'object' &&
    standard !== null &&
    typeof Reflect.get(standard, 'validate') === 'function'
  );
}

/** Returns what a schema makes of a value. @throws Refusal */
export function validated(schema: StandardSchema, value: unknown): unknown {
  const result = asked(schema, value);
  if (result instanceof Promise) {
    // Nobody waits for it: what it is rejected with must not end the process.
    result.catch(() => undefined);
    throw new Refusal(
      'has a schema that answers with a promise, and a write does not wait',
      'Take asynchronous checks out of the schema, and make them before the write.',
    );
  }
  if (result.issues === undefined) return result.value;
  const told = result.issues.slice(0, TOLD_ISSUES).map(issueText).join('; ');
  const more = result.issues.length > TOLD_ISSUES ? `; and ${result.issues.length - TOLD_ISSUES} more` : '';
  throw new Refusal(
    `is not what its schema (${schema['~standard'].vendor}) says: ${told}${more}`,
    'Nothing was written. Give what the schema wants, or change the schema of this program.',
  );
}

function asked(schema: StandardSchema, value: unknown): ReturnType<StandardSchema['~standard']['validate']> {
  try {
    return schema['~standard'].validate(value);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Refusal(
      `could not be checked, because its schema threw: ${reason.slice(0, TOLD_CHARACTERS)}`,
      'Nothing was written. Mend the schema, so that it answers for every value.',
    );
  }
}

function issueText({ message, path = [] }: StandardIssue): string {
  const keys = path.map((part) => String(typeof part === 'object' ? part.key : part));
  const where = keys.length === 0 ? '' : `${keys.join('.')}: `;
  return `${where}${message}`.slice(0, TOLD_CHARACTERS);
}
