import * as v from 'valibot';
import { type JsonBounds, isShallowJson } from '../log/bytes/shallow-json.ts';
import { MAX_SWITCHES } from '../log/operations/epoch.ts';
import type { KeptCheckpoint } from './ledger.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(128));
/** Most lives that a checkpoint stands for: as many as a table may have written by, twice. */
const MAX_LIVES = 16_384;

const schema = v.object({
  name,
  before: v.optional(name),
  bytes: count,
  held: v.pipe(v.array(v.strictTuple([name, count, count])), v.maxLength(MAX_LIVES)),
  mode: v.pipe(v.string(), v.maxLength(32)),
  epoch: v.optional(
    v.object({ counter: v.pipe(count, v.minValue(1), v.maxValue(MAX_SWITCHES)), origin: name }),
  ),
  through: count,
});

/** Reads what a message says of a checkpoint; undefined for what no node writes. */
export function readKept(bytes: Uint8Array): KeptCheckpoint | undefined {
  const result = v.safeParse(schema, parsed(bytes, { values: 5 * MAX_LIVES, depth: 3 }), {
    abortEarly: true,
  });
  return result.success ? { before: undefined, epoch: undefined, ...result.output } : undefined;
}

/** As much as a peer may say of one table, beside what it holds. */
const MOST_DECLARED: JsonBounds = { values: 4096, depth: 16, members: 1024 };

const declared = v.object({
  fingerprint: v.pipe(v.string(), v.maxLength(4096)),
  mode: v.pipe(v.string(), v.maxLength(32)),
  declaration: v.unknown(),
});

/** A declaration stands in the carrier for all: the first node that brings the table says it. */
export type DeclaredTable = v.InferOutput<typeof declared>;

/** Reads how a table is declared; undefined for what no node writes. */
export function readDeclared(bytes: Uint8Array): DeclaredTable | undefined {
  const result = v.safeParse(declared, parsed(bytes, MOST_DECLARED), { abortEarly: true });
  return result.success ? result.output : undefined;
}

function parsed(bytes: Uint8Array, most: JsonBounds): unknown {
  if (!isShallowJson(bytes, most)) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
