import type { AtomicName, PlainDeclaration, TypeName } from '../../../../src/index.ts';
import type { SeededRandom } from '../../../support/seeded-random.ts';

/** Something to write, and what a table then gives back. */
export interface Sample {
  readonly given: unknown;
  readonly read: unknown;
}

/** A table of a world: what it is, and what is written to it. */
export interface TableKind {
  readonly name: string;
  readonly declaration: PlainDeclaration;
  /** Of each node, where they differ. */
  readonly defaults: readonly (number | undefined)[];
  /** The last of them are the nodes' marks: see {@link marksFrom}. */
  readonly keys: readonly Sample[];
  /** Empty for a set. */
  readonly values: readonly Sample[];
  readonly counts: boolean;
}

/** Nodes of a world. */
export const NODES = 3;
/** Index of the first key that only marks what a node has written. */
export const marksFrom = 6;

const same = (...values: readonly unknown[]): Sample[] =>
  values.map((value) => ({ given: value, read: value }));
const LARGE = 9_007_199_254_740_993n;

/** Nine of each type that keys are made of, so that six are written by turns and three mark. */
const atoms: Partial<Record<TypeName, readonly Sample[]>> = {
  string: same('', 'a', 'ключ', 'x y', '\u{1f41f}', '__proto__', 'mark 0', 'mark 1', 'mark 2'),
  count: same(0, 1, 7, 2 ** 40, LARGE, 12, 90, 91, 92),
  int: same(0, -1, 7, -(2 ** 40), -LARGE, 12, 90, 91, 92),
  double: same(0, -1.5, 1e300, 5e-324, 0.1, 12, 90, 91, 92),
  addr: [
    { given: '::ffff:10.0.0.1', read: '10.0.0.1' },
    { given: '2001:DB8::1', read: '2001:db8::1' },
    ...same('10.0.0.2', '255.255.255.255', '::', '10.0.0.3', '10.9.9.0', '10.9.9.1', '10.9.9.2'),
  ],
  subnet: same(
    '10.0.0.0/8',
    '::/0',
    '10.1.0.0/16',
    '10.2.0.0/16',
    '10.3.0.0/16',
    '10.4.0.0/16',
    '10.9.0.0/16',
    '10.10.0.0/16',
    '10.11.0.0/16',
  ),
  port: same('0/tcp', '53/udp', '80/tcp', '8/icmp', '65535/tcp', '443/tcp', '90/tcp', '91/tcp', '92/tcp'),
  time: same(0n, 1n, 1_700_000_000_123_456_789n, 2n, 3n, 4n, 90n, 91n, 92n),
  interval: same(0n, -1n, 1_000_000_000n, 2n, 3n, 4n, 90n, 91n, 92n),
  bool: same(true, false),
};

const COLUMNS: readonly (readonly AtomicName[])[] = [
  ['addr', 'port'],
  ['string', 'count'],
  ['bool', 'int', 'string'],
  ['double'],
];
const SINGLE: readonly AtomicName[] = [
  'string',
  'count',
  'int',
  'double',
  'addr',
  'subnet',
  'port',
  'time',
  'interval',
];
const records = same({ a: 1, b: [1, 'x', null] }, {}, { deep: { er: [[]] } }, { a: 2 }, { '': '' });

function samplesOf(type: TypeName): readonly Sample[] {
  return atoms[type] ?? [];
}

function drawKeys(random: SeededRandom): Pick<TableKind, 'keys'> & { readonly key: PlainDeclaration['key'] } {
  if (random.chance(0.6)) {
    const key = random.pick(SINGLE);
    return { key, keys: samplesOf(key) };
  }
  const key = random.pick(COLUMNS);
  const keys = Array.from({ length: 9 }, (_, index) => {
    const columns = key.map((type) => samplesOf(type)[index % samplesOf(type).length] as Sample);
    return { given: columns.map(({ given }) => given), read: columns.map(({ read }) => read) };
  });
  return { key, keys };
}

function drawValues(
  random: SeededRandom,
): Pick<TableKind, 'values' | 'counts'> & Pick<PlainDeclaration, 'value' | 'complexValues'> {
  const dice = random.next();
  if (dice < 0.15) return { values: [], counts: false };
  if (dice < 0.25) return { value: 'record', complexValues: true, values: records, counts: false };
  const value =
    dice < 0.7 ? random.pick(['count', 'int'] as const) : random.pick([...SINGLE, 'bool'] as const);
  return { value, values: samplesOf(value), counts: value === 'count' || value === 'int' };
}

const MODES = ['naive', 'lww', 'automerge'] as const;

/** The modes there are where operations come in order; where they do not, `naive` lets what comes last stand. */
export function modesOf(isOrdered: boolean): readonly ('naive' | 'lww' | 'automerge')[] {
  return isOrdered ? MODES : MODES.slice(1);
}

/** The tables of a world: at least one of each mode. */
export function drawTables(random: SeededRandom, isOrdered: boolean): TableKind[] {
  const all = modesOf(isOrdered);
  const modes = [...all, random.pick(all)];
  return modes.map((mode, index) => {
    const { key, keys } = drawKeys(random);
    const { values, counts, ...types } = drawValues(random);
    const backend = random.pick(['memory', 'sqlite'] as const);
    // So long that nothing goes while a world lasts.
    const expiry = random.chance(0.2) ? { [random.pick(['createExpire', 'writeExpire'])]: '1h' } : {};
    const defaults = Array.from({ length: NODES }, () =>
      counts && random.chance(0.5) ? random.between(0, 100) : undefined,
    );
    return {
      name: `t${index}`,
      declaration: { key, ...types, ...expiry, backend, mode },
      defaults,
      keys,
      values,
      counts,
    };
  });
}

/** The text by which keys and values are compared: equal for equal ones only. */
export function textOf(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'nothing';
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([name, member]) => `${JSON.stringify(name)}:${textOf(member)}`).join()}}`;
}
