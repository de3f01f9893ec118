import type { RowSide } from '../projection/comparing/digest.ts';
import type { Column, Key, TableDeclaration } from '../schema/index.ts';

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
          : string;

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
