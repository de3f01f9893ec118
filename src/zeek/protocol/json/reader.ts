/**
 * A reader for the JSON that Zeek writes, which is not quite JSON: control characters stand raw in
 * strings, a vertical tab is written `\v`, and doubles may be `inf` or `nan`. Integers have up to
 * 20 digits and must not be rounded. The libraries that keep long numbers refuse the rest, and the
 * lenient ones round or build objects with names from outside; hence this scanner.
 */
import { Buffer } from 'node:buffer';
import { TablecastError } from '../../../errors.ts';
import { JsonNumber, type Json } from './json.ts';

/** Bounds on one text. */
export interface JsonLimits {
  readonly maxFrameBytes: number;
  readonly maxDepth: number;
}

/** Longest number: the digits of the largest double written by `%f`, and some. */
const maxNumberLength = 400;
const numberPattern = /-?(?:inf|nan|(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)/y;
const loneSurrogate = /\p{Surrogate}/u;

const simpleEscapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
]);

class Scanner {
  readonly #text: string;
  readonly #maxDepth: number;
  #at = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  document(): Json {
    const value = this.#value(0);
    this.#space();
    if (this.#at !== this.#text.length) throw this.#bad('text after the end of the value');
    return value;
  }

  #value(depth: number): Json {
    if (depth > this.#maxDepth) {
      throw limitExceeded(`nesting of more than ${this.#maxDepth} values`, this.#maxDepth);
    }
    this.#space();
    switch (this.#text[this.#at]) {
      case '"':
        return this.#string();
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case 't':
        return this.#literal('true', true);
      case 'f':
        return this.#literal('false', false);
      default:
        return this.#text.startsWith('null', this.#at) ? this.#literal('null', null) : this.#number();
    }
  }

  #object(depth: number): Json {
    const members = new Map<string, Json>();
    this.#at += 1;
    this.#space();
    if (this.#take('}')) return members;
    for (;;) {
      this.#space();
      if (this.#text[this.#at] !== '"') throw this.#bad('a member name');
      const name = this.#string();
      if (members.has(name)) throw this.#bad(`the member "${name.slice(0, 40)}" only once`);
      this.#space();
      if (!this.#take(':')) throw this.#bad('":"');
      members.set(name, this.#value(depth + 1));
      this.#space();
      if (this.#take('}')) return members;
      if (!this.#take(',')) throw this.#bad('"," or "}"');
    }
  }

  #array(depth: number): Json {
    const items: Json[] = [];
    this.#at += 1;
    this.#space();
    if (this.#take(']')) return items;
    for (;;) {
      items.push(this.#value(depth + 1));
      this.#space();
      if (this.#take(']')) return items;
      if (!this.#take(',')) throw this.#bad('"," or "]"');
    }
  }

  #string(): string {
    const text = this.#text;
    let start = this.#at + 1;
    let at = start;
    let read = '';
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === 0x22) break;
      if (code === 0x5c) {
        this.#at = at;
        read += text.slice(start, at) + this.#escape();
        at = start = this.#at;
      } else if (at >= text.length) {
        throw this.#bad('the end of the string');
      } else {
        at += 1;
      }
    }
    this.#at = at + 1;
    const value = read + text.slice(start, at);
    if (read !== '' && loneSurrogate.test(value)) throw this.#bad('a string without half surrogate pairs');
    return value;
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1] ?? '';
    const simple = simpleEscapes.get(letter);
    if (simple !== undefined) {
      this.#at += 2;
      return simple;
    }
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (letter !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#bad('an escape that exists');
    this.#at += 6;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  #number(): Json {
    numberPattern.lastIndex = this.#at;
    const found = numberPattern.exec(this.#text)?.[0];
    if (found === undefined) throw this.#bad('a value');
    if (found.length > maxNumberLength)
      throw limitExceeded(`a number of ${found.length} characters`, maxNumberLength);
    this.#at += found.length;
    return new JsonNumber(found);
  }

  #literal(word: string, value: Json): Json {
    if (!this.#text.startsWith(word, this.#at)) throw this.#bad('a value');
    this.#at += word.length;
    return value;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at += 1;
    }
  }

  #bad(expected: string): TablecastError {
    return new TablecastError(
      'FRAME_INVALID',
      `Not the JSON Zeek writes: expected ${expected} at ${this.#at}.`,
      {
        hint: 'Check that the other side is a Zeek WebSocket server; the frame was dropped.',
        details: { at: this.#at, length: this.#text.length },
      },
    );
  }
}

function limitExceeded(what: string, limit: number): TablecastError {
  return new TablecastError('LIMIT_EXCEEDED', `A frame from Zeek has ${what}.`, {
    hint: 'Raise the limit of the Zeek attachment if the frame is legitimate; it was dropped.',
    details: { limit },
  });
}

/**
 * Reads one JSON text as Zeek writes it.
 *
 * @throws TablecastError `FRAME_INVALID` for anything else, `LIMIT_EXCEEDED` above a limit; nothing
 *   else whatever the text is.
 */
export function readJson(text: string, limits: JsonLimits): Json {
  // UTF-8 needs at most 3 bytes per unit, so most texts need not be measured.
  if (text.length * 3 > limits.maxFrameBytes && Buffer.byteLength(text) > limits.maxFrameBytes) {
    throw limitExceeded(`more than ${limits.maxFrameBytes} bytes`, limits.maxFrameBytes);
  }
  return new Scanner(text, limits.maxDepth).document();
}
