import { shown } from './bad-lines.ts';
import { formatLimits } from './log-record.ts';

/** The marks stand between columns and elements, and for what is empty or unset. */
export interface Marks {
  readonly separator: string;
  readonly setSeparator: string;
  readonly empty: string;
  readonly unset: string;
}

export const ZEEK_MARKS: Marks = { separator: '\t', setSeparator: ',', empty: '(empty)', unset: '-' };

/** The columns of the rows that follow a header. */
export interface Layout {
  /** One for each column; without a name, or with one that comes twice, a column cannot be asked for. */
  readonly names: readonly string[];
  /** Says which columns hold a set or vector. */
  readonly lists: readonly boolean[];
  /** The type of each name; undefined where the header does not say. */
  readonly types: ReadonlyMap<string, string> | undefined;
  /** Says of a name that comes twice what a reader who asks for it is told. */
  readonly faults: ReadonlyMap<string, string> | undefined;
  /** Says why no row can be read: what was expected, and found. */
  readonly unusable?: { readonly expected: string; readonly found: string };
}

const NO_COLUMNS = { names: [], lists: [], types: undefined, faults: undefined };

/** Before any header. */
export const NO_LAYOUT: Layout = {
  ...NO_COLUMNS,
  unusable: { expected: 'a #fields line before the first row', found: 'a row' },
};

/** Returns a layout of which no row can be read. */
export function unusable(expected: string, found: string): Layout {
  return { ...NO_COLUMNS, unusable: { expected, found } };
}

/** Returns the columns of a header line: those in `lists` hold a set or vector although no type says so. */
export function layoutOf(names: readonly string[], lists: ReadonlySet<string> = new Set()): Layout {
  const fault = namesFault(names);
  if (fault !== undefined) return unusable(fault.expected, fault.found);
  const faults = doubledNames(names);
  return { names, lists: names.map((name) => lists.has(name)), types: undefined, faults };
}

/** Returns the same with types, one for each column. */
export function withTypes(layout: Layout, types: readonly string[]): Layout {
  return {
    ...layout,
    types: new Map(layout.names.map((name, at) => [name, types[at] as string])),
    lists: types.map((type) => /^(?:set|vector|table)\[/.test(type)),
  };
}

/** Says why a header is beyond the limits, or none. */
export function namesFault(
  names: readonly string[],
): { readonly expected: string; readonly found: string } | undefined {
  if (names.length === 0) return { expected: 'field names', found: 'none' };
  if (names.length > formatLimits.maxFields) {
    return { expected: `at most ${formatLimits.maxFields} fields`, found: `${names.length}` };
  }
  const long = names.find((name) => name.length > formatLimits.maxFieldNameLength);
  if (long === undefined) return undefined;
  const expected = `field names of at most ${formatLimits.maxFieldNameLength} characters`;
  return { expected, found: shown(long) };
}

/** The names that come twice, with what to say of each; undefined when there are none. Columns without a name do not count. */
export function doubledNames(names: readonly string[]): ReadonlyMap<string, string> | undefined {
  if (new Set(names).size === names.length) return undefined;
  const twice = names.filter((name, at) => name !== '' && names.indexOf(name) !== at);
  return new Map(twice.map((name) => [name, 'more than one column has this name']));
}
