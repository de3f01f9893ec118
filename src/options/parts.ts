import type * as v from 'valibot';

/** A code sample stands in an example as it is; other samples are values, written out. */
export interface CodeSample {
  readonly code: string;
}

/** Says in words what an option takes, and shows it. */
export interface Said {
  readonly takes: string;
  readonly sample: unknown;
}

/** Is a schema, or a step of one, as far as it says what it takes. */
export interface Part {
  readonly kind: 'schema' | 'validation' | 'transformation' | 'metadata';
  readonly type: string;
  readonly pipe?: readonly Part[];
  readonly wrapped?: Part;
  readonly entries?: Readonly<Record<string, Part>>;
  readonly item?: Part;
  readonly member?: Part;
  readonly options?: readonly unknown[];
  readonly literal?: unknown;
  readonly requirement?: unknown;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly getter?: (input: unknown) => Part;
}

export const partOf = (schema: v.GenericSchema): Part => schema;

/** Returns the steps of a schema, the schema itself first; optional ones are looked into. */
export function stepsOf(part: Part, given?: unknown): readonly Part[] {
  if (part.wrapped !== undefined) return stepsOf(part.wrapped, given);
  if (part.getter !== undefined) return stepsOf(part.getter(given), given);
  // The first step of a pipe is the schema that the pipe was made of, without its steps.
  return part.pipe === undefined ? [part] : part.pipe.flatMap((step) => stepsOf(step, given));
}

/** Returns the members of an object, by name; undefined for what is no object with such. */
export function entriesOf(part: Part, given?: unknown): Readonly<Record<string, Part>> | undefined {
  return stepsOf(part, given).find((step) => step.entries !== undefined)?.entries;
}

/** Returns what holds for one member of an object or a list; undefined where nothing is said of it. */
export function partAt(part: Part, key: string, given?: unknown): Part | undefined {
  for (const step of stepsOf(part, given)) {
    if (step.entries !== undefined && Object.hasOwn(step.entries, key)) return step.entries[key];
    const each = step.item ?? memberOf(step);
    if (each !== undefined) return each;
    if (step.type !== 'union') continue;
    const inner = (step.options as readonly Part[]).map((one) => partAt(one, key, given));
    const found = inner.find((one) => one !== undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

function memberOf(step: Part): Part | undefined {
  return step.kind === 'metadata' ? (step.metadata?.['member'] as Part | undefined) : undefined;
}
