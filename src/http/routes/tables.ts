import { type Asked, type Handlers, json, tableOf } from '../asked.ts';
import type { Viewer } from '../admission.ts';
import { formOf } from '../forms.ts';
import type { HostedTable, HttpHost } from '../host.ts';
import { presentDivergence } from './divergence.ts';

/** The routes that list tables. */
export function tableRoutes(host: HttpHost): Handlers {
  return {
    listTables: ({ viewer }) => {
      const readable = Array.from(host.tables()).filter(({ table }) => viewer.grant.mayRead(table.name));
      const observed = new Map(host.observed.tables().map((one) => [one.name, one]));
      const tables = readable.map((hosted) => tableForm(hosted, viewer, observed.get(hosted.table.name)));
      return json({ position: host.observed.position, tables });
    },
    getTable: (asked: Asked) => json(tableFacts(host, tableOf(host, asked), asked.viewer)),
  };
}

/** Returns what is told of one table. */
export function tableFacts(host: HttpHost, hosted: HostedTable, viewer: Viewer): unknown {
  const observed = host.observed.tables().find(({ name }) => name === hosted.table.name);
  return tableForm(hosted, viewer, observed);
}

/** The peers that hold other rows, and under how many keys. */
function differing(hosted: HostedTable): object[] {
  const keys = new Map<string, number>();
  for (const { peer } of presentDivergence(hosted)) keys.set(peer, (keys.get(peer) ?? 0) + 1);
  return Array.from(keys, ([peer, count]) => ({ peer, keys: count }));
}

function tableForm(
  hosted: HostedTable,
  { grant }: Viewer,
  observed: ReturnType<HttpHost['observed']['tables']>[number] | undefined,
): unknown {
  const { table, projection } = hosted;
  const { schema } = projection;
  const { default: fallback, ...declaration } = table.declaration;
  return {
    name: table.name,
    kind: schema.isSet ? 'set' : 'map',
    declaration: {
      ...declaration,
      ...(fallback !== undefined &&
        schema.valueType !== undefined && {
          default: formOf(schema.valueType, schema.defaultValue),
        }),
    },
    mode: table.mode,
    rows: table.size,
    synced: observed?.synced ?? false,
    divergedKeys: observed?.divergedKeys ?? 0,
    differing: differing(hosted),
    operations: { local: observed?.localOperations ?? 0, remote: observed?.remoteOperations ?? 0 },
    mayWrite: grant.mayWrite(table.name),
  };
}
