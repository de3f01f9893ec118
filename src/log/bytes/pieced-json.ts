import { malformed } from './bytes.ts';
import type { JsonBounds } from './shallow-json.ts';
import type { Work } from '../../work/slices.ts';

/** Texts up to this length are read in one go, and longer ones in pieces of about this length. */
const PIECE_BYTES = 32 * 1024;
/** Most values, and members of objects, in an entry or a member that is no list: it is read in one go. */
const MOST_AT_ONCE = { values: 81_920, members: 1024 };
/** Bytes that are looked through, and bytes that are read, in a unit of work. */
const LOOKED_AT_PER_UNIT = 1024;
const READ_PER_UNIT = 64;

const [QUOTE, COMMA, COLON, BACKSLASH] = [0x22, 0x2c, 0x3a, 0x5c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** A span says where a member's value, or an entry of the list that it is, begins and ends. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * Reads the text of a JSON object in steps: member by member, and where a member is a list, some entries at a
 * time. Throws `OPERATION_INVALID` for what is no such object or
 * has no members, or is larger than `most`.
 */
export function* readInPieces(bytes: Uint8Array, most: JsonBounds): Work<unknown> {
  const members: [name: string, value: unknown][] = [];
  const scan = new Scan(bytes, most);
  if (scan.next() !== OPEN_OBJECT) throw malformed('JSON that is no object');
  for (;;) {
    const name = scan.spanTo(COLON);
    const start = scan.at;
    if (bytes[start] === OPEN_LIST && bytes[start + 1] !== CLOSE_LIST) {
      scan.next();
      members.push([textOf(bytes, name), yield* readList(bytes, scan)]);
    } else {
      const span = scan.spanTo(COMMA, CLOSE_OBJECT);
      scan.at--;
      members.push([textOf(bytes, name), parsed(bytes, span)]);
      yield 1 + Math.ceil((span.to - span.from) / READ_PER_UNIT);
    }
    const end = scan.next();
    if (end === CLOSE_OBJECT) break;
    if (end !== COMMA) throw malformed('JSON whose members are not apart');
  }
  if (scan.at !== bytes.length) throw malformed('something behind JSON');
  return Object.fromEntries(members);
}

function* readList(bytes: Uint8Array, scan: Scan): Work<unknown[]> {
  const entries: unknown[] = [];
  for (let from = scan.at; ;) {
    const { to } = scan.spanTo(COMMA, CLOSE_LIST);
    const last = bytes[to] === CLOSE_LIST;
    if (!last && to - from < PIECE_BYTES) continue;
    yield 1 + Math.ceil((to - from) / LOOKED_AT_PER_UNIT);
    for (const entry of parsed(bytes, { from, to }, true) as unknown[]) entries.push(entry);
    yield 1 + Math.ceil((to - from) / READ_PER_UNIT);
    if (last) return entries;
    from = scan.at;
  }
}

/** Walks over JSON text, knowing what lies within texts, lists and objects. */
class Scan {
  readonly #bytes: Uint8Array;
  readonly #most: JsonBounds;
  #values = 0;
  at = 0;

  constructor(bytes: Uint8Array, most: JsonBounds) {
    this.#bytes = bytes;
    this.#most = most;
  }

  next(): number {
    return this.#bytes[this.at++] ?? 0;
  }

  /** Returns what comes before one of two marks that stand in no list, object or text; goes on behind the mark. */
  spanTo(mark: number, other: number = mark): Span {
    const bytes = this.#bytes;
    const from = this.at;
    const most = Math.min(this.#most.values, this.#values + MOST_AT_ONCE.values);
    let depth = 0;
    let members = 0;
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (depth === 0 && (byte === mark || byte === other)) {
        this.#values++;
        this.at = at + 1;
        return { from, to: at };
      }
      if (byte === QUOTE) {
        at = this.#endOfText(at);
      } else if (byte === COMMA) {
        this.#values++;
      } else if (byte === COLON) {
        members++;
      } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
        this.#values++;
        if (++depth > this.#most.depth) throw malformed('JSON that is too deep');
      } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
        depth--;
      }
      if (this.#values > most || members > MOST_AT_ONCE.members) throw malformed('JSON of too many values');
    }
    throw malformed('JSON without an end');
  }

  #endOfText(begin: number): number {
    const bytes = this.#bytes;
    for (let at = begin + 1; at < bytes.length; at++) {
      if (bytes[at] === BACKSLASH) at++;
      else if (bytes[at] === QUOTE) return at;
    }
    throw malformed('JSON without an end');
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true });

function parsed(bytes: Uint8Array, { from, to }: Span, entries = false): unknown {
  try {
    const text = decoder.decode(bytes.subarray(from, to));
    return JSON.parse(entries ? `[${text}]` : text);
  } catch {
    throw malformed('what is not JSON');
  }
}

function textOf(bytes: Uint8Array, span: Span): string {
  const name = parsed(bytes, span);
  if (typeof name !== 'string') throw malformed('JSON with a member without a name');
  return name;
}
