import type * as Tablecast from 'tablecast';

/** A table of strings and doubles, as every contest uses it. */
export type NumberTable = Tablecast.MapTable<string, number>;

/** The product as it is published: the build that `main.ts` made, not the sources. */
export async function product(): Promise<typeof Tablecast> {
  const url = process.env['TABLECAST_BENCH_PRODUCT'];
  if (url === undefined) throw new Error('Start contests with `npm run bench`.');
  return (await import(url)) as typeof Tablecast;
}

/** Declares the standard table. */
export function declare(
  node: Tablecast.TableNode,
  name: string,
  { backend = 'memory', mode }: { backend?: 'memory' | 'sqlite'; mode?: string | undefined } = {},
): NumberTable {
  const declaration = { key: 'string', value: 'double', backend, ...(mode && { mode }) };
  return node.table(name, declaration as Tablecast.TableDeclaration) as unknown as NumberTable;
}
