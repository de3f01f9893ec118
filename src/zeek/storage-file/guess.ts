/** Guesses the type of a table of the storage framework, whose file names none. */
import { integerOf, isJsonObject, type Json, JsonNumber } from '../protocol/json/json.ts';
import type { AtomicKind, ZeekField, ZeekType } from '../protocol/zeek-type.ts';
import { addressOf, portText, subnetOf } from './json-data.ts';

/** Kinds that one text may be of; what it is decides the narrowest that all of a column are of. */
const wider: ReadonlyMap<AtomicKind, AtomicKind> = new Map([
  ['addr', 'string'],
  ['subnet', 'string'],
  ['count', 'int'],
  ['int', 'double'],
]);

function kindOf(json: Json): AtomicKind | undefined {
  if (typeof json === 'boolean') return 'bool';
  if (typeof json === 'string') {
    if (addressOf(json) !== undefined) return 'addr';
    return subnetOf(json) === undefined ? 'string' : 'subnet';
  }
  if (json instanceof JsonNumber) {
    const integer = integerOf(json);
    return integer === undefined ? 'double' : integer < 0n ? 'int' : 'count';
  }
  return isJsonObject(json) && portText(json) !== undefined ? 'port' : undefined;
}

function both(a: AtomicKind, b: AtomicKind): AtomicKind | undefined {
  for (let kind: AtomicKind | undefined = a; kind !== undefined; kind = wider.get(kind))
    for (let other: AtomicKind | undefined = b; other !== undefined; other = wider.get(other))
      if (kind === other) return kind;
  return undefined;
}

/** A column has the kind of all that was seen of it; `mixed` when no type holds all of it. */
type Column = AtomicKind | 'mixed' | undefined;

function widened(column: Column, json: Json): Column {
  const kind = kindOf(json);
  if (column === 'mixed' || kind === undefined) return 'mixed';
  return column === undefined ? kind : (both(column, kind) ?? 'mixed');
}

/** A guess has seen the rows of a table. Records, sets, tables and vectors as values are not guessed. */
export class StorageGuess {
  /** The fields of a record as key; one without a name for a bare key. */
  #key: Map<string, Column> | undefined;
  #value: Column;
  #isMixed = false;

  add(key: Json, value: Json): void {
    const fields = isJsonObject(key) && kindOf(key) === undefined ? key : new Map([['', key]]);
    this.#key ??= new Map(Array.from(fields.keys(), (name) => [name, undefined]));
    if (fields.size !== this.#key.size) this.#isMixed = true;
    for (const [name, json] of fields) {
      if (!this.#key.has(name)) this.#isMixed = true;
      else this.#key.set(name, widened(this.#key.get(name), json));
    }
    this.#value = widened(this.#value, value);
  }

  /** Undefined for an empty table, and where the content does not say. */
  type(): ZeekType | undefined {
    const value = this.#value;
    if (this.#key === undefined || this.#isMixed || value === undefined || value === 'mixed')
      return undefined;
    const fields: ZeekField[] = [];
    for (const [name, kind] of this.#key) {
      if (kind === undefined || kind === 'mixed') return undefined;
      fields.push({ name, type: { kind }, optional: false });
    }
    const [only] = fields;
    const index: ZeekType = only?.name === '' ? only.type : { kind: 'record', fields };
    return { kind: 'table', index: [index], value: { kind: value } };
  }
}
