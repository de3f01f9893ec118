import type { Projection } from '../../projection/projection.ts';
import type { TableDeclaration } from '../../schema/index.ts';
import type { Table } from '../../table/table.ts';
import { compileZeekTable, declarationOf, type ZeekTable } from '../protocol/index.ts';
import type { ZeekHost } from '../host.ts';
import type { ZeekTableOptions } from '../options.ts';

/** The options of a table whose type is known. */
export type KnownTableOptions = ZeekTableOptions & { readonly type: string };

/** One table on both sides. */
export interface AttachedTable {
  readonly name: string;
  /** Is another one when Zeek's script was changed in a way that this node can follow. */
  zeek: ZeekTable;
  /** A Zeek node has it with a type that this node cannot send to: nothing of it is sent or taken. */
  isHeld: boolean;
  readonly table: Table;
  readonly projection: Projection;
}

/**
 * Declares Zeek's tables on a node. Throws `DECLARATION_INVALID` for a type that cannot be shared,
 * `DECLARATION_DIFFERS` when the node has the table otherwise.
 */
export function attachTables(
  host: ZeekHost,
  tables: ReadonlyMap<string, KnownTableOptions>,
): Map<string, AttachedTable> {
  return new Map([...tables].map(([name, table]) => [name, attachTable(host, name, table)]));
}

/** Declares one table of Zeek's on a node. Throws as {@link attachTables} does. */
export function attachTable(host: ZeekHost, name: string, options: KnownTableOptions): AttachedTable {
  const { type, types, topic, backend, mode, createExpire, writeExpire } = options;
  const zeek = compileZeekTable(name, { type, types, topic });
  const { key, value, complexValues } = declarationOf(zeek);
  const declaration = {
    key,
    value,
    complexValues,
    backend: backend ?? host.defaultBackend,
    mode,
    createExpire,
    writeExpire,
  } as TableDeclaration;
  return { name, zeek, isHeld: false, ...host.declare(name, declaration) };
}
