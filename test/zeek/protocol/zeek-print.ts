/** Values as Zeek prints them, to compare with what a real Zeek printed. */
import { bytesOfText } from '../../../src/schema/byte-strings.ts';
import { settledInterval } from '../../../src/zeek/protocol/data/time-text.ts';
import { patternData } from '../../../src/zeek/protocol/values/pattern.ts';
import type { ZeekType } from '../../../src/zeek/protocol/zeek-type.ts';

const units: readonly (readonly [string, number])[] = [
  ['day', 86_400e9],
  ['hr', 3_600e9],
  ['min', 60e9],
  ['sec', 1e9],
  ['msec', 1e6],
  ['usec', 1e3],
];

function printDouble(value: number): string {
  if (value === 0) return '0.0';
  const size = Math.abs(value);
  if (size >= 1e15 || size < 1e-6) return String(value);
  return value.toFixed(6).replace(/(\.[0-9]+?)0*$/, '$1');
}

function printInterval(nanoseconds: bigint): string {
  let rest = Number(settledInterval(nanoseconds) < 0n ? -nanoseconds : nanoseconds);
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const amount = unit === 'usec' ? Math.round(rest / size) : Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0) parts.push(`${nanoseconds < 0n ? '-' : ''}${amount}.0 ${unit}${amount === 1 ? '' : 's'}`);
  }
  return parts.length === 0 ? '0 secs' : parts.join(' ');
}

function printAtom(type: ZeekType, value: unknown): string {
  switch (type.kind) {
    case 'bool':
      return value === true ? 'T' : 'F';
    case 'double':
      return printDouble(Number(value));
    case 'time':
      return printDouble(Number(value) / 1e9);
    case 'interval':
      return printInterval(BigInt(value as bigint | string));
    case 'pattern': {
      const data = patternData(String(value));
      const exact = data?.type === 'vector' ? data.data[0] : undefined;
      return `/${exact?.type === 'string' ? exact.data : ''}/`;
    }
    case 'string':
      return printString(String(value));
    default:
      return String(value);
  }
}

/** Zeek escapes a string that is not UTF-8 whole: all but printable ASCII, and backslashes twice. */
function printString(text: string): string {
  const bytes = bytesOfText(text) ?? [];
  if (Buffer.from(bytes).equals(Buffer.from(text))) return text;
  return Array.from(bytes, (byte) => {
    if (byte === 0x5c) return '\\\\';
    return byte < 0x20 || byte > 0x7e
      ? `\\x${byte.toString(16).padStart(2, '0')}`
      : String.fromCharCode(byte);
  }).join('');
}

function printColumns(index: readonly ZeekType[], key: unknown): string {
  const [only] = index;
  if (index.length === 1 && only !== undefined) return printValue(only, key, '');
  return (key as readonly unknown[])
    .map((column, at) => printValue(index[at] ?? { kind: 'bool' }, column, ''))
    .join(', ');
}

/** A row without indentation: `[a, 1] = 2`, or the member of a set. */
export function printRow(type: ZeekType, key: unknown, value: unknown): string {
  if (type.kind === 'set')
    return type.index.length === 1 ? printColumns(type.index, key) : `[${printColumns(type.index, key)}]`;
  if (type.kind !== 'table') throw new Error('only tables have rows');
  return `[${printColumns(type.index, key)}] = ${value === undefined ? '' : printValue(type.value, value, '\t')}`;
}

/** One value; containers inside are indented as Zeek's `cat` does. */
function printValue(type: ZeekType, value: unknown, indent: string): string {
  switch (type.kind) {
    case 'record': {
      const members = new Map(Object.entries(value as object));
      const field = (name: string, of: ZeekType): string => {
        return members.has(name) ? printValue(of, members.get(name), indent) : '<uninitialized>';
      };
      return `[${type.fields.map(({ name, type: of }) => `${name}=${field(name, of)}`).join(', ')}]`;
    }
    case 'vector':
      return `[${(value as readonly unknown[]).map((item) => printValue(type.element, item, indent)).join(', ')}]`;
    case 'set': {
      const rows = (value as readonly unknown[]).map(
        (item) => `\n${indent}\t${printRow(type, item, undefined)}`,
      );
      return `{${rows.toSorted().join(',')}\n${indent}}`;
    }
    case 'table': {
      const rows = (value as readonly (readonly unknown[])[]).map(
        (row) => `\n${indent}\t${printRow(type, row[0], row[1])}`,
      );
      return `{${rows.toSorted().join(',')}\n${indent}}`;
    }
    default:
      return printAtom(type, value);
  }
}
