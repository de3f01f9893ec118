import * as v from 'valibot';
import { TablecastError } from '../errors.ts';
import { suggestion } from '../schema/index.ts';
import { NO_MEMBER } from './an-object.ts';
import { type Part, entriesOf, partAt, partOf } from './parts.ts';
import { type Writing, member, sampleOf, takesOf } from './words.ts';

/** Says whose options are checked, for the error. */
export interface Asked {
  /** Follows the path, such as `of flush`; left out for those of a node. */
  readonly of?: string | undefined;
  /** Stands before the path: where in other options these stand. */
  readonly at?: string | undefined;
}

/** A fault says in words what is wrong with an option. */
export interface Fault {
  /** Names the option by its path; empty for all of them. */
  readonly path: string;
  /** Completes the sentence "Option PATH …", or "The options …" where the path is empty. */
  readonly problem: string;
  readonly hint: string;
  /** Names the option that was probably meant. */
  readonly meant: string;
}

/** Checks options. Throws `OPTION_INVALID`, which names the option, what it takes and an example. */
export function checkedOptions<S extends v.GenericSchema>(
  schema: S,
  given: unknown,
  { of = '', at = '' }: Asked = {},
): v.InferOutput<S> {
  const result = v.safeParse(schema, given);
  if (result.success) return result.output;
  const { path, problem, hint, meant } = faultOf(schema, given, result.issues[0]);
  const place = [at, path].filter((part) => part !== '').join('.');
  const subject = [place === '' ? 'The options' : `Option ${place}`, of].filter((part) => part !== '');
  throw new TablecastError('OPTION_INVALID', `${subject.join(' ')} ${problem}.`, {
    hint: hint + meant,
    details: { option: place === '' ? 'options' : place },
  });
}

/** Says what an issue is about, without the value that was given: it may be a secret. */
export function faultOf(
  schema: v.GenericSchema,
  given: unknown,
  issue: v.BaseIssue<unknown>,
  writing: Writing = 'program',
): Fault {
  const keys = issue.path?.map(({ key }) => String(key)) ?? [];
  const path = keys.join('.');
  if (issue.message === NO_MEMBER) return { path, ...unknownMember(schema, given, keys) };
  const { part, input } = lookAt(partOf(schema), given, keys);
  const takes = takesOf(part, input);
  const seen =
    typeof input === 'number' && /number|milliseconds/.test(takes) ? String(input) : shownKind(input);
  const problem = problemOf(keys, input === undefined ? undefined : seen, takes);
  const example = exampleOf(keys, sampleOf(part, writing, input), writing);
  return { path, problem, hint: `For example: ${example}.`, meant: '' };
}

function problemOf(keys: readonly string[], seen: string | undefined, takes: string): string {
  if (keys.length === 0) return `have to be ${takes}, and are ${seen ?? 'left out'}`;
  return seen === undefined ? `is missing: it takes ${takes}` : `is ${seen}, and takes ${takes}`;
}

/** Goes along a path as far as something is said of it. */
function lookAt(root: Part, given: unknown, keys: readonly string[]): { part: Part; input: unknown } {
  let [part, input] = [root, given];
  for (const key of keys) {
    const inner = partAt(part, key, input);
    if (inner === undefined) break;
    part = inner;
    input = (input as Readonly<Record<string, unknown>>)[key];
  }
  return { part, input };
}

function unknownMember(
  schema: v.GenericSchema,
  given: unknown,
  keys: readonly string[],
): Omit<Fault, 'path'> {
  const { part, input } = lookAt(partOf(schema), given, keys.slice(0, -1));
  const names = Object.keys(entriesOf(part, input) ?? {});
  const of = keys.length === 1 ? 'Options' : `Members of ${keys.slice(0, -1).join('.')}`;
  const meant = suggestion(keys.at(-1) ?? '', names);
  return { problem: 'is not an option', hint: `${of} are ${names.join(', ')}.`, meant };
}

/** Writes a sample behind the name of its option; entries of a list have none. */
function exampleOf(keys: readonly string[], sample: string, writing: Writing): string {
  const at = keys.findLastIndex((key) => !/^\d+$/.test(key));
  const name = keys[at];
  if (name === undefined) return sample;
  return member(
    name,
    keys.slice(at + 1).reduce((inner) => `[${inner}]`, sample),
    writing,
  );
}

/** Says of what kind is what was given, and no more. */
export function shownKind(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'string') return value === '' ? 'an empty text' : 'a text';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
