import type { Projection } from '../../projection/projection.ts';
import type { ProjectedNode } from '../projected-node.ts';
import type { Relation, Want } from './messages.ts';
import {
  type Source,
  conflictsOf,
  divergenceOf,
  momentColumns,
  momentFrom,
  momentOf,
  operationsOf,
  peersOf,
} from './sources.ts';

/** Stands before the name of what a table of the user's has the name of. */
const PREFIX = 'tablecast_';

/** Everything that can be read beside a set of tables, and where it comes from. */
export class Beside {
  readonly relations: readonly Relation[];
  readonly #sources = new Map<string, (moment: unknown, upTo: number) => Source>();

  /** `isAll` is true of the set that nothing is left out of, which may know who the peers are. */
  constructor(node: ProjectedNode, tables: readonly Projection[], isAll: boolean) {
    const { past, among } = node;
    const named = new Map(tables.map((table) => [table.schema.name, table]));
    const facts: Record<string, Source> = {
      operations: operationsOf(node, named),
      conflicts: conflictsOf(past, named),
      ...(among !== undefined && { divergence: divergenceOf(among, named) }),
      ...(among !== undefined && isAll && { peers: peersOf(among) }),
    };
    const taken = new Set(tables.map(({ schema }) => schema.name.toLowerCase()));
    const relations: Relation[] = [];
    const add = (
      wanted: string,
      columns: Source['columns'],
      from: (moment: unknown, upTo: number) => Source,
    ) => {
      const name = freeName(wanted, taken);
      const isFunction = facts[wanted] === undefined;
      relations.push({
        name,
        columns: columns.map((column) => column.name),
        isFunction,
        isLog: wanted === 'operations',
      });
      this.#sources.set(name, from);
    };
    for (const [name, source] of Object.entries(facts)) add(name, source.columns, () => source);
    for (const projection of tables)
      add(`${projection.schema.name}_at`, momentColumns(projection.schema), (moment, upTo) =>
        momentOf(past, projection, momentFrom(moment, upTo)),
      );
    this.relations = relations;
  }

  /** Gives where a want is brought from. Throws `OPTION_INVALID` for a moment that is none. */
  sourceOf({ name, moment }: Want, upTo: number): Source {
    const source = this.#sources.get(name);
    if (source === undefined) throw new Error(`${name} is nothing that queries read`);
    return source(moment, upTo);
  }
}

/** Takes a name in SQL that nothing has, in whichever case. */
function freeName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  while (taken.has(name.toLowerCase())) name = PREFIX + name;
  taken.add(name.toLowerCase());
  return name;
}
