import { isPattern, type ZeekTableOptions, type ZeekTables } from './options.ts';

/** The tables of an attachment: those that are described, and which of those that Zeek tells of are taken. */
export class Selection {
  /** Tables whose type is given: attached at once. */
  readonly described: ReadonlyMap<string, ZeekTableOptions & { readonly type: string }>;
  readonly #named = new Map<string, ZeekTableOptions | false>();
  /** The longest first. */
  readonly #patterns: readonly (readonly [pattern: string, options: ZeekTableOptions | false])[];

  constructor(tables: ZeekTables) {
    const described = new Map<string, ZeekTableOptions & { readonly type: string }>();
    const given = Object.entries(tables === 'all' ? { '*': {} } : tables);
    for (const [name, options] of given) {
      if (isPattern(name)) continue;
      if (options === false || options.type === undefined) this.#named.set(name, options);
      else described.set(name, { ...options, type: options.type });
    }
    this.described = described;
    const patterns = given.filter(([name]) => isPattern(name));
    this.#patterns = patterns.toSorted(([a], [b]) => b.length - a.length);
  }

  /** Says whether any table is taken only because Zeek tells of it. */
  get finds(): boolean {
    const options = [...this.#named.values(), ...this.#patterns.map(([, given]) => given)];
    return options.some((given) => given !== false);
  }

  /** Returns whether a table is named itself, not by a pattern. */
  names(name: string): boolean {
    return this.#named.has(name);
  }

  /** Returns how a table that Zeek tells of is kept; undefined if it is left out, or described. */
  optionsOf(name: string): ZeekTableOptions | undefined {
    if (this.described.has(name)) return undefined;
    const named = this.#named.get(name);
    if (named !== undefined) return named === false ? undefined : named;
    const found = this.#patterns.find(([pattern]) => fits(name, pattern));
    return found === undefined || found[1] === false ? undefined : found[1];
  }
}

/** Returns whether a name fits a pattern, where each `*` stands for any text. */
function fits(name: string, pattern: string): boolean {
  const parts = pattern.split('*');
  const [first = '', last = ''] = [parts[0], parts.at(-1)];
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  const end = name.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= end;
}
