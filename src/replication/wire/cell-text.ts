import type { Cell } from '../../schema/schema.ts';

const FORM = /^(?:[nb][^]{1,32}|s[^]*|[tf])$/;
const DIGITS = /^-?\d{1,20}$/;

/** Returns a cell as text, which JSON carries whatever the cell is: a letter for its kind, and what it holds. */
export function cellText(cell: Cell): string {
  switch (typeof cell) {
    case 'number':
      return `n${Object.is(cell, -0) ? '-0' : cell}`;
    case 'bigint':
      return `b${cell}`;
    case 'string':
      return `s${cell}`;
    default:
      return cell ? 't' : 'f';
  }
}

/** Returns whether {@link cellOf} reads a text. */
export function isCellText(text: string): boolean {
  if (!FORM.test(text)) return false;
  const rest = text.slice(1);
  if (text.startsWith('b')) return DIGITS.test(rest);
  return !text.startsWith('n') || rest === 'NaN' || !Number.isNaN(Number(rest));
}

/** Returns the cell of a text that {@link isCellText} holds for. */
export function cellOf(text: string): Cell {
  const rest = text.slice(1);
  switch (text[0]) {
    case 'n':
      return Number(rest);
    case 'b':
      return BigInt(rest);
    case 's':
      return rest;
    default:
      return text === 't';
  }
}
