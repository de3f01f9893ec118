import { Refusal, show } from './refusal.ts';
import type { Atom, AtomicName, ColumnType } from './schema.ts';

/** Everything the engine knows of one atomic type. */
export interface AtomicType {
  readonly name: AtomicName;
  readonly column: Exclude<ColumnType, 'none'>;
  /** True when the canonical value is its own canonical text. */
  readonly isText: boolean;
  /** True when the canonical text of a value can contain U+0000. */
  readonly mayHoldNul: boolean;
  /** The canonical form of any accepted form; a canonical value is returned as it is. @throws Refusal */
  readonly canonical: (value: unknown) => Atom;
  /** As `canonical`, for a column of a key. @throws Refusal */
  readonly canonicalKey: (value: unknown) => Atom;
  /** Canonical text of a canonical key column. */
  readonly text: (atom: Atom) => string;
  /** Inverse of `text`; of other text anything, or an error. */
  readonly parse: (text: string) => Atom;
}

/** Makes a type whose canonical values are text. */
export function textType(
  name: AtomicName,
  canonical: (value: unknown) => string,
  mayHoldNul: boolean = false,
): AtomicType {
  const same = (text: Atom): string => text as string;
  return {
    name,
    column: 'text',
    isText: true,
    mayHoldNul,
    canonical,
    canonicalKey: canonical,
    text: same,
    parse: same,
  };
}

/** Returns a refusal of a value of the wrong kind. */
export function notA(what: string, value: unknown, hint: string): Refusal {
  return new Refusal(`must be ${what}, not ${show(value)}`, hint);
}
