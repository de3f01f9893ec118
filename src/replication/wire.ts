import * as v from 'valibot';
import { TablecastError } from '../errors.ts';
import { ByteReader, ByteWriter } from '../log/bytes.ts';
import { MAX_TABLE_NAME_BYTES } from '../log/run.ts';
import { readRuns, writeRuns } from '../log/segment.ts';

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
const DIGEST = 11;
const ASK = 12;
const SUMS = 13;
const ROWS = 14;

/** Two words for each of 256 buckets or leaves. */
const SUM_WORDS = 512;
/** Most buckets or leaves one question may name. */
const MAX_ASKED = 256;
const MAX_STATE_BYTES = 64;
const ASKED: readonly AskedFor[] = ['buckets', 'leaves', 'rows'];

/** Most entries of any list in a message. */
const MAX_ENTRIES = 65_536;

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(128));
const sequence = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const held = v.pipe(v.array(v.strictTuple([name, sequence])), v.maxLength(MAX_ENTRIES));
const tables = v.pipe(
  v.array(
    v.object({
      name,
      fingerprint: v.pipe(v.string(), v.maxLength(4096)),
      mode: v.pipe(v.string(), v.maxLength(32)),
      declaration: v.unknown(),
      held,
    }),
  ),
  v.maxLength(4096),
);
const direct = v.pipe(v.array(v.strictTuple([name, v.array(name)])), v.maxLength(MAX_ENTRIES));

const schemas = {
  [HELLO]: v.object({
    protocol: v.strictTuple([sequence, sequence]),
    node: name,
    session: sequence,
    origins: v.pipe(v.array(name), v.maxLength(16)),
    tables,
  }),
  [TABLES]: v.object({ tables }),
  [SOURCES]: v.object({
    direct,
    have: v.pipe(v.array(v.strictTuple([name, name, sequence])), v.maxLength(MAX_ENTRIES)),
  }),
  [LEVEL]: v.object({ tables: v.pipe(v.array(name), v.maxLength(4096)) }),
  [BYE]: v.object({
    code: v.pipe(v.string(), v.maxLength(32)),
    reason: v.pipe(v.string(), v.maxLength(1024)),
  }),
};

/** What a node says of one of its tables. */
export type TableState = v.InferOutput<typeof tables>[number];
/** The first message either way. */
export type Hello = v.InferOutput<(typeof schemas)[typeof HELLO]>;
/** Which origins' operations come to the sender from elsewhere, and what it has of those that no longer do. */
export type Sources = v.InferOutput<(typeof schemas)[typeof SOURCES]>;

/** What a node asks for that compares a table with its peer's. */
export type AskedFor = 'buckets' | 'leaves' | 'rows';

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
  | { readonly type: 'ack'; readonly bytes: number; readonly operations: number }
  | { readonly type: 'sources'; readonly sources: Sources }
  | { readonly type: 'level'; readonly tables: readonly string[] }
  | { readonly type: 'ping' | 'pong'; readonly time: number }
  | {
      readonly type: 'digest';
      readonly table: string;
      readonly state: string;
      readonly root: readonly [low: number, high: number];
      readonly reply: boolean;
    }
  | {
      readonly type: 'ask';
      readonly table: string;
      readonly state: string;
      readonly round: number;
      readonly of: AskedFor;
      /** Numbers of buckets or leaves. */
      readonly numbers: readonly number[];
    }
  | {
      readonly type: 'sums';
      readonly table: string;
      readonly state: string;
      readonly round: number;
      /** -1: the sums of the buckets themselves. */
      readonly bucket: number;
      readonly sums: Uint32Array;
    }
  | {
      readonly type: 'rows';
      readonly table: string;
      readonly state: string;
      readonly round: number;
      readonly last: boolean;
      readonly chunk: Uint8Array;
    }
  | { readonly type: 'bye'; readonly code: string; readonly reason: string };

type ComparisonMessage = Extract<Message, { type: 'digest' | 'ask' | 'sums' | 'rows' }>;

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
    case 'bye':
      return json(BYE, { code: message.code, reason: message.reason });
    case 'digest':
    case 'ask':
    case 'sums':
    case 'rows':
      return comparison(message);
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
      break;
    default:
      writer.byte(message.type === 'ping' ? PING : PONG);
      writer.float64(message.time);
  }
  return writer.copy();
}

function comparison(message: ComparisonMessage): Uint8Array {
  const writer = new ByteWriter(128);
  writer.byte({ digest: DIGEST, ask: ASK, sums: SUMS, rows: ROWS }[message.type]);
  writer.text(message.table);
  writer.text(message.state);
  if (message.type !== 'digest') writer.varint(message.round);
  switch (message.type) {
    case 'digest':
      writer.byte(message.reply ? 1 : 0);
      for (const word of message.root) writer.uint32(word);
      break;
    case 'ask':
      writer.byte(ASKED.indexOf(message.of));
      writer.varint(message.numbers.length);
      for (const number of message.numbers) writer.varint(number);
      break;
    case 'sums':
      writer.varint(message.bucket + 1);
      for (const word of message.sums) writer.uint32(word);
      break;
    case 'rows':
      writer.byte(message.last ? 1 : 0);
      writer.raw(message.chunk);
  }
  return writer.copy();
}

function readComparison(type: number, reader: ByteReader): ComparisonMessage {
  const table = reader.text(MAX_TABLE_NAME_BYTES);
  const state = reader.text(MAX_STATE_BYTES);
  const round = type === DIGEST ? 0 : reader.varint();
  switch (type) {
    case DIGEST: {
      const reply = reader.byte() === 1;
      return { type: 'digest', table, state, reply, root: [reader.uint32(), reader.uint32()] };
    }
    case ASK: {
      const of = ASKED[reader.byte()];
      const count = reader.count('numbers', MAX_ASKED);
      if (of === undefined) throw invalid('a question of an unknown kind');
      const limit = of === 'rows' ? MAX_ENTRIES : SUM_WORDS / 2;
      const numbers: number[] = [];
      for (let index = 0; index < count; index++) {
        const number = reader.varint();
        if (number >= limit) throw invalid(`a question about number ${number} of ${limit}`);
        numbers.push(number);
      }
      return { type: 'ask', table, state, round, of, numbers };
    }
    case SUMS: {
      const bucket = reader.varint() - 1;
      if (bucket >= SUM_WORDS / 2) throw invalid(`sums of bucket ${bucket}`);
      const sums = Uint32Array.from({ length: SUM_WORDS }, () => reader.uint32());
      return { type: 'sums', table, state, round, bucket, sums };
    }
    default:
      return {
        type: 'rows',
        table,
        state,
        round,
        last: reader.byte() === 1,
        chunk: reader.raw(reader.remaining),
      };
  }
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
    case BYE:
      return { type: 'bye', ...parse(frame, BYE) };
    case RUNS:
      return { type: 'runs', runs: readRuns(reader) };
    case CHECKPOINT:
      return {
        type: 'checkpoint',
        table: reader.text(MAX_TABLE_NAME_BYTES),
        index: reader.varint(),
        last: reader.byte() === 1,
        chunk: reader.raw(reader.remaining),
      };
    case ACK:
      return { type: 'ack', bytes: reader.varint(), operations: reader.varint() };
    case PING:
    case PONG:
      return { type: type === PING ? 'ping' : 'pong', time: reader.float64() };
    case DIGEST:
    case ASK:
    case SUMS:
    case ROWS:
      return readComparison(type, reader);
    default:
      throw invalid(`a message of type ${type}`);
  }
}

function parse<T extends keyof typeof schemas>(
  frame: Uint8Array,
  type: T,
): v.InferOutput<(typeof schemas)[T]> {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(frame.subarray(1)));
  } catch {
    throw invalid('a message that is not JSON');
  }
  const result = v.safeParse(
    schemas[type] as v.GenericSchema<unknown, v.InferOutput<(typeof schemas)[T]>>,
    body,
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
