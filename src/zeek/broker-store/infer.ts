/** Guesses a table's declaration from its content, for stores whose script is not at hand. */
import type { ZeekData } from '../protocol/data/zeek-data.ts';
import type { AtomicKind, ZeekField, ZeekType } from '../protocol/zeek-type.ts';

const kinds: ReadonlyMap<string, AtomicKind> = new Map([
  ['boolean', 'bool'],
  ['count', 'count'],
  ['integer', 'int'],
  ['real', 'double'],
  ['string', 'string'],
  ['address', 'addr'],
  ['subnet', 'subnet'],
  ['port', 'port'],
  ['timestamp', 'time'],
  ['timespan', 'interval'],
]);

/** Seen is what was seen at one place of the values so far; `unknown` before anything was. */
type Seen = { readonly kind: 'unknown' } | { readonly kind: 'mixed' } | Known;
type Known =
  | { readonly kind: AtomicKind }
  | { readonly kind: 'enum'; readonly labels: ReadonlySet<string> }
  | { readonly kind: 'vector'; readonly element: Seen }
  | { readonly kind: 'fields'; readonly fields: readonly Seen[]; readonly unset: readonly boolean[] }
  | { readonly kind: 'set'; readonly index: Seen }
  | { readonly kind: 'table'; readonly index: Seen; readonly value: Seen };

const unknown: Seen = { kind: 'unknown' };
const mixed: Seen = { kind: 'mixed' };

function isPattern(data: readonly ZeekData[]): boolean {
  const [exact, anywhere] = data;
  return (
    data.length === 2 &&
    exact?.type === 'string' &&
    anywhere?.type === 'string' &&
    exact.data.includes('^?(') &&
    anywhere.data.includes('^?(.|\\n)*(')
  );
}

function look(data: ZeekData): Seen {
  switch (data.type) {
    case 'none':
      return unknown;
    case 'enum-value':
      return { kind: 'enum', labels: new Set([data.data]) };
    case 'set':
      return { kind: 'set', index: data.data.map(look).reduce(merge, unknown) };
    case 'table': {
      const index = data.data.map((entry) => look(entry.key)).reduce(merge, unknown);
      return {
        kind: 'table',
        index,
        value: data.data.map((entry) => look(entry.value)).reduce(merge, unknown),
      };
    }
    case 'vector': {
      if (isPattern(data.data)) return { kind: 'pattern' };
      const fields = data.data.map(look);
      return { kind: 'fields', fields, unset: data.data.map((item) => item.type === 'none') };
    }
    default:
      return { kind: kinds.get(data.type) ?? 'string' };
  }
}

/** Vectors of equal length may be records; of different lengths they are vectors of one type. */
function mergeFields(a: Known & { kind: 'fields' }, b: Known & { kind: 'fields' }): Seen {
  if (a.fields.length === b.fields.length) {
    const fields = a.fields.map((field, at) => merge(field, b.fields[at] ?? unknown));
    return { kind: 'fields', fields, unset: a.unset.map((unset, at) => unset || b.unset[at] === true) };
  }
  const element = [...a.fields, ...b.fields].reduce(merge, unknown);
  return element.kind === 'mixed' ? mixed : { kind: 'vector', element };
}

function merge(a: Seen, b: Seen): Seen {
  if (a.kind === 'unknown') return b;
  if (b.kind === 'unknown') return a;
  if (a.kind === 'enum' && b.kind === 'enum')
    return { kind: 'enum', labels: new Set([...a.labels, ...b.labels]) };
  if (a.kind === 'fields' && b.kind === 'fields') return mergeFields(a, b);
  if (a.kind === 'vector' && b.kind === 'fields') return mergeVector(a.element, b.fields);
  if (a.kind === 'fields' && b.kind === 'vector') return mergeVector(b.element, a.fields);
  if (a.kind === 'vector' && b.kind === 'vector') return mergeVector(a.element, [b.element]);
  if (a.kind === 'set' && b.kind === 'set') return { kind: 'set', index: merge(a.index, b.index) };
  if (a.kind === 'table' && b.kind === 'table') {
    return { kind: 'table', index: merge(a.index, b.index), value: merge(a.value, b.value) };
  }
  return a.kind === b.kind ? a : mixed;
}

function mergeVector(element: Seen, others: readonly Seen[]): Seen {
  const merged = others.reduce(merge, element);
  return merged.kind === 'mixed' ? mixed : { kind: 'vector', element: merged };
}

/** The type of what was seen; undefined where the content does not say. */
function settle(seen: Seen): ZeekType | undefined {
  switch (seen.kind) {
    case 'unknown':
    case 'mixed':
      return undefined;
    case 'vector': {
      const element = settle(seen.element) ?? { kind: 'string' };
      return { kind: 'vector', element };
    }
    case 'set': {
      const index = columns(seen.index);
      return index === undefined ? undefined : { kind: 'set', index };
    }
    case 'table': {
      const index = columns(seen.index);
      const value = settle(seen.value) ?? { kind: 'string' };
      return index === undefined ? undefined : { kind: 'table', index, value };
    }
    case 'fields':
      return settleFields(seen);
    case 'enum':
      return { kind: 'enum', labels: undefined };
    default:
      return { kind: seen.kind };
  }
}

/**
 * A vector whose items all have one type and none is unset is taken for a vector, anything else for
 * a record with fields named by position. A record of equal fields is so called a vector: the bytes
 * do not differ, and the content stays the same.
 */
function settleFields(seen: Known & { kind: 'fields' }): ZeekType | undefined {
  const together = seen.fields.reduce(merge, unknown);
  const alike = settle(together);
  if (!seen.unset.includes(true) && together.kind !== 'mixed') {
    return { kind: 'vector', element: alike ?? { kind: 'string' } };
  }
  const fields: ZeekField[] = [];
  for (const [at, field] of seen.fields.entries()) {
    const type = settle(field) ?? (field.kind === 'unknown' ? { kind: 'string' as const } : undefined);
    if (type === undefined) return undefined;
    fields.push({ name: `field${at + 1}`, type, optional: seen.unset[at] === true });
  }
  return { kind: 'record', fields };
}

/** Returns the columns of an index: several are a vector of values, one stands bare. */
function columns(seen: Seen): readonly ZeekType[] | undefined {
  if (seen.kind === 'fields') {
    const types = seen.fields.map(settle);
    return types.some((type) => type === undefined) ? undefined : (types as readonly ZeekType[]);
  }
  const type = settle(seen);
  return type === undefined ? [{ kind: 'string' }] : [type];
}

/** Collects rows and says what table they came from. */
export class TableGuess {
  #key: Seen = unknown;
  #value: Seen = unknown;
  #sets = 0;
  #rows = 0;

  add(key: ZeekData, value: ZeekData): void {
    this.#key = merge(this.#key, look(key));
    this.#value = merge(this.#value, look(value));
    this.#rows += 1;
    if (value.type === 'none') this.#sets += 1;
  }

  /** Undefined for an empty store and for rows of different types. */
  type(): ZeekType | undefined {
    const index = this.#key.kind === 'mixed' || this.#rows === 0 ? undefined : columns(this.#key);
    if (index === undefined) return undefined;
    if (this.#sets === this.#rows) return { kind: 'set', index };
    const value = this.#sets > 0 ? undefined : settle(this.#value);
    return value === undefined ? undefined : { kind: 'table', index, value };
  }
}
