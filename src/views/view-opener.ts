import type { Aggregated } from './aggregates.ts';
import type {
  AggregateOptions,
  Aggregates,
  GroupKey,
  GroupOptions,
  RowOptions,
  ShownOptions,
} from './options.ts';
import type { ViewRow } from './rows-of-views.ts';
import type { View } from './view.ts';

/** The same type, which is taken from the options alone: not from where the view is handed to. */
export type FromOptions<T> = [T][T extends unknown ? 0 : never];

/** Opens views of rows of one form: those of a table, or of a join. */
export interface ViewOpener<K, V> {
  <R = V, const G extends GroupKey = GroupKey, A extends Aggregates<K, R> = Aggregates<K, R>>(
    options: RowOptions<K, V, R> &
      GroupOptions<K, R, G> &
      AggregateOptions<A> &
      ShownOptions<G, Aggregated<A>>,
  ): View<G, Aggregated<A>>;
  <R = V, A extends Aggregates<K, R> = Aggregates<K, R>>(
    options: RowOptions<K, V, R> & AggregateOptions<A> & ShownOptions<undefined, Aggregated<A>>,
  ): View<undefined, Aggregated<A>>;
  <R = V, const G extends GroupKey = GroupKey>(
    options: RowOptions<K, V, R> & GroupOptions<K, R, G> & ShownOptions<G, readonly ViewRow<K, R>[]>,
  ): View<G, readonly ViewRow<K, FromOptions<R>>[]>;
  <R = V>(options?: RowOptions<K, V, R> & ShownOptions<K, R>): View<K, FromOptions<R>>;
}
