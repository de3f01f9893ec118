/** The file formats that can be read and written. `json` is one JSON object per line. */
export type LogFormat = 'zeek' | 'json' | 'csv';

/** The text of one field: a scalar, the elements of a set or vector, or undefined when unset. */
export type FieldText = string | readonly (string | undefined)[] | undefined;

/**
 * One row of a log, as text.
 *
 * Nothing is converted: numbers and times are the characters that stood in the file (after undoing
 * the escapes of the format), so that no digit is lost. Unset fields are undefined; JSON files
 * usually leave them out altogether.
 */
export interface LogRecord {
  /** Line of the file on which the record starts, from 1. */
  readonly line: number;
  /** Fields by name. Objects inside a JSON object appear under dotted names (`id.orig_h`). */
  readonly fields: ReadonlyMap<string, FieldText>;
  /** Zeek's type of each field (`addr`, `set[string]`), when the file has a `#types` line. */
  readonly types?: ReadonlyMap<string, string>;
  /** The JSON text of those fields that are arrays or objects in a JSON file. */
  readonly json?: ReadonlyMap<string, string>;
  /**
   * Says what is wrong with fields that cannot be used; they are not in `fields`. Harms nobody who does not
   * need them.
   */
  readonly faults?: ReadonlyMap<string, string>;
}

/** Bounds what one record may hold; more is a bad line, never more memory. */
export const formatLimits: {
  readonly maxLineBytes: number;
  readonly maxFields: number;
  readonly maxFieldNameLength: number;
  readonly maxNesting: number;
} = {
  /** Bytes of one line, and of one CSV record that spans lines. */
  maxLineBytes: 1_048_576,
  maxFields: 4096,
  /** UTF-16 code units. Longer dotted names of nested JSON are left out, not refused. */
  maxFieldNameLength: 1024,
  /** Arrays and objects within each other in one JSON line. */
  maxNesting: 64,
};
