import type { Column, PlainDeclaration, TableDeclaration, TypeName } from '../index.ts';

/** Asks for every integer as it is: a command shows tables whose values it knows nothing of. */
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
