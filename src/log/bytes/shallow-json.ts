const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

const COLON = 0x3a;

/** The bounds say how much JSON text may hold. */
export interface JsonBounds {
  /** Lists, objects and what stands between their commas. */
  readonly values: number;
  readonly depth: number;
  /** Members of objects, which cost several times as much as what stands in lists. */
  readonly members?: number | undefined;
}

/**
 * Returns whether JSON text has at most so many values (lists, objects and what stands between their commas)
 * and lists at most so deep. Says so before anything is made of it: reading JSON costs by its values, not by
 * its bytes, and a deep list a hundred times as much as a flat one.
 */
export function isShallowJson(bytes: Uint8Array, most: JsonBounds): boolean {
  let depth = 0;
  let values = 0;
  let members = 0;
  let inText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) {
      inText = !inText;
    } else if (inText) {
      if (byte === BACKSLASH) at++;
    } else if (byte === COMMA) {
      values++;
    } else if (byte === COLON) {
      members++;
    } else if (byte === 0x5b || byte === 0x7b) {
      values++;
      if (++depth > most.depth) return false;
    } else if (byte === 0x5d || byte === 0x7d) {
      depth--;
    }
  }
  return values <= most.values && members <= (most.members ?? Infinity);
}
