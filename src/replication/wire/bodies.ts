import * as v from 'valibot';
import { TablecastError } from '../../errors.ts';
import { isShallowJson } from '../../log/bytes/shallow-json.ts';
import { MAX_SWITCHES } from '../../log/operations/epoch.ts';
import { isNodeId } from '../../log/operations/origin.ts';
import { answerBody, requestBody } from './request-wire.ts';

export const HELLO = 1;
export const TABLES = 2;
export const SOURCES = 6;
export const LEVEL = 7;
export const BYE = 10;
export const REQUEST = 15;
export const ANSWER = 16;

/** Most entries of any list in a message. */
export const MAX_ENTRIES = 16_384;
/** Most entries of version vectors in one message. */
const MAX_MESSAGE_HELD = 32_768;
/** Most values in one message of JSON, and how deep they may stand. */
const MOST = { values: 131_072, depth: 32, members: 32_768 };

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(128));
const sequence = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
// Lists are looked through by hand: there may be a hundred thousand entries in the first message of a peer.
const held = listOf<[string, number]>(
  MAX_ENTRIES,
  (entry) => isTuple(entry, 2) && isName(entry[0]) && isSequence(entry[1]),
);
const sessions = listOf<number>(MAX_ENTRIES, isSequence);
const names = (most: number) => listOf<string>(most, isName);
/** Most authors whose operations are held back that are told of one table. */
export const MAX_HELD_BACK_TOLD = 64;
/** Characters of a reason that is told. */
export const MAX_REASON = 512;
const heldBack = v.pipe(
  v.array(
    v.object({
      /** Empty: the table's checkpoint, or everything of it. */
      origin: v.pipe(v.string(), v.maxLength(128)),
      /** The first operation that is not taken. */
      sequence,
      code: v.pipe(v.string(), v.maxLength(32)),
      reason: v.pipe(v.string(), v.maxLength(MAX_REASON), v.transform(withoutControls)),
      /** It may be sent again. */
      asked: v.optional(v.boolean()),
      /** Says who brought it, where that was another peer: said for people, and nothing follows from it. */
      from: v.optional(name),
    }),
  ),
  v.maxLength(MAX_HELD_BACK_TOLD),
);
const tables = v.pipe(
  v.array(
    v.object({
      name,
      fingerprint: v.pipe(v.string(), v.maxLength(4096)),
      mode: v.pipe(v.string(), v.maxLength(32)),
      /** The switch that brought the mode; left out before any. */
      epoch: v.optional(
        v.object({ counter: v.pipe(sequence, v.minValue(1), v.maxValue(MAX_SWITCHES)), origin: name }),
      ),
      declaration: v.unknown(),
      held,
      /** Per entry of `held`, the session of its author that wrote it, 0 where that is not known; left out by 0.1.0. */
      sessions: v.optional(sessions),
      /** A life of which both sides hold other operations under the same numbers: the sender does not share the table. */
      parted: v.optional(name),
      /** Says what the sender takes of the table from the receiver; left out: everything. */
      takes: v.optional(v.picklist(['own', 'nothing'])),
      /** The sender wants the table's rows, whatever it holds: what keeps operations writes a checkpoint now and then. */
      checkpoint: v.optional(v.boolean()),
      /** Lists what the receiver brought and the sender does not take; left out: nothing. */
      heldBack: v.optional(heldBack),
    }),
  ),
  v.maxLength(4096),
  v.check((states) => states.reduce((sum, state) => sum + state.held.length, 0) <= MAX_MESSAGE_HELD),
);
const direct = v.pipe(
  listOf<[string, string[]]>(MAX_ENTRIES, (entry) => {
    return isTuple(entry, 2) && isName(entry[0]) && Array.isArray(entry[1]) && entry[1].every(isName);
  }),
  v.check((entries) => entries.reduce((sum, [, its]) => sum + its.length, 0) <= MAX_ENTRIES),
);
const have = listOf<[string, string, number]>(MAX_ENTRIES, (entry) => {
  return isTuple(entry, 3) && isName(entry[0]) && isName(entry[1]) && isSequence(entry[2]);
});

function listOf<T>(most: number, isEntry: (entry: unknown) => boolean): v.CustomSchema<T[], undefined> {
  return v.custom<T[]>((value) => Array.isArray(value) && value.length <= most && value.every(isEntry));
}

function isTuple(value: unknown, length: number): value is unknown[] {
  return Array.isArray(value) && value.length === length;
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value.length >= 1 && value.length <= 128;
}

/** Without control characters, which could forge lines of a log. */
function withoutControls(text: string): string {
  return text.replace(/\p{C}+/gu, ' ');
}

function isSequence(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The bodies of the messages of JSON, by number. */
const schemas = {
  [HELLO]: v.object({
    protocol: v.strictTuple([sequence, sequence]),
    node: v.custom<string>(isNodeId),
    session: sequence,
    origins: names(16),
    tables,
    /** The sender is no peer: it asks about rows, and shares no table. */
    visits: v.optional(v.boolean()),
    /** The sender understands touches; of one that does not say it, values are written again. */
    touches: v.optional(v.boolean()),
    /** The sender answers visitors; programs of 0.2 and earlier do not say it. */
    answers: v.optional(v.boolean()),
  }),
  [TABLES]: v.object({ tables }),
  [SOURCES]: v.object({
    direct,
    have,
    /** As in a table, per entry of `have`. */
    sessions: v.optional(sessions),
  }),
  [LEVEL]: v.object({ tables: names(4096) }),
  [REQUEST]: requestBody,
  [ANSWER]: answerBody,
  [BYE]: v.object({
    code: v.pipe(v.string(), v.maxLength(32), v.transform(withoutControls)),
    reason: v.pipe(v.string(), v.maxLength(1024), v.transform(withoutControls)),
    /** Says to programs what is behind it, where the code does not. */
    cause: v.optional(v.picklist(['id-twice'])),
  }),
};

/** A state is what a node says of one of its tables. */
export type TableState = v.InferOutput<typeof tables>[number];
/** A state is what a node says of operations that it does not take. */
export type HeldBackState = v.InferOutput<typeof heldBack>[number];
/** The first message either way. */
export type Hello = v.InferOutput<(typeof schemas)[typeof HELLO]>;
/**
 * Sources say which origins' operations come to the sender from elsewhere, and what it has of those that no
 * longer do.
 */
export type Sources = v.InferOutput<(typeof schemas)[typeof SOURCES]>;

/** A cause is what may be behind a farewell: two processes run under one id. */
export type FarewellCause = 'id-twice' | undefined;

/** Reads the body of a message of JSON. Throws `FRAME_INVALID`. */
export function bodyOf<T extends keyof typeof schemas>(
  frame: Uint8Array,
  type: T,
): v.InferOutput<(typeof schemas)[T]> {
  let body: unknown;
  const text = frame.subarray(1);
  if (!isShallowJson(text, MOST)) throw invalid('a message of too many or too deep values');
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch {
    throw invalid('a message that is not JSON');
  }
  const result = v.safeParse(
    schemas[type],
    body,
    // A message with a million mistakes must not cost a million reports.
    { abortEarly: true },
  );
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw invalid(
    `a message whose ${issue?.path?.map((item) => String(item.key)).join('.') ?? 'content'} is not as it should be`,
  );
}

/** Returns the error for what is no message. */
export function invalid(what: string): TablecastError {
  return new TablecastError('FRAME_INVALID', `A peer sent ${what}.`, {
    hint: 'Check that the peer runs a version of tablecast that speaks this protocol.',
  });
}
