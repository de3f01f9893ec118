import { type BackendName, type TableDeclaration, compileSchema } from '../schema/index.ts';

/** A definition is the one home of a table's name and declaration, for all programs of a cluster. */
export interface TableDefinition<D extends TableDeclaration = TableDeclaration> {
  readonly name: string;
  readonly declaration: D;
}

/** The choices are what each node may have otherwise than a definition says. */
export interface LocalChoices {
  /** Names the backend that keeps the table's log on this node. */
  readonly backend?: BackendName | undefined;
  /** Is what reading an absent key gives here. */
  readonly default?: unknown;
}

/**
 * Returns a definition of a table, for a module that all programs of a cluster import: `node.table(hits)` declares it,
 * with the types that follow. Throws `DECLARATION_INVALID` here, and not only where it is declared.
 */
export function defineTable<const D extends TableDeclaration>(
  name: string,
  declaration: D,
): TableDefinition<D> {
  compileSchema(name, declaration);
  return Object.freeze({ name, declaration: Object.freeze({ ...declaration }) });
}
