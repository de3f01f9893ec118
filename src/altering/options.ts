import * as v from 'valibot';
import { TablecastError } from '../errors.ts';
import { anObject } from '../options/an-object.ts';
import { checkedOptions } from '../options/checked-options.ts';
import { code, said } from '../options/words.ts';
import type { TableNode } from '../node/table-node.ts';
import type { Table } from '../table/table.ts';

/** Is a row of one declaration, in the forms in which a table gives it. The value of a set's row is undefined. */
export interface AlteredRow<K = unknown, V = unknown> {
  readonly key: K;
  readonly value: V;
}

/**
 * Makes a row of one declaration of a row of the other. `standing` is what the other table shows for this row now,
 * for members that the row itself does not have. Throws for a row that cannot be had there.
 */
export type RowMapping<K1, V1, K2, V2> = (
  row: AlteredRow<K1, V1>,
  standing: AlteredRow<K2, V2> | undefined,
) => AlteredRow<K2, V2>;

/** Says which two tables are kept alike, and how their rows belong together. */
export interface AlterOptions<K1 = unknown, V1 = unknown, K2 = unknown, V2 = unknown> {
  /** Is the table as it is declared by programs of before. */
  readonly from: Table<K1, V1>;
  /** Is the table as new programs declare it, on the same node and of the same backend. */
  readonly to: Table<K2, V2>;
  /**
   * Makes a new row of an old one. Different rows need different keys. Left out, keys and values go over by their
   * text: `count` to `string`, `string` to `addr` where it is one.
   */
  readonly up?: RowMapping<K1, V1, K2, V2> | undefined;
  /** Makes an old row of a new one; given with `up`, unless `oneWay`. */
  readonly down?: RowMapping<K2, V2, K1, V1> | undefined;
  /** Takes nothing back into `from`. */
  readonly oneWay?: boolean | undefined;
  /** Makes a pause; a simulation hands in its own. Default: timers of Node.js. */
  readonly wait?: ((milliseconds: number) => Promise<void>) | undefined;
}

/** Is what an alteration needs of the node. */
export type AlteringNode = Pick<TableNode, 'batch' | 'table' | 'log'>;

const isTable = (given: unknown): boolean =>
  typeof given === 'object' && given !== null && 'declaration' in given && 'changes' in given;

const table = (sample: string) => v.pipe(v.custom<Table>(isTable), said('a table of the node', code(sample)));
const called = (sample: string) =>
  v.optional(
    v.pipe(
      v.custom<() => unknown>((given) => typeof given === 'function'),
      said('a function', code(sample)),
    ),
  );

/** {@link AlterOptions} as far as their form goes. */
export const alterOptionsSchema = anObject({
  from: table('node.table(hits)'),
  to: table('node.table(hits2)'),
  up: called('({ key, value }) => ({ key, value: String(value) })'),
  down: called('({ key, value }) => ({ key, value: Number(value) })'),
  oneWay: v.optional(v.boolean()),
  wait: called('(milliseconds) => api.sleep(milliseconds)'),
});

/** Checks what can be checked before anything is read. @throws TablecastError `OPTION_INVALID` */
export function checkAlterOptions(given: unknown): AlterOptions {
  checkedOptions(alterOptionsSchema, given, { of: 'of an alteration' });
  const options = given as AlterOptions;
  const { from, to, up, down, oneWay } = options;
  if (from.name === to.name)
    throw refused(`Table ${from.name} cannot be carried into itself.`, 'Name two tables.');
  const [before, after] = [from.declaration.backend, to.declaration.backend];
  if (before !== after) {
    throw refused(
      `Table ${from.name} is kept in ${before} and ${to.name} in ${after}: what one carries could outlive the other.`,
      `Declare both with backend: '${before}' on this node. Other nodes may keep them elsewhere.`,
    );
  }
  if ((up === undefined) !== (down === undefined) && oneWay !== true) {
    throw refused(
      `Only ${up === undefined ? 'down' : 'up'} is given, and rows of ${from.name} and ${to.name} go both ways.`,
      'Give both, or oneWay: true to carry nothing back.',
    );
  }
  return options;
}

export function refused(message: string, hint: string): TablecastError {
  return new TablecastError('OPTION_INVALID', message, { hint });
}
