import type { RowSide } from '../projection/comparing/digest.ts';
import type { Key, TableDeclaration, TypeName } from '../schema/index.ts';

/** A form is what a table gives back for a type, in JavaScript. */
export type Form<T extends TypeName> = T extends 'bool'
  ? boolean
  : T extends 'count' | 'int'
    ? number | bigint
    : T extends 'double'
      ? number
      : T extends 'time' | 'interval'
        ? bigint
        : T extends 'record' | 'set' | 'vector' | 'table' | 'any'
          ? unknown
          : string;

/** The JavaScript forms of several columns: a mapped tuple, which only a type parameter of its own gives. */
type ColumnForms<Columns extends readonly TypeName[]> = {
  readonly [Index in keyof Columns]: Form<Columns[Index]>;
};

/** Is the JavaScript form of the keys of a declaration. */
export type KeyOf<D extends TableDeclaration> = D['key'] extends infer Columns extends readonly TypeName[]
  ? ColumnForms<Columns>
  : D['key'] extends TypeName
    ? Form<D['key']>
    : Key;

/** Is the JavaScript form of the values of a declaration; never for a set. */
export type ValueOf<D extends TableDeclaration> = D['value'] extends TypeName ? Form<D['value']> : never;

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
