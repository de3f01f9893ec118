import * as v from 'valibot';
import { isCellText } from './cell-text.ts';

/** Keys of an undo that are told one by one. */
export const UNDONE_TOLD = 64;
/** Characters of a message or a hint in an answer. */
export const PROBLEM_CHARACTERS = 4096;

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
// The table's own limits bound keys and values; a frame bounds both.
const cell = v.pipe(v.string(), v.check(isCellText));
const words = v.pipe(v.string(), v.maxLength(PROBLEM_CHARACTERS));
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(128));

/** Names what is asked of one row. */
const act = v.picklist(['get', 'set', 'delete', 'increment', 'touch', 'undo']);

/** The body of a request. */
export const requestBody = v.object({
  /** Is repeated in the answer; one connection may have several on the way. */
  number: whole,
  act,
  table: name,
  /** Is the canonical text of the key. */
  key: v.string(),
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

/** A request is about one row, and costs one row. */
export type RowRequest = v.InferOutput<typeof requestBody>;
/** An answer says what the row is, or was and became. */
export type RowAnswer = v.InferOutput<typeof answerBody>;
