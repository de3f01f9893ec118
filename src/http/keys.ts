import type { Schema, TypeName } from '../schema/index.ts';
import { columnForm, keyOf } from './forms.ts';
import { invalidRequest } from './problem.ts';

/** Canonical text of the key that a segment of a path names. Throws a problem, or `KEY_INVALID`. */
export function keyOfSegment(schema: Schema, segment: string): string {
  // A comma inside a column is percent-encoded; a key of one column has nothing to divide.
  const parts = schema.composite ? segment.split(',') : [segment];
  return keyOfColumns(schema, parts.map(decoded));
}

/** Canonical text of the key whose columns are given in their text forms. */
export function keyOfColumns(schema: Schema, columns: readonly string[]): string {
  const { keyTypes, composite } = schema;
  if (columns.length !== keyTypes.length) {
    throw invalidRequest(
      `A key of ${keyTypes.length} columns (${keyTypes.join(', ')}) was given ${columns.length}.`,
      'Divide the columns in the path by commas, each percent-encoded; or give ?key= once for each.',
    );
  }
  const forms = columns.map((text, index) => columnForm(keyTypes[index] as TypeName, text));
  return schema.keyText(keyOf(schema, composite ? forms : forms[0]));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidRequest(
      `The key ${JSON.stringify(text.slice(0, 100))} is not percent-encoded UTF-8.`,
      'Encode it with encodeURIComponent, or urllib.parse.quote(key, safe=""); a byte that is not UTF-8 is the code point U+F0000 + byte.',
    );
  }
}
