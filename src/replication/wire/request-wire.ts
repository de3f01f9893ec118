import * as v from 'valibot';
import { isCellText } from './cell-text.ts';

/** Keys of an undo that are told one by one. */
export const UNDONE_TOLD = 64;
/** Most operations or conflicts that one answer tells. */
export const MOST_TOLD = 1000;
/** Characters of keys and values, or of what is said of peers, in one answer, beyond its first entry. */
export const TOLD_CHARACTERS = 1_048_576;
/** Characters of a message or a hint in an answer. */
export const PROBLEM_CHARACTERS = 4096;

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
// The table's own limits bound keys and values; a frame bounds both.
const cell = v.pipe(v.string(), v.check(isCellText));
const words = v.pipe(v.string(), v.maxLength(PROBLEM_CHARACTERS));
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(128));

/** Names what is asked: of one row, of what became of a table, who the node's peers are, or how it stands with Zeek. */
const act = v.picklist([
  'get',
  'set',
  'delete',
  'increment',
  'touch',
  'undo',
  'history',
  'conflicts',
  'peers',
  'zeek',
]);

/** Names a write, where its value is one. */
const side = v.object({ origin: name, sequence: whole, cell: v.optional(cell) });
const told = <T extends v.GenericSchema>(entry: T) => v.pipe(v.array(entry), v.maxLength(MOST_TOLD));

/** The body of a request. */
export const requestBody = v.object({
  /** Is repeated in the answer; one connection may have several on the way. */
  number: whole,
  act,
  /** Is empty where peers or Zeek clusters are asked for. */
  table: v.pipe(v.string(), v.maxLength(128)),
  /** Is the canonical text of the key; empty where what is asked is of no key. */
  key: v.string(),
  /** Bounds the operations or conflicts that are told, the newest of them. */
  limit: v.optional(v.pipe(whole, v.minValue(1), v.maxValue(MOST_TOLD))),
  /** Holds what is set, or added. */
  cell: v.optional(cell),
  /** Says of an undo, whose key is empty, whose operations are taken back, since when, and whether they are only told. */
  undo: v.optional(
    v.object({
      origin: name,
      position: v.optional(whole),
      time: v.optional(v.number()),
      dryRun: v.boolean(),
    }),
  ),
});

/** The body of an answer. */
export const answerBody = v.object({
  number: whole,
  /** Says whether the key had a row, before what was asked. */
  existed: v.optional(v.boolean()),
  /** Holds the value of the row afterwards. */
  cell: v.optional(cell),
  /** Says what an undo writes: how many keys, how many stay, and the first of them. */
  undone: v.optional(
    v.object({
      writes: whole,
      kept: whole,
      first: v.pipe(
        v.array(
          v.object({
            key: v.string(),
            kind: v.picklist(['set', 'delete', 'increment']),
            cell: v.optional(cell),
          }),
        ),
        v.maxLength(UNDONE_TOLD),
      ),
    }),
  ),
  /** Tells the operations of a key, or of all keys, oldest first; an added number is a cell as well, and so is a mode. */
  operations: v.optional(
    told(
      v.object({
        position: whole,
        kind: v.pipe(v.string(), v.maxLength(16)),
        time: v.number(),
        ...side.entries,
      }),
    ),
  ),
  /** Tells conflicts, oldest first. */
  conflicts: v.optional(
    told(v.object({ position: whole, time: v.number(), key: v.string(), kept: side, lost: side })),
  ),
  /** Tells of each connection with a peer what `/v1/cluster` does. */
  peers: v.optional(v.array(v.record(v.string(), v.unknown()))),
  /** Tells of each Zeek cluster what `/v1/cluster` does. */
  zeek: v.optional(v.array(v.record(v.string(), v.unknown()))),
  /** Says that there was no more to be told. */
  complete: v.optional(v.boolean()),
  /** Names the operation that was written. */
  written: v.optional(
    v.object({
      origin: name,
      sequence: whole,
      epoch: v.object({ counter: whole, origin: v.pipe(v.string(), v.maxLength(128)) }),
    }),
  ),
  /** Says why the answer is none; of a write with `written` that it is in memory only. */
  problem: v.optional(
    v.object({
      code: v.pipe(v.string(), v.regex(/^[A-Z_]{1,32}$/)),
      message: words,
      hint: words,
    }),
  ),
});

/** A request is about one row, and costs one row; or it has the log of a table read. */
export type RowRequest = v.InferOutput<typeof requestBody>;
/** An answer says what the row is, or was and became. */
export type RowAnswer = v.InferOutput<typeof answerBody>;
