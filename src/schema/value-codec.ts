import { notA, type AtomicType } from './atomic-type.ts';
import { complexType, frozenJson } from './complex-value.ts';
import { narrowed } from './numeric-types.ts';
import { Refusal, show } from './refusal.ts';
import type { Cell, CellPreparation, ColumnType, ComplexName, JsonValue, Value } from './schema.ts';

/** Conversions between values as users give them, canonical values and cells of the log. */
export interface ValueCodec {
  readonly column: ColumnType;
  /** @throws Refusal */
  readonly canonical: (value: unknown) => Value;
  readonly toColumn: (value: Value) => Cell;
  readonly fromColumn: (cell: Cell) => Value;
  /** @throws Refusal */
  readonly checkCell: (cell: Cell) => void;
  /** Prepares values of types whose cells are dear to check and to convert: see {@link Schema.preparing}. */
  readonly preparing?: (() => CellPreparation) | undefined;
}

/** Is the codec of a set: no values, and a column without cells. */
export const noValueCodec: ValueCodec = {
  column: 'none',
  canonical: (value) => {
    if (value === undefined) return undefined;
    throw new Refusal(
      `must be left out, not ${show(value)}: the table is a set`,
      'Use add(key), or declare a value type.',
    );
  },
  toColumn: () => false,
  fromColumn: () => undefined,
  checkCell: (cell) => {
    if (cell !== false) throw notA('absent in a set', cell, 'The peer or file does not follow the format.');
  },
};

/** Makes the codec of a complex type: JSON text in the log. */
export function complexValueCodec(name: ComplexName): ValueCodec {
  const { canonical, fromJson } = complexType(name);
  /** Holds what is prepared, one map for each that prepares; nearly always none. */
  const kept = new Set<Map<string, JsonValue>>();
  const keptOf = (text: string): JsonValue | undefined => {
    for (const values of kept) {
      const value = values.get(text);
      if (value !== undefined) return value;
    }
    return undefined;
  };
  return {
    column: 'text',
    canonical,
    toColumn: (value) => JSON.stringify(value),
    fromColumn: (cell) => keptOf(cell as string) ?? frozenJson(cell as string),
    checkCell: (cell) => {
      const text = cellOf('string', cell);
      if (keptOf(text) !== undefined) return;
      for (const steps = fromJson(text); steps.next().done !== true;);
    },
    preparing: () => {
      const values = new Map<string, JsonValue>();
      kept.add(values);
      return {
        *prepare(cell) {
          const text = cellOf('string', cell);
          const value = values.get(text) ?? (yield* fromJson(text));
          values.set(text, value);
          return value;
        },
        forget: () => void kept.delete(values),
      };
    },
  };
}

/**
 * Makes the codec of an atomic type: the canonical value is the cell, but for small integers that came as a
 * bigint.
 */
export function atomicValueCodec(type: AtomicType): ValueCodec {
  const { column, canonical } = type;
  const asItIs = (value: Value): Cell => value as Cell;
  const codec = { column, canonical, toColumn: asItIs, fromColumn: (cell: Cell): Value => cell };
  switch (column) {
    case 'integer':
      return {
        ...codec,
        fromColumn: (cell) => (typeof cell === 'bigint' ? narrowed(cell) : cell),
        checkCell: (cell) => {
          canonical(cell);
          if (Object.is(cell, -0)) throw notA('an integer other than -0', cell, cellHint);
        },
      };
    case 'text':
      return { ...codec, checkCell: (cell) => checkTextCell(type, cell) };
    default:
      return { ...codec, checkCell: (cell) => void canonical(cellOf(cellKinds[column], cell)) };
  }
}

const cellHint = 'The peer or file does not follow the format.';
const cellKinds = { double: 'number', bigint: 'bigint', bool: 'boolean' } as const;

function cellOf(kind: 'string', cell: Cell): string;
function cellOf(kind: string, cell: Cell): Cell;
function cellOf(kind: string, cell: Cell): Cell {
  if (typeof cell === kind) return cell;
  throw notA(`a cell of ${kind}`, cell, cellHint);
}

function checkTextCell(type: AtomicType, cell: Cell): void {
  const text = cellOf('string', cell);
  if (type.canonical(text) !== text) {
    throw new Refusal(`is not in canonical form: ${show(text)}`, cellHint);
  }
}
