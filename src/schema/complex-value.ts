import { schemaLimits } from './limits.ts';
import { notA } from './atomic-type.ts';
import { Refusal, show } from './refusal.ts';
import type { ComplexName, JsonValue } from './schema.ts';
import { checkText, isWellFormed } from './text.ts';

type Path = readonly (string | number)[];

interface Copying {
  /** Bytes of JSON still allowed; counted from below, so that shared branches cannot grow without end. */
  remainingBytes: number;
  readonly path: (string | number)[];
  readonly ancestors: Set<object>;
}

const jsonHint = 'Use plain objects, arrays, strings, finite numbers, booleans and null.';
const shownPathParts = 8;

function at(path: Path): string {
  if (path.length === 0) return '';
  const shown = path
    .slice(0, shownPathParts)
    .map((part) => (typeof part === 'number' ? `[${part}]` : `[${show(part)}]`));
  return ` at ${shown.join('')}${path.length > shownPathParts ? '…' : ''}`;
}

function refuse(copying: Copying, problem: string, hint: string = jsonHint): never {
  throw new Refusal(`${problem}${at(copying.path)}`, hint);
}

function spend(copying: Copying, bytes: number): void {
  copying.remainingBytes -= bytes;
  if (copying.remainingBytes < 0) {
    refuse(
      copying,
      `takes more than ${schemaLimits.maxValueBytes} bytes as JSON`,
      'Split the value over several rows.',
    );
  }
}

function copyText(text: string, copying: Copying): string {
  spend(copying, text.length + 2);
  if (!isWellFormed(text))
    refuse(copying, 'holds half of a surrogate pair', 'Call toWellFormed() on the text first.');
  return text;
}

/** A deeply frozen copy of what JSON can say; everything else is refused with its path. */
function copy(value: unknown, copying: Copying): JsonValue {
  switch (typeof value) {
    case 'string':
      return copyText(value, copying);
    case 'number':
      spend(copying, 1);
      if (!Number.isFinite(value)) refuse(copying, `holds ${value}, which JSON cannot say`);
      return value + 0;
    case 'boolean':
      spend(copying, 4);
      return value;
    case 'object':
      if (value !== null) return copyContainer(value, copying);
      spend(copying, 4);
      return null;
    case 'bigint':
      return refuse(copying, 'holds a bigint, which JSON cannot say', 'Store it as text.');
    case 'undefined':
      return refuse(copying, 'holds undefined', 'Leave the member out, or use null.');
    default:
      return refuse(copying, `holds ${show(value)}`);
  }
}

function copyContainer(value: object, copying: Copying): JsonValue {
  spend(copying, 2);
  if (copying.ancestors.has(value))
    refuse(copying, 'holds itself', 'Break the cycle, or store references by key.');
  if (copying.ancestors.size === schemaLimits.maxComplexDepth) {
    refuse(copying, `is nested deeper than ${schemaLimits.maxComplexDepth} levels`, 'Flatten it.');
  }
  copying.ancestors.add(value);
  const copied = Array.isArray(value) ? copyArray(value, copying) : copyRecord(value, copying);
  copying.ancestors.delete(value);
  return copied;
}

function copyArray(items: readonly unknown[], copying: Copying): JsonValue {
  const copied: JsonValue[] = [];
  for (let index = 0; index < items.length; index++) {
    copying.path.push(index);
    copied.push(copy(items[index], copying));
    copying.path.pop();
  }
  return Object.freeze(copied);
}

function copyRecord(record: object, copying: Copying): JsonValue {
  const prototype: unknown = Object.getPrototypeOf(record);
  if (prototype !== null && prototype !== Object.prototype) {
    refuse(copying, record instanceof Date ? 'holds a Date' : 'holds an instance of a class');
  }
  if (Object.getOwnPropertySymbols(record).length > 0) refuse(copying, 'holds a member named by a symbol');
  const copied: Record<string, JsonValue> = {};
  for (const [name, member] of Object.entries(record)) {
    copying.path.push(name);
    spend(copying, 1);
    copyText(name, copying);
    // Assigning to __proto__ would change the prototype instead of adding a member.
    if (name === '__proto__') {
      Object.defineProperty(copied, name, { value: copy(member, copying), enumerable: true });
    } else {
      copied[name] = copy(member, copying);
    }
    copying.path.pop();
  }
  return Object.freeze(copied);
}

function isRecord(value: JsonValue): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPairs(value: JsonValue): boolean {
  return Array.isArray(value) && value.every((pair) => Array.isArray(pair) && pair.length === 2);
}

interface Kind {
  readonly what: string;
  readonly accepts: (value: JsonValue) => boolean;
}

const kinds: Readonly<Record<ComplexName, Kind>> = {
  record: { what: 'an object (type record)', accepts: isRecord },
  set: { what: 'an array (type set)', accepts: Array.isArray },
  vector: { what: 'an array (type vector)', accepts: Array.isArray },
  table: {
    what: 'an object or an array of [key, value] pairs (type table)',
    accepts: (value) => isRecord(value) || isPairs(value),
  },
  any: { what: 'a JSON value', accepts: () => true },
};

/** Every complex type by its name. */
export const complexNames: ReadonlySet<string> = new Set(Object.keys(kinds));

/** The checks and conversions of one complex type. */
export interface ComplexType {
  /** A deeply frozen copy. @throws Refusal */
  readonly canonical: (value: unknown) => JsonValue;
  /**
   * The deeply frozen value of text, in steps, because the whole takes up to 50 ms; other text than the JSON text
   * of a canonical value is refused. @throws Refusal
   */
  readonly fromJson: (text: string) => Generator<void, JsonValue, undefined>;
}

/** JSON takes at most this many bytes per byte counted: a number counts 1 and takes 24 and a comma. */
const mostBytesPerCounted = 25;

function sizedCopy(value: unknown): JsonValue {
  const copying: Copying = { remainingBytes: schemaLimits.maxValueBytes, path: [], ancestors: new Set() };
  const copied = copy(value, copying);
  const counted = schemaLimits.maxValueBytes - copying.remainingBytes;
  if (counted * mostBytesPerCounted > schemaLimits.maxValueBytes) {
    checkText(JSON.stringify(copied), schemaLimits.maxValueBytes);
  }
  return copied;
}

/** Returns the conversions of a complex type. */
export function complexType(name: ComplexName): ComplexType {
  const { what, accepts } = kinds[name];
  const requireKind = (value: unknown, copied: JsonValue): JsonValue => {
    if (!accepts(copied))
      throw notA(what, value, 'Pass a value of the declared type, or declare another type.');
    return copied;
  };
  return {
    canonical: (value) => requireKind(value, sizedCopy(value)),
    *fromJson(text) {
      const value = yield* checkedJson(text);
      return requireKind(value, value);
    },
  };
}

/** Checks what JSON text says where it stands: a copy would cost as much again. */
function* checkedJson(text: string): Generator<void, JsonValue, undefined> {
  checkText(text, schemaLimits.maxValueBytes);
  let parsed: JsonValue;
  try {
    parsed = JSON.parse(text) as JsonValue;
  } catch {
    throw notA('JSON text', text, jsonHint);
  }
  yield;
  // Half of a surrogate pair can only have come in as an escape.
  freezeChecked(parsed, { depth: 0, checksTexts: text.includes('\\ud') });
  yield;
  // One value, one text: otherwise equal rows would differ in digests, and doubled names would hide data.
  if (JSON.stringify(parsed) !== text) {
    throw notA('JSON text in its shortest form', text, 'Write what JSON.stringify gives.');
  }
  return parsed;
}

function freezeChecked(value: JsonValue, on: { depth: number; readonly checksTexts: boolean }): void {
  if (typeof value === 'string') {
    if (on.checksTexts && !isWellFormed(value)) throw halfPair();
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (on.depth === schemaLimits.maxComplexDepth)
    throw new Refusal(`is nested deeper than ${schemaLimits.maxComplexDepth} levels`, 'Flatten it.');
  on.depth++;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) freezeChecked(value[index] as JsonValue, on);
  } else {
    if (on.checksTexts && !Object.keys(value).every(isWellFormed)) throw halfPair();
    for (const member of Object.values(value)) freezeChecked(member, on);
  }
  on.depth--;
  Object.freeze(value);
}

function halfPair(): Refusal {
  return new Refusal('holds half of a surrogate pair', 'Call toWellFormed() on the text first.');
}

/** Returns the deeply frozen value of JSON text that was checked or is this node's own. */
export function frozenJson(text: string): JsonValue {
  return deepFrozen(JSON.parse(text) as JsonValue);
}

function deepFrozen(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) deepFrozen(member);
  return Object.freeze(value);
}
