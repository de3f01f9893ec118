import * as v from 'valibot';
import { isPlainObject } from '../options/an-object.ts';
import { checkedOptions } from '../options/checked-options.ts';
import { said } from '../options/words.ts';
import type { TableDeclaration } from '../schema/index.ts';
import type { LocalChoices, TableDefinition } from '../table/define-table.ts';

/** The arguments of `node.table`: a name with a declaration, or a definition with what this node has otherwise. */
export type Asked =
  | readonly [name: string, declaration: TableDeclaration]
  | readonly [definition: TableDefinition, here?: LocalChoices];

/** Any other member is told as one of a declaration that differs. */
const localChoices = v.pipe(
  v.custom<LocalChoices>(isPlainObject),
  said('an object with backend or default', { backend: 'sqlite' }),
);

/** Returns the name and the declaration that are asked for; neither is checked. Throws `OPTION_INVALID` for what this node wants. */
export function askedTable([asked, more]: Asked): readonly [name: string, declaration: TableDeclaration] {
  if (typeof asked !== 'object' || asked === null) return [asked, more as TableDeclaration];
  const here = more === undefined ? {} : checkedOptions(localChoices, more, { of: 'of a table here' });
  return [asked.name, { ...asked.declaration, ...here } as TableDeclaration];
}
