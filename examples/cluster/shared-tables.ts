// The tables all nodes share, and what one row of a log says about them.
import { isIP } from 'node:net';
import type { MapTable, SetTable, TableNode } from 'tablecast';
import type { LogRecord } from '../../src/cli/formats/index.ts';

/** How long a client stays active after its latest row. */
export const ACTIVE_SECONDS = 2;

/** What the nodes compare at the end, in the order of the display. */
export const TABLE_NAMES = ['known_hosts', 'known_services', 'rows_by_client', 'active_clients'] as const;

/** With `--contested` both workers also write the same few keys of one table at the same moment. */
export const CONTESTED_TABLE = 'contested';
const CONTESTED_KEYS = ['rule-1', 'rule-2', 'rule-3'] as const;

/** The tables of one node. */
export interface SharedTables {
  readonly knownHosts: SetTable<string>;
  readonly knownServices: SetTable<readonly [string, string]>;
  readonly rowsByClient: MapTable<string, number>;
  readonly activeClients: SetTable<string>;
  /** Per worker, how many rows of the log are in the tables: written in one batch with what they say. */
  readonly rowsRead: MapTable<string, number>;
  /** Keys with two authors, when the demonstration is asked for conflicts. */
  readonly contested: MapTable<string, string> | undefined;
}

/** What of a node the tables are made with. */
export interface TableChoices {
  readonly backend: 'memory' | 'sqlite';
  readonly contested: boolean;
}

/** Declares the shared tables: the same declarations on every node. */
export function declareTables(node: TableNode, { backend, contested }: TableChoices): SharedTables {
  return {
    knownHosts: node.table('known_hosts', { key: 'addr', backend }),
    knownServices: node.table('known_services', { key: ['addr', 'port'], backend }),
    rowsByClient: node.table('rows_by_client', { key: 'addr', value: 'count', backend }),
    activeClients: node.table('active_clients', {
      key: 'addr',
      backend,
      writeExpire: `${ACTIVE_SECONDS}s`,
    }),
    rowsRead: node.table('rows_read', { key: 'string', value: 'count', backend }),
    contested: contested
      ? node.table(CONTESTED_TABLE, { key: 'string', value: 'string', backend })
      : undefined,
  };
}

/** The hosts a row names. */
export interface RowFacts {
  readonly client: string;
  readonly server: string | undefined;
  /** The server's port, as Zeek writes it: `53/udp`. */
  readonly port: string | undefined;
}

/** The hosts of a row of any Zeek log that names hosts; undefined when this row names none. */
export function rowFacts({ fields }: LogRecord): RowFacts | undefined {
  const client = asAddress(fields.get('id.orig_h')) ?? asAddress(fields.get('host'));
  if (client === undefined) return undefined;
  const listsServices = fields.has('port_num');
  const server = listsServices ? client : asAddress(fields.get('id.resp_h'));
  const number = Number(fields.get(listsServices ? 'port_num' : 'id.resp_p'));
  const protocol = fields.get(listsServices ? 'port_proto' : 'proto') ?? 'tcp';
  const isPort = Number.isInteger(number) && number >= 0 && number <= 65_535;
  const isProtocol = protocol === 'tcp' || protocol === 'udp' || protocol === 'icmp';
  return { client, server, port: isPort && isProtocol ? `${number}/${protocol}` : undefined };
}

function asAddress(text: unknown): string | undefined {
  return typeof text === 'string' && isIP(text) !== 0 && !text.includes('%') ? text : undefined;
}

/** Whether an address is one of those a worker looks after. */
export type Owns = (address: string) => boolean;

/**
 * Each address belongs to one worker, told by a hash, as Zeek's scripts choose the proxy that keeps
 * a host. So every key has one author, and the mode `naive`, which never merges, counts exactly.
 */
export function ownerOf(address: string, workers: number): number {
  let hash = 2_166_136_261;
  for (let index = 0; index < address.length; index++) {
    hash = Math.imul(hash ^ address.charCodeAt(index), 16_777_619) >>> 0;
  }
  return (hash >>> 8) % workers;
}

/** Writes what a row says about the addresses this worker owns. */
export function applyRow(tables: SharedTables, row: RowFacts, owns: Owns): void {
  const { client, server, port } = row;
  if (owns(client)) {
    if (!tables.knownHosts.has(client)) tables.knownHosts.add(client);
    tables.rowsByClient.increment(client);
    tables.activeClients.add(client);
  }
  if (server === undefined || !owns(server)) return;
  if (!tables.knownHosts.has(server)) tables.knownHosts.add(server);
  if (port !== undefined && !tables.knownServices.has([server, port])) {
    tables.knownServices.add([server, port]);
  }
}

/** Writes every contested key. */
export function writeContested(tables: SharedTables, value: string): void {
  for (const key of CONTESTED_KEYS) tables.contested?.set(key, value);
}
