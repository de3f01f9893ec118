import type { Projection } from '../../projection/projection.ts';
import type { TableDeclaration } from '../../schema/index.ts';
import type { Table } from '../../table/table.ts';
import { compileZeekTable, declarationOf, type ZeekTable } from '../protocol/index.ts';
import type { ZeekHost } from '../host.ts';
import type { ZeekAttachmentOptions, ZeekTableOptions } from '../options.ts';

/** One table on both sides. */
export interface AttachedTable {
  readonly name: string;
  readonly zeek: ZeekTable;
  readonly table: Table;
  readonly projection: Projection;
}

/**
 * Declares Zeek's tables on a node. Throws `DECLARATION_INVALID` for a type that cannot be shared,
 * `DECLARATION_DIFFERS` when the node has the table otherwise.
 */
export function attachTables(
  host: ZeekHost,
  tables: ZeekAttachmentOptions['tables'],
): ReadonlyMap<string, AttachedTable> {
  return new Map(Object.entries(tables).map(([name, table]) => [name, attachTable(host, name, table)]));
}

function attachTable(host: ZeekHost, name: string, options: ZeekTableOptions): AttachedTable {
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
  return { name, zeek, ...host.declare(name, declaration) };
}
