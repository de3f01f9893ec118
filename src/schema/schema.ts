import type { StandardSchema } from './standard-schema.ts';

/** Is a type of one value, as Zeek names it. */
export type AtomicName =
  | 'bool'
  | 'count'
  | 'int'
  | 'double'
  | 'string'
  | 'addr'
  | 'subnet'
  | 'port'
  | 'time'
  | 'interval'
  | 'enum'
  | 'pattern';

/** Is a type of values made of others; as the value of a table only, and only with `complexValues: true`. */
export type ComplexName = 'record' | 'set' | 'vector' | 'table' | 'any';

/** Is every type that a declaration can name. */
export type TypeName = AtomicName | ComplexName;

/**
 * Says in which form a program reads 64-bit integers. With `number`, the default, one that no number holds is an
 * error. With `bigint` each is a bigint. With `exact` it is a number up to 2^53-1 and a bigint beyond, for programs
 * that read any table.
 */
export type IntegerForm = 'number' | 'bigint' | 'exact';

/** Says in which form one program reads each column; undefined for columns that have one form only. */
export interface ColumnForms {
  readonly key: readonly (IntegerForm | undefined)[];
  readonly value: IntegerForm | undefined;
  /** Checks what this program writes. */
  readonly schema: StandardSchema | undefined;
}

/** A column of integers names the form in which this program reads them. Nodes may choose otherwise. */
export interface IntegerColumn {
  readonly type: 'count' | 'int';
  readonly as: IntegerForm;
}

/**
 * A column of complex values names a schema that checks what this program writes: of zod, valibot, arktype, or any other
 * that follows Standard Schema. What others wrote is given as it stands.
 */
export interface ComplexColumn<In = unknown, Out = In> {
  readonly type: ComplexName;
  readonly schema?: StandardSchema<In, Out> | undefined;
}

/** A column of a key is declared by its type, or with the form in which this program reads it. */
export type KeyColumn = AtomicName | IntegerColumn;

/** A column is declared by its type, or with what this program alone wants of it. */
export type Column = TypeName | IntegerColumn | ComplexColumn;

/** A JSON value is what JSON can say; complex values are of this form, deeply frozen. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** A canonical value of one column of a key, or of an atomic value. */
export type Atom = string | number | bigint | boolean;

/** A key is one canonical value, or a frozen array of them when the key is composite. */
export type Key = Atom | readonly Atom[];

/** A value is canonical; it is undefined for the members of a set. */
export type Value = Atom | undefined | JsonValue;

/** A cell is how a value travels in a column of the log. */
export type Cell = number | bigint | string | boolean;

/** A column type says how the values of a table travel in a column of the log. */
export type ColumnType = 'none' | 'double' | 'integer' | 'bigint' | 'text' | 'bool';

/** Names a backend of a node: `memory`, `sqlite`, or one that the node was opened with. */
export type BackendName = 'memory' | 'sqlite' | (string & Record<never, never>);
export type ModeName = 'naive' | 'lww' | 'automerge';

/** Is milliseconds, or text such as `400ms`, `1.5s`, `5m`, `1h`, `2d`. */
export type Duration = number | `${number}${'ns' | 'us' | 'ms' | 's' | 'm' | 'min' | 'h' | 'd'}`;

/** Every table declares these members. */
interface DeclaredOfAll {
  /** Names the type of the key, or the types of its columns (1 to 8; keys are arrays then, also for one column). */
  readonly key: KeyColumn | readonly KeyColumn[];
  /** Names the backend that keeps the table's log, of those the node has. Default `memory`. */
  readonly backend?: BackendName | undefined;
  /** Says who wins when two write at once. Default `naive`. */
  readonly mode?: ModeName | undefined;
}

/** A row lives until it is removed, or for a time that is counted in one of two ways. */
type DeclaredLife =
  | {
      /** Lets a row go this long after its key was created. */
      readonly createExpire?: Duration | undefined;
      readonly writeExpire?: undefined;
    }
  | {
      readonly createExpire?: undefined;
      /** Lets a row go this long after it was last written. */
      readonly writeExpire?: Duration | undefined;
    };

/** A table is a set, or has atomic values, or complex ones. */
type DeclaredValue =
  | {
      readonly value?: undefined;
      readonly default?: undefined;
      readonly complexValues?: boolean | undefined;
    }
  | {
      /** Names the type of the values; left out, the table is a set. */
      readonly value: AtomicName | IntegerColumn;
      /** Is what reading an absent key gives; not for sets. Nodes may differ in it. */
      readonly default?: unknown;
      readonly complexValues?: boolean | undefined;
    }
  | {
      readonly value: ComplexName | ComplexColumn;
      readonly default?: unknown;
      /** Allows the value types record, set, vector, table and any. */
      readonly complexValues: true;
    };

/** A declaration says what a table is (its schema). Members left out or undefined take their default. */
export type TableDeclaration = DeclaredOfAll & DeclaredLife & DeclaredValue;

/** The plain declaration is what nodes tell each other and keep: types alone, without what one program wants of them. */
export interface PlainDeclaration {
  readonly key: AtomicName | readonly AtomicName[];
  readonly value?: TypeName | undefined;
  readonly backend?: BackendName | undefined;
  readonly mode?: ModeName | undefined;
  readonly createExpire?: number | string | undefined;
  readonly writeExpire?: number | string | undefined;
  readonly default?: unknown;
  readonly complexValues?: boolean | undefined;
}

/** Expiry says when rows expire. */
export interface Expiry {
  readonly kind: 'create' | 'write';
  readonly milliseconds: number;
}

/** Cells checked and converted ahead of their use, one by one. */
export interface CellPreparation {
  /**
   * Checks a cell as `checkCell` does, in a few steps, and keeps its value: until it is forgotten, checking and
   * converting the cell costs next to nothing.
   *
   * @throws TablecastError `OPERATION_INVALID` of a schema's, Refusal of a codec's
   */
  prepare(cell: Cell): Generator<void, Value, undefined>;
  /** Forgets every value that was kept by this preparation. */
  forget(): void;
}

/**
 * A declaration, compiled: every check and conversion of one table's keys and values.
 *
 * All members are immutable and all functions but `preparing` pure. `keyText`, `keyOf`, `value`, `toColumn` and
 * `fromColumn` need no `this`.
 */
export interface Schema {
  readonly name: string;
  readonly isSet: boolean;
  readonly keyTypes: readonly AtomicName[];
  /** True when the key was declared as a list: keys are arrays then, also of one column. */
  readonly composite: boolean;
  /** Undefined for a set. */
  readonly valueType: TypeName | undefined;
  readonly backend: BackendName;
  readonly mode: ModeName;
  readonly expiry: Expiry | undefined;
  readonly defaultValue: Value | undefined;
  /** Says in which forms the program that declared the table reads it; no matter of other nodes. */
  readonly forms: ColumnForms;
  /**
   * True when the user form of a key is its canonical text (one column of type string, addr, subnet,
   * port, enum or pattern), so that a hit in a Map of canonical texts needs no parsing.
   */
  readonly textKeys: boolean;
  /**
   * Canonical text of a key as a user gives it: equal keys give equal texts, different keys different ones.
   * Well-formed, at most `schemaLimits.maxKeyBytes` in UTF-8.
   *
   * @throws TablecastError `KEY_INVALID`
   */
  keyText(key: unknown): string;
  /** Returns the user form of a canonical text; composite keys are frozen arrays. The text must have been checked. */
  keyOf(text: string): Key;
  /**
   * For text from peers and from disk: returns only for text that `keyText` could have returned.
   *
   * @throws TablecastError `OPERATION_INVALID`
   */
  checkKeyText(text: string): void;
  /**
   * Canonical form of a value as a user gives it. Complex values are copied, then deeply frozen.
   *
   * @throws TablecastError `VALUE_INVALID`
   */
  value(value: unknown): Value;
  /** `none` for sets, `text` for complex values (as JSON). */
  readonly column: ColumnType;
  /** Returns the cell of a canonical value; `false` for a set, whose column has no cells. */
  toColumn(value: Value): Cell;
  /** Returns the canonical value of a cell that was checked or is this node's own. */
  fromColumn(cell: Cell): Value;
  /**
   * For cells from peers: returns only for cells that `toColumn` could have returned. (A small integer may
   * also come as a bigint.)
   *
   * @throws TablecastError `OPERATION_INVALID`
   */
  checkCell(cell: Cell): void;
  /**
   * Prepares cells of complex values, of which one may take as long as ten thousand others; undefined for
   * other types. A step takes at most 30 ms, for the dearest cell there may be.
   */
  readonly preparing: (() => CellPreparation) | undefined;
  /** Canonical JSON text of what nodes must agree on: key, value, expiry and complexValues; not the mode. */
  readonly fingerprint: string;
  /**
   * The plain declaration with its defaults filled in, durations in milliseconds and JSON-safe: compiling what
   * `JSON.parse(JSON.stringify(declaration))` gives makes an equal schema.
   */
  readonly declaration: Readonly<PlainDeclaration>;
}
