import type { Observable } from 'rxjs';
import type { Projection } from '../projection/projection.ts';
import { Unordered } from './contents.ts';
import { Evaluation, plain } from './evaluation.ts';
import { type ViewOptions, checkOptions } from './options.ts';
import { feedOf } from './table-feed.ts';
import { TableSource } from './table-source.ts';
import { View } from './view.ts';

/** The context is what a view is opened with beside what it shows. */
export interface ViewContext {
  /** The same stream, its subscribers counted under its name. */
  readonly counted: <T>(stream: string, source: Observable<T>) => Observable<T>;
}

/** Opens a view of a table. Throws `OPTION_INVALID`, `VIEW_FAILED`, `LIMIT_EXCEEDED`. */
export function openView<K, V, R>(
  projection: Projection,
  options: ViewOptions<K, V, R>,
  { counted }: ViewContext,
): View<K, R> {
  checkOptions(options);
  const { where, map } = options as ViewOptions<unknown, unknown, unknown>;
  const source = new TableSource(feedOf(projection));
  return new View<K, R>({
    source,
    contents: (replaced) => new Unordered(replaced),
    evaluation: (stage) => new Evaluation(source, { where, map, describe: plain }, stage),
    idOf: (key) => projection.rows.find(projection.schema.keyText(key)),
    counted,
  });
}
