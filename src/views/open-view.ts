import type { Observable } from 'rxjs';
import type { Stream } from '../work/stream.ts';
import { type Contents, type Replaced, Unordered } from './contents.ts';
import { Evaluation, type Source, orderIn } from './evaluation.ts';
import { type Functions, functionsOf } from './functions.ts';
import { Groups, WHOLE, groupId } from './groups.ts';
import { type Join, type JoinParts, JoinSource, type JoinedTable } from './join.ts';
import { type AnyOptions, checkJoin, checkOptions } from './options.ts';
import { Ordered, orderOf } from './ordered.ts';
import type { Entry, Stage, ViewRow } from './rows-of-views.ts';
import { View } from './view.ts';
import type { ViewOpener } from './view-opener.ts';

/** The context is what a view is opened with beside what it shows. */
export interface ViewContext {
  /** The same stream, its subscribers counted under its name. */
  readonly counted: <T>(stream: string, source: Observable<T>) => Stream<T>;
}

/** Opens a view of a table or a join. Throws `OPTION_INVALID`, `VIEW_FAILED`, `LIMIT_EXCEEDED`. */
export function openView(
  source: Source,
  options: AnyOptions | undefined = {},
  { counted }: ViewContext,
): View {
  checkOptions(options);
  const functions = functionsOf(options, source.table);
  const isGrouped = functions.groupBy !== undefined || functions.columns !== undefined;
  return new View({
    source,
    contents: (replaced) => contentsOf(functions, options.limit, replaced),
    evaluation: (contents) =>
      new Evaluation(source, functions, {
        stage: isGrouped ? groupsOf(functions, contents) : contents,
        isOrdered: !isGrouped && functions.orderBy.length > 0,
      }),
    idOf: isGrouped ? (key) => idOfGroup(functions, key) : (key) => source.slotOf(key),
    counted,
  });
}

/** Joins a table with another. Throws `OPTION_INVALID`. */
export function joinOf<K, V>(
  tables: { readonly left: JoinedTable; readonly right: JoinedTable },
  options: { readonly on: (row: never) => unknown; readonly optional?: boolean | undefined },
  context: ViewContext,
): Join<K, V> {
  checkJoin(options);
  const on = options.on as JoinParts['on'];
  const isOptional = options.optional === true;
  const open = (asked?: AnyOptions): View =>
    openView(new JoinSource({ ...tables, on, isOptional }), asked, context);
  return { view: open as ViewOpener<K, V> };
}

function contentsOf({ orderBy }: Functions, limit: number = Infinity, replaced: Replaced): Contents {
  if (orderBy.length === 0) return new Unordered(replaced);
  return new Ordered(orderOf(orderBy.map(({ isDescending }) => isDescending)), limit, replaced);
}

/** Without a group key everything is one group, which is there also when it is empty. */
function groupsOf(functions: Functions, contents: Contents): Stage {
  const entryOf = (id: unknown, row: ViewRow): Entry => {
    const order = functions.orderBy.length === 0 ? [] : orderIn(functions, row, `${typeof id} ${String(id)}`);
    return { id, row, order, group: undefined, inputs: [] };
  };
  const isWhole = functions.groupBy === undefined;
  return new Groups({ columns: functions.columns, isWhole, entryOf }, contents);
}

function idOfGroup({ groupBy }: Functions, key: unknown): unknown {
  return groupBy === undefined ? WHOLE : groupId(key);
}
