import { TablecastError, type TypeName } from '../index.ts';
import { shown } from './formats/bad-lines.ts';
import type { MappedDeclaration } from './formats/index.ts';
import { cellJson, cellText } from './formats/format-value.ts';
import { expectedText, isComplexType, parseValue } from './formats/parse-value.ts';
import { Beyond } from './formats/nanoseconds.ts';
import { usageError } from './failure.ts';
import { visible } from './output.ts';

/** The keys and values of one table as words of a command line, as text and as JSON. */
export class RowText {
  readonly #table: string;
  readonly #keyTypes: readonly TypeName[];
  readonly #composite: boolean;
  readonly #valueType: TypeName | undefined;

  constructor(table: string, declaration: MappedDeclaration) {
    this.#table = table;
    this.#composite = typeof declaration.key !== 'string';
    this.#keyTypes = typeof declaration.key === 'string' ? [declaration.key] : declaration.key;
    this.#valueType = declaration.value;
  }

  /** Says whether rows have no values. */
  get isSet(): boolean {
    return this.#valueType === undefined;
  }

  /** Counts the words that a key takes. */
  get columns(): number {
    return this.#keyTypes.length;
  }

  /** Returns the key that words stand for. What is of no column's type is left for the table to refuse. */
  key(words: readonly string[]): unknown {
    if (words.length !== this.columns) {
      const types = this.#keyTypes.join(', ');
      throw usageError(
        `Table ${this.#table} has a key of ${this.columns} column(s) (${types}); ${words.length} given.`,
        'Give one word for each column; quote a word that contains spaces.',
      );
    }
    const cells = words.map((word, index) => wordValue(this.#keyTypes[index] as TypeName, word));
    return this.#composite ? cells : cells[0];
  }

  /** Returns the value that a word stands for. */
  value(word: string): unknown {
    if (this.#valueType === undefined) {
      throw usageError(`Table ${this.#table} is a set: it has no values.`, 'Use `tablecast add`.');
    }
    return wordValue(this.#valueType, word);
  }

  /** Returns a key as text: columns divided by tabs, without control characters. */
  keyText(key: unknown): string {
    return this.#keyCells(key).map(plain).join('\t');
  }

  /** Returns a key as JSON: an array when the key is composite. */
  keyJson(key: unknown): string {
    const cells = this.#keyCells(key).map(cellJson);
    return this.#composite ? `[${cells.join(',')}]` : (cells[0] ?? 'null');
  }

  /** Returns a value as text; empty where there is none. */
  valueText(value: unknown): string {
    const cell = this.#valueCell(value);
    return cell === undefined ? '' : plain(cell);
  }

  /** Returns a value as JSON; null where there is none. */
  valueJson(value: unknown): string {
    const cell = this.#valueCell(value);
    return cell === undefined ? 'null' : cellJson(cell);
  }

  #keyCells(key: unknown): { field: string; type: TypeName; value: unknown }[] {
    const columns: readonly unknown[] = this.#composite && Array.isArray(key) ? key : [key];
    return this.#keyTypes.map((type, index) => ({ field: 'key', type, value: columns[index] }));
  }

  #valueCell(value: unknown): { field: string; type: TypeName; value: unknown } | undefined {
    if (this.#valueType === undefined || value === undefined) return undefined;
    return { field: 'value', type: this.#valueType, value };
  }
}

function plain(cell: Parameters<typeof cellText>[0]): string {
  return visible(cellText(cell));
}

/** Types of which the table would speak in terms of JavaScript. */
const CHECKED_HERE: ReadonlySet<TypeName> = new Set(['bool', 'count', 'int', 'double']);

/** Returns the value of a word; where it is none, mostly the word itself, since the table's refusal says more. */
export function wordValue(type: TypeName, word: string): unknown {
  const value = parseValue(type, word);
  if (value instanceof Beyond) {
    throw new TablecastError('VALUE_INVALID', `${shown(word)} is beyond ${value.limit}.`, {
      hint: 'Write a value within that limit, or declare another type.',
      details: { type },
    });
  }
  if (value !== undefined) return value;
  const complex = isComplexType(type);
  if (!complex && !CHECKED_HERE.has(type)) return word;
  throw new TablecastError('VALUE_INVALID', `${shown(word)} is not ${expectedText(type)}.`, {
    hint: complex
      ? `Quote JSON for the shell, as in '{"name": "value"}'.`
      : `The table declares type ${type} here; tablecast status prints all declarations.`,
    details: { type },
  });
}
