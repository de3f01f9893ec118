import * as v from 'valibot';
import { TablecastError } from '../../errors.ts';
import { ByteReader, ByteWriter } from '../../log/bytes/bytes.ts';
import { MAX_SWITCHES } from '../../log/operations/epoch.ts';
import { isNodeId } from '../../log/operations/origin.ts';
import { MAX_BATCH_RUNS } from '../../log/keeping/journal.ts';
import { MAX_TABLE_NAME_BYTES } from '../../log/runs/run.ts';
import { readRuns, writeRuns } from '../../log/runs/segment.ts';
import {
  type ComparisonMessage,
  decodeComparison,
  encodeComparison,
  isComparison,
} from './comparison-wire.ts';
import { type HoldingWords, readHoldings, writeHoldings } from './holding-wire.ts';
import { type RowAnswer, type RowRequest, answerBody, requestBody } from './request-wire.ts';
import { isShallowJson } from '../../log/bytes/shallow-json.ts';

/** The protocol versions this program speaks; docs/protocol.md describes them. */
export const PROTOCOL: readonly [lowest: number, highest: number] = [1, 1];

const HELLO = 1;
const TABLES = 2;
const RUNS = 3;
const CHECKPOINT = 4;
const ACK = 5;
const SOURCES = 6;
const LEVEL = 7;
const PING = 8;
const PONG = 9;
const BYE = 10;
const REQUEST = 15;
const ANSWER = 16;

/** Most operations in one frame: those of the largest batch, whose runs travel together. */
export const MAX_FRAME_OPERATIONS = 16_384;
/** Most runs in one frame: those of the largest batch as well. */
export const MAX_FRAME_RUNS: number = MAX_BATCH_RUNS;
/** Most entries of any list in a message. */
const MAX_ENTRIES = 16_384;
/** Most entries of version vectors in one message, and how many and of how many tables a node says at a time. */
const MAX_MESSAGE_HELD = 32_768;
const MESSAGE_HELD = 24_576;
const MAX_MESSAGE_TABLES = 1024;
/** Bounds how many entries of what is held a node says at a time beside its sources. */
const SOURCES_HELD = 8192;
/** Longest code of an error in an acknowledgement. */
const MAX_CODE_BYTES = 32;
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

function isSequence(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

const schemas = {
  [HELLO]: v.object({
    protocol: v.strictTuple([sequence, sequence]),
    node: v.custom<string>(isNodeId),
    session: sequence,
    origins: names(16),
    tables,
    /** The sender is no peer: it asks about rows, and shares no table. */
    visits: v.optional(v.boolean()),
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
    code: v.pipe(v.string(), v.maxLength(32)),
    reason: v.pipe(v.string(), v.maxLength(1024)),
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

/** A message between two nodes. */
export type Message =
  | { readonly type: 'hello'; readonly hello: Hello }
  | { readonly type: 'tables'; readonly tables: readonly TableState[] }
  | { readonly type: 'runs'; readonly runs: readonly Uint8Array[] }
  | {
      readonly type: 'checkpoint';
      readonly table: string;
      readonly index: number;
      readonly last: boolean;
      readonly chunk: Uint8Array;
    }
  | ({
      readonly type: 'ack';
      readonly bytes: number;
      readonly operations: number;
      /** Counts the operations, from the first on, that are durable; 0.2 and earlier do not say it. */
      readonly durable?: number | undefined;
      /** Says why the others are not, if that is known: the code of an error, or nothing. */
      readonly problem?: string | undefined;
    } & HoldingWords)
  | { readonly type: 'sources'; readonly sources: Sources }
  | { readonly type: 'level'; readonly tables: readonly string[] }
  | { readonly type: 'ping' | 'pong'; readonly time: number }
  | ComparisonMessage
  | { readonly type: 'request'; readonly request: RowRequest }
  | { readonly type: 'answer'; readonly answer: RowAnswer }
  | { readonly type: 'bye'; readonly code: string; readonly reason: string; readonly cause?: FarewellCause };

/** Tables in parts of which each fits into one message. */
export function partsOf(states: readonly TableState[]): TableState[][] {
  const parts: TableState[][] = [[]];
  let entries = 0;
  for (const state of states) {
    const last = parts.at(-1) as TableState[];
    entries += state.held.length;
    if (last.length > 0 && (entries > MESSAGE_HELD || last.length >= MAX_MESSAGE_TABLES)) {
      parts.push([state]);
      entries = state.held.length;
    } else {
      last.push(state);
    }
  }
  return parts;
}

/**
 * Makes what is said of sources, as messages that each fit: of direct ones as many as one may name (what is
 * not named is relayed once too often), of held ones all.
 */
export function sourcesOf({ direct: all, have: every, sessions: each = [] }: Sources): Sources[] {
  const some: [string, string[]][] = [];
  let left = MAX_ENTRIES;
  for (const [origin, its] of all) {
    if (left <= 0) break;
    some.push([origin, its.slice(0, left)]);
    left -= its.length;
  }
  const messages: Sources[] = [];
  for (let at = 0; at === 0 || at < every.length; at += SOURCES_HELD) {
    const end = at + SOURCES_HELD;
    messages.push({ direct: some, have: every.slice(at, end), sessions: each.slice(at, end) });
  }
  return messages;
}

/** A message as the frame that carries it. */
export function encodeMessage(message: Message): Uint8Array {
  switch (message.type) {
    case 'hello':
      return json(HELLO, message.hello);
    case 'tables':
      return json(TABLES, { tables: message.tables });
    case 'sources':
      return json(SOURCES, message.sources);
    case 'level':
      return json(LEVEL, { tables: message.tables });
    case 'request':
      return json(REQUEST, message.request);
    case 'answer':
      return json(ANSWER, message.answer);
    case 'bye':
      return json(BYE, { code: message.code, reason: message.reason, cause: message.cause });
    case 'digest':
    case 'ask':
    case 'sums':
    case 'rows':
      return encodeComparison(message);
    default:
      return binary(message);
  }
}

function json(type: number, body: unknown): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(body));
  const frame = new Uint8Array(text.length + 1);
  frame[0] = type;
  frame.set(text, 1);
  return frame;
}

function binary(
  message: Extract<Message, { type: 'runs' | 'checkpoint' | 'ack' | 'ping' | 'pong' }>,
): Uint8Array {
  const writer = new ByteWriter(message.type === 'runs' ? sizeOf(message.runs) : 64);
  switch (message.type) {
    case 'runs':
      writer.byte(RUNS);
      writeRuns(writer, message.runs);
      break;
    case 'checkpoint':
      writer.byte(CHECKPOINT);
      writer.text(message.table);
      writer.varint(message.index);
      writer.byte(message.last ? 1 : 0);
      writer.raw(message.chunk);
      break;
    case 'ack':
      writer.byte(ACK);
      writer.varint(message.bytes);
      writer.varint(message.operations);
      if (message.durable !== undefined) {
        writer.varint(message.durable);
        writer.text(message.problem ?? '');
        writeHoldings(writer, message);
      }
      break;
    default:
      writer.byte(message.type === 'ping' ? PING : PONG);
      writer.float64(message.time);
  }
  return writer.finish();
}

function sizeOf(runs: readonly Uint8Array[]): number {
  return runs.reduce((sum, run) => sum + run.length + 5, 16);
}

/** The message a frame carries. Throws `FRAME_INVALID` or `OPERATION_INVALID` for anything else. */
export function decodeMessage(frame: Uint8Array): Message {
  const reader = new ByteReader(frame);
  const type = reader.byte();
  switch (type) {
    case HELLO:
      return { type: 'hello', hello: parse(frame, HELLO) };
    case TABLES:
      return { type: 'tables', tables: parse(frame, TABLES).tables };
    case SOURCES:
      return { type: 'sources', sources: parse(frame, SOURCES) };
    case LEVEL:
      return { type: 'level', tables: parse(frame, LEVEL).tables };
    case REQUEST:
      return { type: 'request', request: parse(frame, REQUEST) };
    case ANSWER:
      return { type: 'answer', answer: parse(frame, ANSWER) };
    case BYE:
      return { type: 'bye', ...printable(parse(frame, BYE)) };
    case RUNS:
      return { type: 'runs', runs: readRuns(reader, MAX_FRAME_RUNS) };
    case CHECKPOINT:
      return {
        type: 'checkpoint',
        table: reader.text(MAX_TABLE_NAME_BYTES),
        index: reader.varint(),
        last: reader.byte() === 1,
        chunk: reader.raw(reader.remaining),
      };
    case ACK:
      return readAck(reader);
    case PING:
    case PONG:
      return { type: type === PING ? 'ping' : 'pong', time: reader.float64() };
    default:
      if (isComparison(type)) return decodeComparison(type, reader);
      throw invalid(`a message of type ${type}`);
  }
}

function readAck(reader: ByteReader): Message {
  const [bytes, operations] = [reader.varint(), reader.varint()];
  if (reader.remaining === 0) return { type: 'ack', bytes, operations };
  const [durable, problem] = [reader.varint(), reader.text(MAX_CODE_BYTES)];
  if (!/^[A-Z_]*$/.test(problem)) throw invalid('an acknowledgement with a problem that is no code');
  return { type: 'ack', bytes, operations, durable, problem, ...readHoldings(reader) };
}

/** Without control characters, which could forge lines of a log. */
function printable({ code, reason, cause }: v.InferOutput<(typeof schemas)[typeof BYE]>): {
  code: string;
  reason: string;
  cause: FarewellCause;
} {
  return { code: withoutControls(code), reason: withoutControls(reason), cause };
}

function withoutControls(text: string): string {
  return text.replace(/\p{C}+/gu, ' ');
}

function parse<T extends keyof typeof schemas>(
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

function invalid(what: string): TablecastError {
  return new TablecastError('FRAME_INVALID', `A peer sent ${what}.`, {
    hint: 'Check that the peer runs a version of tablecast that speaks this protocol.',
  });
}
