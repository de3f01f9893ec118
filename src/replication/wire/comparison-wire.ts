import { TablecastError } from '../../errors.ts';
import { ByteReader, ByteWriter } from '../../log/bytes/bytes.ts';
import { MAX_TABLE_NAME_BYTES } from '../../log/runs/run.ts';

const DIGEST = 11;
const ASK = 12;
const SUMS = 13;
const ROWS = 14;
/** Leaves there are. */
const LEAVES = 65_536;
/** Two words for each of 256 buckets or leaves. */
const SUM_WORDS = 512;
/** Most buckets or leaves one question may name. */
const MAX_ASKED = 256;
const MAX_STATE_BYTES = 64;
const ASKED: readonly AskedFor[] = ['buckets', 'leaves', 'rows'];

/** Asked for is what a node asks for that compares a table with its peer's. */
export type AskedFor = 'buckets' | 'leaves' | 'rows';

/** A message by which two nodes find the rows in which they differ. */
export type ComparisonMessage =
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
    };

/** Returns whether a type of frame belongs to a comparison. */
export function isComparison(type: number): boolean {
  return type >= DIGEST && type <= ROWS;
}

/** A message of a comparison as the frame that carries it. */
export function encodeComparison(message: ComparisonMessage): Uint8Array {
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

/** Decodes a frame of a comparison. Throws `FRAME_INVALID` for another one. */
export function readComparison(frame: Uint8Array): ComparisonMessage {
  const reader = new ByteReader(frame);
  const type = reader.byte();
  if (!isComparison(type)) throw invalid(`a message of type ${type} where tables are compared`);
  return decodeComparison(type, reader);
}

/** Decodes what {@link encodeComparison} encoded, behind its type. Throws `FRAME_INVALID` or `OPERATION_INVALID`. */
export function decodeComparison(type: number, reader: ByteReader): ComparisonMessage {
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
      const limit = of === 'rows' ? LEAVES : SUM_WORDS / 2;
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

function invalid(what: string): TablecastError {
  return new TablecastError('FRAME_INVALID', `A peer sent ${what}.`, {
    hint: 'Check that the peer runs a version of tablecast that speaks this protocol.',
  });
}
