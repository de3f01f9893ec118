import { ByteReader, ByteWriter } from '../../log/bytes/bytes.ts';
import { MAX_BATCH_RUNS } from '../../log/keeping/journal.ts';
import { MAX_TABLE_NAME_BYTES } from '../../log/runs/run.ts';
import { readRuns, writeRuns } from '../../log/runs/segment.ts';
import {
  ANSWER,
  BYE,
  type FarewellCause,
  HELLO,
  type Hello,
  LEVEL,
  REQUEST,
  SOURCES,
  type Sources,
  TABLES,
  type TableState,
  bodyOf,
  invalid,
} from './bodies.ts';
import {
  type ComparisonMessage,
  decodeComparison,
  encodeComparison,
  isComparison,
} from './comparison-wire.ts';
import { type HoldingWords, readHoldings, writeHoldings } from './holding-wire.ts';
import type { RowAnswer, RowRequest } from './request-wire.ts';

/** The protocol versions this program speaks; docs/protocol.md describes them. */
export const PROTOCOL: readonly [lowest: number, highest: number] = [1, 1];

const RUNS = 3;
const CHECKPOINT = 4;
const ACK = 5;
const PING = 8;
const PONG = 9;

/** Most operations in one frame: those of the largest batch, whose runs travel together. */
export const MAX_FRAME_OPERATIONS = 16_384;
/** Most runs in one frame: those of the largest batch as well. */
export const MAX_FRAME_RUNS: number = MAX_BATCH_RUNS;
/** Longest code of an error in an acknowledgement. */
const MAX_CODE_BYTES = 32;

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
      return { type: 'hello', hello: bodyOf(frame, HELLO) };
    case TABLES:
      return { type: 'tables', tables: bodyOf(frame, TABLES).tables };
    case SOURCES:
      return { type: 'sources', sources: bodyOf(frame, SOURCES) };
    case LEVEL:
      return { type: 'level', tables: bodyOf(frame, LEVEL).tables };
    case REQUEST:
      return { type: 'request', request: bodyOf(frame, REQUEST) };
    case ANSWER:
      return { type: 'answer', answer: bodyOf(frame, ANSWER) };
    case BYE:
      return { type: 'bye', ...bodyOf(frame, BYE) };
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
