import { type FieldText, formatLimits } from './log-record.ts';

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;

/** Why a text is not the JSON object it should be. */
export class JsonFault extends Error {
  override readonly name = 'JsonFault';
  readonly expected: string;
  /** Offset in the text, from 0. */
  readonly at: number;

  constructor(expected: string, at: number) {
    super(`expected ${expected} at ${at}`);
    this.expected = expected;
    this.at = at;
  }
}

/** The fields of one JSON object; see `LogRecord`. */
export interface ScannedObject {
  readonly fields: Map<string, FieldText>;
  readonly json: Map<string, string>;
}

/**
 * Reads one JSON object and keeps every number as it is written.
 *
 * `JSON.parse` cannot be used: it rounds integers beyond 2^53 and microsecond times, and the text
 * of a number is gone before a reviver sees it. A name that comes twice has its last value, as with
 * `JSON.parse`.
 *
 * @throws JsonFault when the text is not one JSON object or is beyond `formatLimits`.
 */
export function scanJsonObject(text: string): ScannedObject {
  return new Scanner(text).run();
}

class Scanner {
  readonly #text: string;
  readonly #fields = new Map<string, FieldText>();
  readonly #json = new Map<string, string>();
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(): ScannedObject {
    this.#space();
    if (this.#text.charCodeAt(this.#at) !== OPEN_OBJECT) this.#fail('a JSON object');
    this.#members((name) => this.#field(name));
    this.#space();
    if (this.#at < this.#text.length) this.#fail('nothing after the object');
    return { fields: this.#fields, json: this.#json };
  }

  #fail(expected: string): never {
    throw new JsonFault(expected, this.#at);
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x09 && code !== 0x0d && code !== 0x0a) return;
      this.#at += 1;
    }
  }

  #eat(character: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  /** Walks `"name": …` pairs; `value` must consume the value. */
  #members(value: (name: string) => void): void {
    this.#enter();
    if (this.#eat('}')) return this.#leave();
    do {
      this.#space();
      const name = this.#string();
      if (!this.#eat(':')) this.#fail("':'");
      this.#space();
      value(name);
    } while (this.#eat(','));
    if (!this.#eat('}')) this.#fail("',' or '}'");
    this.#leave();
  }

  #elements(value: () => void): void {
    this.#enter();
    if (this.#eat(']')) return this.#leave();
    do {
      this.#space();
      value();
    } while (this.#eat(','));
    if (!this.#eat(']')) this.#fail("',' or ']'");
    this.#leave();
  }

  #enter(): void {
    this.#depth += 1;
    if (this.#depth > formatLimits.maxNesting)
      this.#fail(`at most ${formatLimits.maxNesting} levels of nesting`);
    this.#at += 1;
  }

  #leave(): void {
    this.#depth -= 1;
  }

  /** Reads the value of a field; objects are entered and their members get dotted names. */
  #field(name: string): void {
    const start = this.#at;
    const code = this.#text.charCodeAt(start);
    if (code === OPEN_OBJECT) {
      this.#members((inner) => this.#field(joinNames(name, inner)));
      this.#keep(this.#json, name, this.#text.slice(start, this.#at));
    } else if (code === OPEN_ARRAY) {
      const elements: (string | undefined)[] = [];
      this.#elements(() => elements.push(this.#element()));
      this.#keep(this.#fields, name, elements);
      this.#keep(this.#json, name, this.#text.slice(start, this.#at));
    } else {
      this.#keep(this.#fields, name, this.#scalar());
    }
  }

  #keep<T>(target: Map<string, T>, name: string, value: T): void {
    const fits = name.length <= formatLimits.maxFieldNameLength;
    if (fits && (target.size < formatLimits.maxFields || target.has(name))) target.set(name, value);
    else if (this.#depth === 1) {
      this.#fail(
        `at most ${formatLimits.maxFields} fields, names of at most ${formatLimits.maxFieldNameLength} characters`,
      );
    }
  }

  /** An element of an array: the text of a scalar, the JSON of anything nested. */
  #element(): string | undefined {
    const start = this.#at;
    const code = this.#text.charCodeAt(start);
    if (code === OPEN_OBJECT) this.#members(() => this.#element());
    else if (code === OPEN_ARRAY) this.#elements(() => this.#element());
    else return this.#scalar();
    return this.#text.slice(start, this.#at);
  }

  #scalar(): string | undefined {
    const first = this.#text[this.#at];
    if (first === '"') return this.#string();
    if (first === 't') return this.#word('true');
    if (first === 'f') return this.#word('false');
    if (first === 'n') {
      this.#word('null');
      return undefined;
    }
    NUMBER.lastIndex = this.#at;
    const number = NUMBER.exec(this.#text)?.[0];
    if (number === undefined) this.#fail('a JSON value');
    this.#at += number.length;
    return number;
  }

  #word(word: string): string {
    if (!this.#text.startsWith(word, this.#at)) this.#fail('a JSON value');
    this.#at += word.length;
    return word;
  }

  #string(): string {
    const text = this.#text;
    if (text.charCodeAt(this.#at) !== QUOTE) this.#fail('a string');
    const start = this.#at + 1;
    let escaped = false;
    let at = start;
    for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) {
      // NaN, past the end, fails the comparison as well.
      if (!(code >= 0x20)) {
        this.#at = at;
        this.#fail('the end of a string');
      }
      if (code === BACKSLASH) escaped = true;
      at += code === BACKSLASH ? 2 : 1;
    }
    this.#at = at + 1;
    return escaped ? this.#unescaped(start - 1, at + 1) : text.slice(start, at);
  }

  #unescaped(from: number, to: number): string {
    try {
      return JSON.parse(this.#text.slice(from, to)) as string;
    } catch {
      this.#at = from;
      return this.#fail('a string with valid escapes');
    }
  }
}

/** A name that is too long anyway is not built: it would cost memory for every member. */
function joinNames(outer: string, inner: string): string {
  return outer.length > formatLimits.maxFieldNameLength ? outer : `${outer}.${inner}`;
}
