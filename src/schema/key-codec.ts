import type { AtomicType } from './atomic-type.ts';
import { schemaLimits } from './limits.ts';
import { notA } from './atomic-type.ts';
import { Refusal, show } from './refusal.ts';
import type { Atom, Key } from './schema.ts';
import { checkText, isWellFormed } from './text.ts';

/** Conversions between the user form of a key and its canonical text. */
export interface KeyCodec {
  /** @throws Refusal */
  readonly toText: (key: unknown) => string;
  /** Inverse of `toText`; of other text anything, or an error. */
  readonly fromText: (text: string) => Key;
}

const surelyFits = Math.floor(schemaLimits.maxKeyBytes / 3);
const nul = '\u0000';
const separator = '\u0000\u0000';
const escapedNul = '\u0000\u0001';

/** Returns the text; all of it, so that a caller can end with it. */
function bounded(text: string): string {
  if (text.length > surelyFits) checkText(text, schemaLimits.maxKeyBytes);
  return text;
}

/** Makes the codec of a key of one column, declared as a bare type. */
export function singleKeyCodec(type: AtomicType): KeyCodec {
  const { canonicalKey, text } = type;
  if (type.name === 'string') return stringKeyCodec;
  if (type.isText) return { toText: (key) => bounded(canonicalKey(key) as string), fromText: (key) => key };
  // Texts of numbers, booleans and times are far shorter than the limit.
  return { toText: (key) => text(canonicalKey(key)), fromText: type.parse };
}

const stringKeyCodec: KeyCodec = {
  toText: (key) => {
    if (typeof key !== 'string') throw notA('a string', key, 'Convert it with String() first.');
    if (key.length > surelyFits || !isWellFormed(key)) checkText(key, schemaLimits.maxKeyBytes);
    return key;
  },
  fromText: (text) => text,
};

type PartText = (part: unknown) => string;

function partText(type: AtomicType): PartText {
  const { canonicalKey, text } = type;
  if (!type.isText) return (part) => text(canonicalKey(part));
  if (!type.mayHoldNul) return canonicalKey as PartText;
  return (part) => {
    const plain = canonicalKey(part) as string;
    return plain.includes(nul) ? plain.replaceAll(nul, escapedNul) : plain;
  };
}

/**
 * Makes the codec of a key declared as a list of types: the canonical texts of the columns, joined by U+0000
 * U+0000, with each U+0000 inside a column written U+0000 U+0001.
 *
 * Different keys give different texts: read from the left, a U+0000 is always the first of two units, and the
 * second says which of the two it is: an end of a column (U+0000) or a U+0000 inside one (U+0001). So the
 * text determines the columns' texts, each of which determines its column.
 */
export function compositeKeyCodec(types: readonly AtomicType[]): KeyCodec {
  const parts = types.map(partText);
  return types.length === 2
    ? { toText: pairToText(parts), fromText: pairFromText(types) }
    : { toText: listToText(parts), fromText: listFromText(types) };
}

function checkArity(key: unknown, columns: number): asserts key is readonly unknown[] {
  if (Array.isArray(key) && key.length === columns) return;
  throw notA(
    `an array of ${columns}`,
    key,
    'Pass one element per key column, in the order of the declaration.',
  );
}

function pairToText(parts: readonly PartText[]): (key: unknown) => string {
  const [first, second] = parts as [PartText, PartText];
  return (key) => {
    checkArity(key, 2);
    return bounded(first(key[0]) + separator + second(key[1]));
  };
}

function listToText(parts: readonly PartText[]): (key: unknown) => string {
  return (key) => {
    checkArity(key, parts.length);
    return bounded(parts.map((part, column) => part(key[column])).join(separator));
  };
}

function listFromText(types: readonly AtomicType[]): (text: string) => Key {
  return (text) => {
    const texts = text.split(separator);
    if (texts.length !== types.length)
      throw notA(`a key of ${types.length} columns`, text, 'Check the declaration.');
    return Object.freeze(types.map((type, column): Atom => columnOf(type, texts[column] ?? '')));
  };
}

function pairFromText(types: readonly AtomicType[]): (text: string) => Key {
  const [first, second] = types as [AtomicType, AtomicType];
  return (text) => {
    const end = text.indexOf(separator);
    if (end < 0) throw notA('a key of 2 columns', text, 'Check the declaration.');
    return Object.freeze([columnOf(first, text.slice(0, end)), columnOf(second, text.slice(end + 2))]);
  };
}

function columnOf(type: AtomicType, text: string): Atom {
  return type.parse(type.mayHoldNul && text.includes(nul) ? text.replaceAll(escapedNul, nul) : text);
}

/** Refuses text that `toText` never gives. @throws Refusal or any Error */
export function checkCanonicalKey(text: string, codec: KeyCodec): void {
  checkText(text, schemaLimits.maxKeyBytes);
  if (codec.toText(codec.fromText(text)) !== text) {
    throw new Refusal(
      `is not in canonical form: ${show(text)}`,
      'The peer or file does not follow the format.',
    );
  }
}
