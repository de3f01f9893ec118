import type { AtomicName, PlainDeclaration, TableDeclaration, TypeName } from './schema.ts';

/**
 * Asks for every integer as it is, for programs that know nothing of the values of a table. The declaration is checked
 * when a node declares it.
 */
export function exactly(declaration: Readonly<PlainDeclaration>): TableDeclaration {
  const { key, value, ...rest } = declaration;
  return {
    ...rest,
    key: Array.isArray(key) ? key.map((type: AtomicName) => column(type)) : column(key as AtomicName),
    value: value === undefined ? undefined : column(value),
  } as TableDeclaration;
}

function column(type: TypeName): TypeName | { readonly type: 'count' | 'int'; readonly as: 'exact' } {
  return type === 'count' || type === 'int' ? { type, as: 'exact' } : type;
}
