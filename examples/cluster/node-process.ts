// One process of the cluster: a node with the shared tables, told what to do over the IPC channel.
import { setTimeout as pause } from 'node:timers/promises';
import { count, filter, firstValueFrom, lastValueFrom, merge } from 'rxjs';
import { isTablecastError, openNode, type Change, type Table, type TableNode } from 'tablecast';
import { readLog } from './log-reader.ts';
import type {
  ChangeLine,
  LogShare,
  NodeProcessOptions,
  Reply,
  Request,
  Row,
  Status,
  TableCheck,
  Verified,
} from './messages.ts';
import { digestOf, cellText, liveRows, textRows } from './row-digest.ts';
import { declareTables, writeContested, type SharedTables } from './shared-tables.ts';

const STATUS_MS = 100;
const HOLD_MS = 200;
const CONFLICT_KEYS_KEPT = 10_000;

function send(reply: Reply): void {
  if (process.connected) process.send?.(reply);
}

/** The node of this process, and what is told about it. */
class NodeProcess {
  readonly #node: TableNode;
  readonly #tables: SharedTables;
  readonly #compared: readonly Table[];
  readonly #changes = new Map<string, ChangeLine>();
  #expired = 0;
  #conflicts = 0;
  readonly #conflictKeys = new Set<string>();
  #peers: readonly string[] = [];
  #lag = 0;
  #received = 0;

  constructor(node: TableNode, options: NodeProcessOptions) {
    this.#node = node;
    this.#tables = declareTables(node, { backend: 'sqlite', contested: options.contested });
    this.#compared = [...node.tables.values()].filter((table) => table.name !== 'rows_read');
    this.#watch();
  }

  #watch(): void {
    merge(...this.#compared.map((table) => table.changes)).subscribe((change) => this.#note(change));
    merge(...this.#compared.map((table) => table.conflicts)).subscribe((conflict) => {
      this.#conflicts++;
      if (this.#conflictKeys.size < CONFLICT_KEYS_KEPT) {
        this.#conflictKeys.add(`${conflict.table} ${cellText(conflict.key)}`);
      }
    });
    this.#node.peers.subscribe((peers) => {
      const connected = peers.filter(({ state }) => state === 'connected');
      this.#peers = connected.map(({ nodeId, address }) => nodeId ?? address);
      this.#lag = connected.reduce((sum, { lagOperations }) => sum + lagOperations, 0);
      this.#received = connected.reduce((sum, { receivedOperations }) => sum + receivedOperations, 0);
    });
  }

  #note(change: Change<unknown, unknown>): void {
    if (change.kind === 'expired') this.#expired++;
    // One of each table and kind: a handful of examples, however many changes there are.
    const { table } = change.operation;
    this.#changes.set(`${table} ${change.kind}`, {
      author: change.origin.split('@')[0] ?? '',
      table,
      kind: change.kind,
      key: cellText(change.key),
      value: cellText(change.value),
    });
  }

  /** Operations in the log, by reading all of it. */
  async operations(): Promise<number> {
    const { log } = this.#node;
    return lastValueFrom(log.operations({ until: log.position }).pipe(count()));
  }

  /** Operations that came from peers over the present connections. */
  get received(): number {
    return this.#received;
  }

  get rows(): number {
    return this.#compared.reduce((sum, { size }) => sum + size, 0);
  }

  get rowsRead(): number {
    return this.#tables.rowsRead.get(this.#node.id) ?? 0;
  }

  status(): Status {
    const changes = [...this.#changes.values()];
    this.#changes.clear();
    return {
      rows: Object.fromEntries(this.#compared.map((table) => [table.name, table.size])),
      position: this.#node.log.position,
      lag: this.#lag,
      peers: this.#peers,
      rowsRead: this.rowsRead,
      changes,
      expired: this.#expired,
    };
  }

  /** Resolves when every table holds what the peers had. */
  async caughtUp(): Promise<void> {
    const isTrue = filter((synced: boolean) => synced);
    await Promise.all(this.#compared.map((table) => firstValueFrom(table.synced.pipe(isTrue))));
  }

  async read(share: LogShare): Promise<void> {
    await readLog(this.#node, this.#tables, share);
  }

  /** Writes the contested keys at a given time, in milliseconds since 1970. */
  async contest(value: string, at: number): Promise<void> {
    await pause(Math.max(0, at - Date.now() - HOLD_MS));
    // Blocks on purpose: nothing of the other worker is read before this one has written.
    while (Date.now() < at);
    writeContested(this.#tables, value);
  }

  compare(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#compared.map((table) => [table.name, digestOf(liveRows(table))]));
  }

  /** Replays the log from nothing into fresh tables and compares them with the live ones. */
  async verify(): Promise<Verified> {
    const started = performance.now();
    await this.#node.flush();
    const { log } = this.#node;
    const tables = new Map<string, TableCheck>();
    for (const table of this.#compared) {
      const live = liveRows(table);
      const replayed = await log.stateAt({ table: table.name, position: log.position });
      tables.set(table.name, {
        rows: live.length,
        digest: digestOf(live),
        replayedDigest: digestOf(textRows(replayed)),
      });
    }
    return {
      tables: Object.fromEntries(tables),
      operations: await this.operations(),
      milliseconds: performance.now() - started,
      conflicts: this.#conflicts,
      conflictKeys: [...this.#conflictKeys],
    };
  }

  rowsOf(name: string): readonly Row[] {
    const table = this.#compared.find((candidate) => candidate.name === name);
    return table === undefined ? [] : liveRows(table);
  }

  async close(): Promise<void> {
    await this.#node.close();
  }
}

let running: NodeProcess | undefined;

async function open(options: NodeProcessOptions): Promise<void> {
  const started = performance.now();
  const { id, directory, peers, servesPage, nats: servers } = options;
  const http = servesPage ? { port: 0 } : undefined;
  const way = servers === undefined ? { peers, listen: { port: 0 } } : { nats: { servers, group: 'demo' } };
  const node = await openNode({ id, directory, http, ...way });
  running = new NodeProcess(node, options);
  const milliseconds = performance.now() - started;
  const { rows, rowsRead } = running;
  const caughtUp = running.caughtUp();
  const operations = await running.operations();
  const { address = '', httpAddress: page } = node;
  send({ type: 'opened', address, page, rows, operations, milliseconds, rowsRead });
  setInterval(() => {
    if (running !== undefined) send({ type: 'status', ...running.status() });
  }, STATUS_MS).unref();
  await caughtUp;
  send({
    type: 'caught-up',
    operations: running?.received ?? 0,
    milliseconds: performance.now() - started - milliseconds,
  });
}

async function answer(request: Request): Promise<void> {
  if (request.type === 'open') return open(request.options);
  if (request.type === 'close') return end();
  if (running === undefined) throw new Error(`${request.type} before open`);
  switch (request.type) {
    case 'read':
      await running.read(request.share);
      return send({ type: 'read-all' });
    case 'contest':
      await running.contest(request.value, request.at);
      return send({ type: 'contested' });
    case 'compare':
      return send({ type: 'compared', digests: running.compare() });
    case 'verify':
      return send({ type: 'verified', ...(await running.verify()) });
    case 'rows':
      return send({ type: 'rows', rows: running.rowsOf(request.table) });
  }
}

async function end(): Promise<void> {
  const closing = running;
  running = undefined;
  await closing?.close();
  process.exit(0);
}

function fail(error: unknown): void {
  // Reading goes on for a moment after the node was told to close.
  if (isTablecastError(error, 'CLOSED') && running === undefined) return;
  const message = error instanceof Error ? error.message : String(error);
  const hint = isTablecastError(error) ? error.hint : '';
  send({ type: 'failed', message, hint });
}

process.on('message', (request: Request) => {
  answer(request).catch(fail);
});
// The coordinator is gone, however it went: nothing may stay behind.
process.on('disconnect', () => {
  end().catch(() => process.exit(1));
});
// Ctrl-C reaches every process of the terminal; the coordinator decides when this one ends.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
