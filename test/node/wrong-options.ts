import type * as v from 'valibot';
import { type Part, partOf, stepsOf } from '../../src/options/parts.ts';
import { newAuthority } from '../transport/websocket/certificates.ts';

/** A value that an option does not take, with the path of the option that is at fault. */
export interface WrongOption {
  readonly path: string;
  readonly options: unknown;
  /** True for a shape that may be right as far as it goes, so that something inside is at fault. */
  readonly isHollow: boolean;
}

/** One of every shape; what an option takes among them is left out by asking its schema. */
const SHAPES: readonly unknown[] = [
  null,
  [],
  [7],
  [null],
  {},
  { unheardOf: 1 },
  new Map(),
  () => undefined,
  '',
  'hunter2',
  7,
  -1,
  1.5,
  0,
  Number.NaN,
  Infinity,
  1e300,
  7n,
  true,
  Symbol('s'),
];

type Takes = (value: unknown) => boolean;

/** Walks a schema: of each member every shape that it does not take, and members that there are not. */
export function wrongOptions(schema: v.GenericSchema, takes: (part: Part) => Takes): WrongOption[] {
  return [...walk(partOf(schema), [], (held) => held, takes)];
}

function* walk(
  part: Part,
  path: readonly string[],
  held: (value: unknown) => unknown,
  takes: (part: Part) => Takes,
): Generator<WrongOption> {
  const isTaken = takes(part);
  for (const shape of SHAPES)
    if (!isTaken(shape)) yield { path: path.join('.'), options: held(shape), isHollow: isHollow(shape) };
  for (const [name, inner, around] of innerOf(part, takes)) {
    const here = (value: unknown): unknown => held(around(value));
    if (inner === undefined) yield { path: [...path, name].join('.'), options: here(7), isHollow: false };
    else yield* walk(inner, [...path, name], here, takes);
  }
}

const isHollow = (shape: unknown): boolean =>
  typeof shape === 'object' && shape !== null && !(shape instanceof Map);

/** A certificate and its key in one. */
const PEM = pemOf('n');

type Inner = readonly [name: string, part: Part | undefined, around: (value: unknown) => unknown];

/** What stands inside: members, and one that there is not. */
function innerOf(part: Part, takes: (part: Part) => Takes): readonly Inner[] {
  return stepsOf(part).flatMap((step): readonly Inner[] => {
    if (step.entries !== undefined) return membersOf(step.entries, takes);
    if (step.item !== undefined) return [['0', step.item, (value) => [value]]];
    const each = step.metadata?.['member'];
    if (each !== undefined) return [['named', each as Part, (value) => ({ named: value })]];
    return [];
  });
}

function membersOf(entries: Readonly<Record<string, Part>>, takes: (part: Part) => Takes): readonly Inner[] {
  const needed = Object.entries(entries).filter(([, part]) => part.type !== 'optional');
  const around = (name: string) => (value: unknown) => ({
    ...Object.fromEntries(needed.map(([other, part]) => [other, takenBy(part, takes)])),
    [name]: value,
  });
  const known = Object.entries(entries).map(([name, part]): Inner => [name, part, around(name)]);
  const unheardOf = ['unheardOf', 'constructor', 'toString'].map((name): Inner => [
    name,
    undefined,
    around(name),
  ]);
  return [...known, ...unheardOf];
}

function pemOf(name: string): string {
  const authority = newAuthority();
  const { cert, key } = authority.issue(name);
  authority.remove();
  return cert + key;
}

/** A value that a member takes, so that the one beside it is at fault. */
function takenBy(part: Part, takes: (part: Part) => Takes): unknown {
  const steps = stepsOf(part);
  const said = steps.findLast((step) => step.metadata?.['said'] !== undefined)?.metadata?.['said'];
  const sample = (said as { readonly sample?: unknown } | undefined)?.sample;
  const table = { declaration: {}, changes: {} };
  const found = [sample, ...SHAPES, 'text', 1, { time: 1 }, table, PEM].find((value) => takes(part)(value));
  if (found === undefined) throw new Error(`Nothing is known that ${JSON.stringify(said)} takes.`);
  return found;
}
