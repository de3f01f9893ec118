import { isTablecastError } from '../../errors.ts';
import { stampToMs } from '../../log/operations/hybrid-clock.ts';
import type { TypeName, Value } from '../../schema/index.ts';
import type { Projection } from '../../projection/projection.ts';
import { FACTS, columnsOf, keyValues } from '../columns.ts';
import type { ProjectedNode } from '../projected-node.ts';
import { sqliteCellOf } from '../sqlite-values.ts';
import { type FoundRows, type QueryCell, plainCell } from './messages.ts';
import { tablesIn } from './tables-in.ts';

/** Texts of queries that are remembered as look-ups, or as none. */
const MAX_LOOK_UPS = 256;
/** Longest text that may be one. */
const MAX_LENGTH = 1024;

const NAME = String.raw`(?:[a-z_][a-z0-9_]*|"(?:[^"]|"")+")`;
const FORM = new RegExp(
  String.raw`^\s*select\s+(\*|${NAME}(?:\s*,\s*${NAME})*)\s+from\s+(${NAME})\s+where\s+(${NAME}\s*=\s*\?(?:\s+and\s+${NAME}\s*=\s*\?)*)\s*;?\s*$`,
  'i',
);

/** The types whose values are the same in a table and as a parameter. */
const TEXTS: ReadonlySet<TypeName> = new Set(['string', 'addr', 'subnet', 'port', 'enum']);

/** A query for one row by its key. */
interface LookUp {
  readonly projection: Projection;
  readonly columns: readonly string[];
  /** The parameter that each column of the key is compared with. */
  readonly parameterOf: readonly number[];
  readonly cells: readonly ((slot: number) => QueryCell)[];
}

/**
 * Finds rows by their keys in the node itself. It knows one form, `SELECT … FROM table WHERE key = ?`; whatever else is
 * asked is left to the process.
 */
export class LookUps {
  readonly #node: ProjectedNode;
  readonly #known = new Map<string, LookUp | undefined>();
  #tables = -1;

  constructor(node: ProjectedNode) {
    this.#node = node;
  }

  /** Answers a look-up; undefined for what is none, or has parameters that SQLite would have to compare. */
  find(sql: string, parameters: readonly unknown[]): FoundRows | undefined {
    const lookUp = this.#known.has(sql) && this.#isFresh() ? this.#known.get(sql) : this.#read(sql);
    if (lookUp === undefined || parameters.length !== lookUp.parameterOf.length) return undefined;
    const { projection, columns, parameterOf, cells } = lookUp;
    const { schema, rows } = projection;
    const key: Value[] = [];
    for (const [column, at] of parameterOf.entries()) {
      const value = keyValueOf(schema.keyTypes[column] as TypeName, parameters[at]);
      if (value === undefined) return undefined;
      key.push(value);
    }
    const slot = slotOf(projection, schema.composite ? key : key[0]);
    if (slot === undefined || !isSame(keyValues(schema, rows.key(slot)), key)) return { columns, rows: [] };
    return { columns, rows: [cells.map((cell) => cell(slot))] };
  }

  #isFresh(): boolean {
    return this.#tables === this.#node.projections.size;
  }

  #read(sql: string): LookUp | undefined {
    if (!this.#isFresh() || this.#known.size >= MAX_LOOK_UPS) this.#known.clear();
    this.#tables = this.#node.projections.size;
    const found = sql.length > MAX_LENGTH ? undefined : this.#parsed(sql);
    if (sql.length <= MAX_LENGTH) this.#known.set(sql, found);
    return found;
  }

  #parsed(sql: string): LookUp | undefined {
    const [, list = '', table = '', where = ''] = FORM.exec(sql) ?? [];
    const named = nameOf(table);
    const projection = tablesIn([...this.#node.projections.values()]).find(
      ({ schema }) => schema.name === named,
    );
    if (projection === undefined) return undefined;
    const { schema } = projection;
    const all = [...columnsOf(schema), ...FACTS].map(({ name }) => name);
    const columns =
      list === '*' ? all : Array.from(list.matchAll(new RegExp(NAME, 'gi')), ([name]) => nameOf(name));
    const compared = Array.from(where.matchAll(new RegExp(`(${NAME})\\s*=`, 'gi')), ([, name = '']) =>
      nameOf(name),
    );
    const parameterOf = all.slice(0, schema.keyTypes.length).map((name) => compared.indexOf(name));
    const isKey = compared.length === parameterOf.length && !parameterOf.includes(-1);
    const isPlain = new Set(columns).size === columns.length && columns.every((name) => all.includes(name));
    if (!isKey || !isPlain) return undefined;
    const cells = columns.map((name) => cellOf(projection, this.#node, all.indexOf(name)));
    return { projection, columns, parameterOf, cells };
  }
}

function nameOf(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
}

/** Finds a row; none under what is no key at all, as in SQL. */
function slotOf({ schema, rows }: Projection, key: unknown): number | undefined {
  try {
    return rows.find(schema.keyText(key));
  } catch (error) {
    if (isTablecastError(error, 'KEY_INVALID')) return undefined;
    throw error;
  }
}

/** A parameter as a value of a key; undefined where equality is not that of the values. */
function keyValueOf(type: TypeName, parameter: unknown): Value | undefined {
  if (TEXTS.has(type)) return typeof parameter === 'string' ? parameter : undefined;
  if (type !== 'int' && type !== 'count') return undefined;
  const isWhole = Number.isSafeInteger(parameter) && !Object.is(parameter, -0);
  return isWhole && (type === 'int' || (parameter as number) >= 0) ? (parameter as number) : undefined;
}

/** True when a row has the very key: texts that mean the same are not equal in SQL. */
function isSame(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.every((value, index) => value === other[index]);
}

/** SQLite keeps no sign of a zero. */
function withoutSign(cell: QueryCell): QueryCell {
  return cell === 0 ? 0 : cell;
}

/** Gives what stands in a column of a row, as a query shows it. */
function cellOf(projection: Projection, node: ProjectedNode, column: number): (slot: number) => QueryCell {
  const { schema, rows } = projection;
  const own = columnsOf(schema);
  const found = own[column];
  if (found === undefined) {
    const facts = [
      (slot: number) => node.origins.at(rows.origin(slot)).text,
      (slot: number) => rows.sequence(slot),
      (slot: number) => stampToMs(rows.stamp(slot)),
    ];
    return facts[column - own.length] as (slot: number) => QueryCell;
  }
  const convert = sqliteCellOf(found);
  if (column >= schema.keyTypes.length) return (slot) => withoutSign(plainCell(convert(rows.value(slot))));
  return (slot) => plainCell(convert(keyValues(schema, rows.key(slot))[column] ?? null));
}
