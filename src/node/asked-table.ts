import type { TableDeclaration } from '../schema/index.ts';
import type { LocalChoices, TableDefinition } from '../table/define-table.ts';

/** The arguments of `node.table`: a name with a declaration, or a definition with what this node has otherwise. */
export type Asked =
  | readonly [name: string, declaration: TableDeclaration]
  | readonly [definition: TableDefinition, here?: LocalChoices];

/** Returns the name and the declaration that are asked for; neither is checked. */
export function askedTable([asked, more]: Asked): readonly [name: string, declaration: TableDeclaration] {
  if (typeof asked !== 'object' || asked === null) return [asked, more as TableDeclaration];
  return [asked.name, { ...asked.declaration, ...more } as TableDeclaration];
}
