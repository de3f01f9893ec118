import type { Column, PlainDeclaration, TableDeclaration, TypeName } from './schema.ts';

/** Asks for every integer as it is: for programs that know nothing of the values of a table. */
export function exactly(declaration: Readonly<PlainDeclaration>): TableDeclaration {
  const { key, value, ...rest } = declaration;
  return {
    ...rest,
    key: typeof key === 'string' ? column(key) : key.map(column),
    value: value === undefined ? undefined : column(value),
  };
}

function column(type: TypeName): Column {
  return type === 'count' || type === 'int' ? { type, as: 'exact' } : type;
}
