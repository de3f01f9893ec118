import { type FieldText, formatLimits } from './log-record.ts';

/**
 * Matches what stands where a value belongs and is none: up to where the next value, or the end of this
 * object, can begin.
 */
const NO_VALUE = /[^\s,:[\]{}"]+/y;
const STRING_TOKEN = /"(?:[^"\\]|\\.)*"/gs;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;
const CLOSE_OBJECT = 0x7d;
const CLOSE_ARRAY = 0x5d;
const COMMA = 0x2c;

/** A fault says why a text is not the JSON object it should be. */
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
  /** Fields whose value is no JSON: only a reader that needs one of them has to know. */
  readonly faults: Map<string, JsonFault>;
}

/** A spelling is what the text of a string stands for. */
export type Spelling = (text: string) => string;

/**
 * Reads one JSON object and keeps every number as it is written.
 *
 * `JSON.parse` cannot be used: it rounds integers beyond 2^53 and microsecond times, and the text
 * of a number is gone before a reviver sees it. A name that comes twice has its last value, as with
 * `JSON.parse`.
 *
 * A value that is no JSON (a wrong escape, a raw control character, a word) is a fault of its field alone, as long as
 * its end can be told.
 *
 * @throws JsonFault when the text is not one JSON object or is beyond `formatLimits`.
 */
export function scanJsonObject(text: string, spelling?: Spelling): ScannedObject {
  return new Scanner(text, spelling).run();
}

class Scanner {
  readonly #text: string;
  readonly #spelling: Spelling | undefined;
  readonly #fields = new Map<string, FieldText>();
  readonly #json = new Map<string, string>();
  readonly #faults = new Map<string, JsonFault>();
  #at = 0;
  #depth = 0;
  /** The last fault inside the field that is read. */
  #fault: JsonFault | undefined;

  constructor(text: string, spelling: Spelling | undefined) {
    this.#text = text;
    this.#spelling = spelling;
  }

  run(): ScannedObject {
    this.#space();
    if (this.#text.charCodeAt(this.#at) !== OPEN_OBJECT) this.#fail('a JSON object');
    this.#members((name) => this.#member(name));
    this.#space();
    if (this.#at < this.#text.length) this.#fail('nothing after the object');
    return { fields: this.#fields, json: this.#json, faults: this.#faults };
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

  /** Reads a member of an object; one whose name is no JSON cannot be asked for by another. */
  #member(name: string): void {
    const misnamed = this.#fault;
    this.#fault = undefined;
    this.#field(name);
    this.#fault = undefined;
    if (misnamed !== undefined) this.#keep(this.#faults, name, misnamed);
  }

  /** Reads the value of a field; objects are entered and their members get dotted names. */
  #field(name: string): void {
    const start = this.#at;
    const code = this.#text.charCodeAt(start);
    if (code === OPEN_OBJECT) {
      this.#members((inner) => this.#member(joinNames(name, inner)));
      this.#keep(this.#json, name, this.#spelledJson(start));
    } else if (code === OPEN_ARRAY) {
      const elements: (string | undefined)[] = [];
      this.#elements(() => elements.push(this.#element()));
      if (!this.#keepFault(name)) {
        this.#keep(this.#fields, name, elements);
        this.#keep(this.#json, name, this.#spelledJson(start));
      }
    } else {
      const text = this.#scalar();
      if (!this.#keepFault(name)) this.#keep(this.#fields, name, text);
    }
  }

  /** Returns true when the value just read is no JSON. */
  #keepFault(name: string): boolean {
    if (this.#fault === undefined) {
      if (this.#faults.size > 0) this.#faults.delete(name);
      return false;
    }
    this.#keep(this.#faults, name, this.#fault);
    return true;
  }

  #spelledJson(start: number): string {
    const json = this.#text.slice(start, this.#at);
    const spelling = this.#spelling;
    if (spelling === undefined) return json;
    return json.replace(STRING_TOKEN, (token) => {
      const text = unescaped(token);
      return text === undefined ? token : JSON.stringify(spelling(text));
    });
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

  /** Returns an element of an array: the text of a scalar, the JSON of anything nested. */
  #element(): string | undefined {
    const start = this.#at;
    const code = this.#text.charCodeAt(start);
    if (code === OPEN_OBJECT) this.#members(() => this.#element());
    else if (code === OPEN_ARRAY) this.#elements(() => this.#element());
    else return this.#scalar();
    return this.#text.slice(start, this.#at);
  }

  #scalar(): string | undefined {
    const start = this.#at;
    const first = this.#text[start];
    if (first === '"') {
      const text = this.#string();
      return this.#spelling === undefined ? text : this.#spelling(text);
    }
    const word = first === 'n' ? 'null' : first === 't' ? 'true' : first === 'f' ? 'false' : this.#number();
    if (word === '' || !this.#text.startsWith(word, start) || !this.#endsAt(start + word.length)) {
      return this.#noValue();
    }
    this.#at = start + word.length;
    return first === 'n' ? undefined : word;
  }

  /** Returns the number that begins here; empty when there is none. */
  #number(): string {
    NUMBER.lastIndex = this.#at;
    return NUMBER.exec(this.#text)?.[0] ?? '';
  }

  /** Returns true where a value that ends here is whole. */
  #endsAt(at: number): boolean {
    const code = this.#text.charCodeAt(at);
    return code === COMMA || code === CLOSE_OBJECT || code === CLOSE_ARRAY || !(code > SPACE);
  }

  /** Passes over what stands where a value belongs, and is none. */
  #noValue(): string {
    NO_VALUE.lastIndex = this.#at;
    const word = NO_VALUE.exec(this.#text)?.[0];
    if (word === undefined) return this.#fail('a JSON value');
    this.#fault = new JsonFault('a JSON value', this.#at);
    this.#at += word.length;
    return word;
  }

  /** Returns the text of a string; where it is no JSON, what stands between the quotes, and a fault. */
  #string(): string {
    const text = this.#text;
    if (text.charCodeAt(this.#at) !== QUOTE) this.#fail('a string');
    const start = this.#at;
    let plain = true;
    let at = start + 1;
    for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) {
      if (at >= text.length) {
        this.#at = text.length;
        this.#fail('the end of a string');
      }
      if (code === BACKSLASH || code < SPACE) plain = false;
      at += code === BACKSLASH ? 2 : 1;
    }
    this.#at = at + 1;
    const raw = text.slice(start + 1, at);
    if (plain) return raw;
    const read = unescaped(text.slice(start, at + 1));
    if (read === undefined) this.#fault = new JsonFault('a string with valid escapes', start);
    return read ?? raw;
  }
}

/** Returns the text of a string with its quotes; undefined when it is no JSON. */
function unescaped(token: string): string | undefined {
  try {
    return JSON.parse(token) as string;
  } catch {
    return undefined;
  }
}

/** A name that is too long anyway is not built: it would cost memory for every member. */
function joinNames(outer: string, inner: string): string {
  return outer.length > formatLimits.maxFieldNameLength ? outer : `${outer}.${inner}`;
}
