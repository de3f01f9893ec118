import type { RowSide } from '../projection/comparing/digest.ts';
import type { Column, ComplexColumn, ComplexName, Key, TableDeclaration } from '../schema/index.ts';

/** A form is what a table gives back for a column, in JavaScript. */
export type Form<C extends Column> = C extends { readonly type: 'count' | 'int'; readonly as: infer As }
  ? As extends 'bigint'
    ? bigint
    : As extends 'exact'
      ? number | bigint
      : number
  : C extends 'bool'
    ? boolean
    : C extends 'count' | 'int' | 'double'
      ? number
      : C extends 'time' | 'interval'
        ? bigint
        : C extends 'record' | 'set' | 'vector' | 'table' | 'any'
          ? unknown
          : C extends { readonly type: ComplexName; readonly schema?: infer Schema }
            ? TypesOf<Schema>['output']
            : string;

/** A written form is what may be given for a value: what a schema takes in, or what the table gives back. */
export type WrittenForm<C extends Column> = C extends {
  readonly type: ComplexName;
  readonly schema?: infer Schema;
}
  ? TypesOf<Schema>['input']
  : Form<C>;

/** Is what a schema takes in and gives. */
type TypesOf<Schema> =
  NonNullable<Schema> extends { readonly '~standard': { readonly types?: infer Types } }
    ? NonNullable<Types> extends { readonly input: unknown; readonly output: unknown }
      ? NonNullable<Types>
      : UnknownTypes
    : UnknownTypes;

interface UnknownTypes {
  readonly input: unknown;
  readonly output: unknown;
}

/** The JavaScript forms of several columns: a mapped tuple, which only a type parameter of its own gives. */
type ColumnForms<Columns extends readonly Column[]> = {
  readonly [Index in keyof Columns]: Form<Columns[Index]>;
};

/** Is the JavaScript form of the keys of a declaration. */
export type KeyOf<D extends TableDeclaration> = D['key'] extends infer Columns extends readonly Column[]
  ? ColumnForms<Columns>
  : D['key'] extends Column
    ? Form<D['key']>
    : Key;

/** Is the JavaScript form of the values of a declaration; never for a set. */
export type ValueOf<D extends TableDeclaration> = D['value'] extends Column ? Form<D['value']> : never;

/** Is the JavaScript form in which values of a declaration may be written. */
export type WrittenOf<D extends TableDeclaration> = D['value'] extends Column
  ? WrittenForm<D['value']>
  : never;

/**
 * Declares a column of complex values with a type of the program: `value: typed<Login>('record')`. Nothing is checked:
 * that every program of the cluster writes such values is for them to keep. A schema checks what this one writes.
 */
export function typed<T>(type: ComplexName): ComplexColumn<T> {
  return { type };
}

/** A concurrent value is one of those that stand under a key. */
export interface ConcurrentValue<V = unknown> {
  /** Is undefined for sets. */
  readonly value: V | undefined;
  /** Names the life that wrote it, `nodeId@epoch`; of a counter the latest that added to it. */
  readonly origin: string;
  /** Is true of the one that the table shows. */
  readonly winner: boolean;
}

/** A diverged key is one on which this node and a peer differ; a side is undefined where there is no row. */
export interface DivergedKey<K = unknown, V = unknown> {
  readonly key: K;
  readonly peer: string;
  readonly here: RowSide<V> | undefined;
  readonly there: RowSide<V> | undefined;
}
