/** The Zeek cluster that scenarios run against: simulated, or a real process when ZEEK_BINARY names one. */
import { StandIn, type StandInOptions } from './protocol/stand-in/server.ts';
import type { SimTableOptions } from './protocol/stand-in/sim-table.ts';
import { tableChangeEvent } from '../../src/zeek/protocol/table-changes.ts';
import { compileZeekTable } from '../../src/zeek/protocol/zeek-table.ts';

/** What a scenario does to a cluster and asks of it. Keys and values are text and numbers. */
export interface ZeekUnderTest {
  readonly url: string;
  /** Names of its nodes; the first runs the WebSocket server. */
  readonly nodes: readonly string[];
  put(node: string, table: string, row: { readonly key: string; readonly value?: number }): Promise<void>;
  remove(node: string, table: string, key: string): Promise<void>;
  /** Inserts so many rows `burst 0`, `burst 1`, … at once. */
  fill(node: string, table: string, rows: number): Promise<void>;
  /** Lets a node lose every so many-th event with changes from others; 0 ends it. */
  lose(node: string, every: number): Promise<void>;
  /** What a node holds; `true` for the members of a set. */
  rows(node: string, table: string): Promise<ReadonlyMap<string, unknown>>;
  /** Ends one node and starts it again, empty; without a name all of them. */
  restart(node?: string): Promise<void>;
  stop(): Promise<void>;
}

/** The place of the WebSocket server says how a cluster is reached. */
export interface ServerPlace {
  /** Runs it on a worker instead of the manager. */
  readonly onWorker?: boolean;
  /** Certificates of its own, and the authority of the clients'. */
  readonly tls?: ServerCertificates;
}

/** Both sides' certificates, in PEM. */
export interface ServerCertificates {
  readonly ca: string;
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
}

/** The tables of the scenarios, in Zeek's words: see real/e2e.zeek. */
export const e2eTables = {
  'E2e::counts': { type: 'table[string] of count' },
  'E2e::hosts': { type: 'set[addr]' },
  'E2e::short': { type: 'table[string] of count' },
} as const;

const all = ['new', 'changed', 'removed', 'expired'] as const;

/** A simulated cluster with the tables of the scenarios. */
export function simulated(options: Partial<StandInOptions> = {}): StandIn {
  const tables = Object.entries(e2eTables).map(([name, { type }]): SimTableOptions => {
    const table = compileZeekTable(name, { type });
    const expire = name === 'E2e::short' ? ({ kind: 'create', seconds: 2 } as const) : undefined;
    return { table, publish: { changes: all }, expire };
  });
  return new StandIn({ tables, nodes: ['manager', 'worker'], pingMs: 200, ...options });
}

/** A cluster of simulated nodes that loaded the script package. */
export class SimulatedCluster implements ZeekUnderTest {
  readonly standIn: StandIn;

  constructor({ onWorker, tls }: ServerPlace) {
    this.standIn = simulated({
      nodes: onWorker === true ? ['worker', 'manager'] : ['manager', 'worker'],
      tls: tls && { ca: tls.ca, ...tls.server },
      tablecast: { tables: Object.keys(e2eTables), announceMs: 30, pulseMs: 50 },
    });
  }

  static async start(place: ServerPlace = {}): Promise<SimulatedCluster> {
    const cluster = new SimulatedCluster(place);
    await cluster.standIn.listen();
    return cluster;
  }

  get url(): string {
    return this.standIn.url;
  }

  get nodes(): readonly string[] {
    return [...this.standIn.nodes.keys()];
  }

  async put(node: string, table: string, { key, value }: { key: string; value?: number }): Promise<void> {
    this.standIn.node(node).set(table, key, value);
    await Promise.resolve();
  }

  async remove(node: string, table: string, key: string): Promise<void> {
    this.standIn.node(node).delete(table, key);
    await Promise.resolve();
  }

  async fill(node: string, table: string, rows: number): Promise<void> {
    for (let at = 0; at < rows; at++) this.standIn.node(node).set(table, `burst ${at}`, at);
    await Promise.resolve();
  }

  async lose(node: string, every: number): Promise<void> {
    let events = 0;
    this.standIn.faults.dropAt = ({ name }, event) =>
      every > 0 && name === node && event.name === tableChangeEvent && (events += 1) % every === 0;
    await Promise.resolve();
  }

  async rows(node: string, table: string): Promise<ReadonlyMap<string, unknown>> {
    await Promise.resolve();
    return rowsOf(this.standIn, node, table);
  }

  async restart(node?: string): Promise<void> {
    if (node === undefined) await this.standIn.restart();
    else this.standIn.startNode(node);
  }

  stop(): Promise<void> {
    return this.standIn.stop();
  }
}

/** The rows that a simulated node holds. */
export function rowsOf(standIn: StandIn, node: string, table: string): ReadonlyMap<string, unknown> {
  const zeek = standIn.node(node);
  const keys = Array.from(zeek.table(table).rows.values(), ({ index }) => {
    const [column] = index;
    return column?.type === 'string' || column?.type === 'address' ? column.data : '';
  });
  return new Map(keys.map((key) => [key, zeek.get(table, key)] as const));
}
