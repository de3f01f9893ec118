// The story: three nodes read a log, one is killed, comes back and catches up; then all are compared.
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ChildNode } from './child-node.ts';
import { number, type ClusterView, type Display } from './display.ts';
import type {
  CaughtUp,
  ChangeLine,
  LogShare,
  NodeProcessOptions,
  Opened,
  Row,
  Verified,
} from './messages.ts';
import { ACTIVE_SECONDS, CONTESTED_TABLE, TABLE_NAMES } from './shared-tables.ts';
import type { Survey } from './survey.ts';
import { differenceLines, differencesOf, type Differences } from './verdict.ts';

const MANAGER = 'manager';
const WORKERS = ['worker-1', 'worker-2'] as const;
const VICTIM = WORKERS[0];
const KILL_AT_SHARE = 0.4;
const DEAD_MS = 3000;
const SETTLE_MS = 30_000;
const CHANGES_SHOWN = 6;
const DRAW_MS = 100;
const CONTEST_IN_MS = 500;

/** What to run. */
export interface ClusterOptions {
  readonly directory: string;
  readonly logPath: string;
  readonly survey: Survey;
  /** How long to spread reading over. */
  readonly seconds: number;
  readonly contested: boolean;
  /** The NATS server that carries the tables; without one, the workers dial the manager. */
  readonly nats: string | undefined;
}

/** What came out. */
export interface Outcome {
  readonly nodes: ReadonlyMap<string, Verified>;
  readonly tables: readonly string[];
  readonly differences: readonly Differences[];
}

/** Runs the three processes. {@link close} ends them, whatever they are doing. */
export class Cluster {
  readonly #options: ClusterOptions;
  readonly #display: Display;
  readonly #tables: readonly string[];
  readonly #nodes = new Map<string, ChildNode>();
  readonly #started = performance.now();
  readonly #rowsRead = new Map<string, number>();
  readonly #changes: ChangeLine[] = [];
  #shownOf: unknown;
  #managerAddress = '';
  #closing = false;

  constructor(options: ClusterOptions, display: Display) {
    this.#options = options;
    this.#display = display;
    this.#tables = options.contested ? [...TABLE_NAMES, CONTESTED_TABLE] : TABLE_NAMES;
  }

  /** Runs from the first process to the comparison. Rejects when a process fails. */
  async run(): Promise<Outcome> {
    const drawing = setInterval(() => this.#draw(), DRAW_MS);
    try {
      await this.#startAll();
      const readers = WORKERS.filter((id) => id !== VICTIM).map((id) => this.#read(id));
      const [outcome] = await Promise.all([this.#story(readers), ...readers]);
      return outcome;
    } finally {
      clearInterval(drawing);
      this.#display.stop();
    }
  }

  async #story(readers: readonly Promise<void>[]): Promise<Outcome> {
    const before = await this.#killVictim();
    await this.#restartVictim(before);
    await Promise.all([this.#read(VICTIM), ...readers]);
    this.#display.say('Both workers have read the whole log.');
    this.#display.say(
      `Waiting for the last active clients to expire, ${ACTIVE_SECONDS} s after their latest row.`,
    );
    await this.#settle();
    if (this.#options.contested) await this.#contest();
    this.#display.say("Replaying each node's log into fresh tables …");
    return this.#verify();
  }

  /** Ends every process. Idempotent. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#display.stop();
    await Promise.all(Array.from(this.#nodes.values(), (node) => node.close()));
  }

  async #startAll(): Promise<void> {
    const { opened, caughtUp: managerConnected } = await this.#start(MANAGER);
    this.#managerAddress = opened.address;
    const { nats } = this.#options;
    if (nats !== undefined) await managerConnected;
    const there = nats === undefined ? `listens on ${opened.address}` : 'connected to the NATS server';
    this.#say(MANAGER, `pid ${this.#node(MANAGER).pid}, ${there}`);
    if (opened.page !== undefined) this.#sayPage(opened.page);
    await Promise.all(
      WORKERS.map(async (id) => {
        const { caughtUp } = await this.#start(id);
        await caughtUp;
        const where = nats === undefined ? 'the manager' : 'the NATS server, and to nothing else';
        this.#say(id, `pid ${this.#node(id).pid}, connected to ${where}`);
      }),
    );
    this.#display.say(
      'Both workers read the log. A hash gives each half of the addresses: one author per key.',
    );
  }

  async #start(id: string): Promise<{ opened: Opened; caughtUp: Promise<CaughtUp> }> {
    if (this.#closing) throw new Error('closing');
    const directory = join(this.#options.directory, id);
    mkdirSync(directory, { recursive: true });
    const node = new ChildNode(id);
    this.#nodes.set(id, node);
    const { contested, nats } = this.#options;
    const peers = id === MANAGER || nats !== undefined ? [] : [this.#managerAddress];
    const servesPage = id === MANAGER;
    const options: NodeProcessOptions = { id, directory, peers, nats, contested, servesPage };
    const caughtUp = node.next('caught-up');
    // A caller that needs it awaits it; a process that fails to open is told by open() alone.
    caughtUp.catch(() => undefined);
    return { opened: await node.open(options), caughtUp };
  }

  async #read(id: string): Promise<void> {
    const { logPath, survey, seconds } = this.#options;
    const share: LogShare = {
      path: logPath,
      worker: WORKERS.findIndex((worker) => worker === id),
      workers: WORKERS.length,
      rowsPerSecond: survey.rows / seconds,
    };
    await this.#node(id).ask({ type: 'read', share }, 'read-all');
  }

  /** Kills a worker in the middle of its work; resolves with the rows it had read. */
  async #killVictim(): Promise<number> {
    const victim = this.#node(VICTIM);
    const reading = this.#read(VICTIM).catch(() => undefined);
    const killAt = this.#options.survey.rows * KILL_AT_SHARE;
    const isDue = async (): Promise<void> => {
      while ((victim.status?.rowsRead ?? 0) < killAt && victim.state === 'running') {
        const status = await victim.next('status');
        if (status.rowsRead >= this.#options.survey.rows) return;
      }
    };
    await Promise.race([isDue(), reading]);
    const rowsRead = victim.status?.rowsRead ?? 0;
    await victim.kill();
    const others = WORKERS.filter((id) => id !== VICTIM).join(', ');
    this.#display.say('');
    this.#say(
      VICTIM,
      `killed at row ${number(rowsRead)} (SIGKILL): it can save nothing, like at a power cut. ${others} and the manager go on`,
    );
    await pause(DEAD_MS);
    return rowsRead;
  }

  async #restartVictim(rowsReported: number): Promise<void> {
    const { opened, caughtUp } = await this.#start(VICTIM);
    const rowsAgain = Math.max(0, rowsReported - opened.rowsRead);
    const milliseconds = opened.milliseconds.toFixed(0);
    this.#say(VICTIM, `started again from what it left on disk, pid ${this.#node(VICTIM).pid}`);
    this.#say(
      VICTIM,
      `recovered ${number(opened.rows)} rows from its log of ${number(opened.operations)} operations in ${milliseconds} ms: nobody sent them`,
    );
    this.#say(
      VICTIM,
      rowsAgain === 0
        ? `every row it had reported is there: it goes on after row ${number(opened.rowsRead)}`
        : `goes on after row ${number(opened.rowsRead)}; the ${number(rowsAgain)} rows after it were not on disk yet`,
    );
    const { operations, milliseconds: catchUpMs } = await caughtUp;
    this.#say(
      VICTIM,
      `caught up ${number(operations)} operations of the others in ${catchUpMs.toFixed(0)} ms: what they wrote while it was away`,
    );
  }

  /** Waits until nothing is under way: no active client is left, and all nodes hold the same rows. */
  async #settle(): Promise<void> {
    const deadline = performance.now() + SETTLE_MS;
    while (performance.now() < deadline) {
      const nodes = [...this.#nodes.values()];
      const idle = nodes.every(({ status }) => status?.rows['active_clients'] === 0 && status.lag === 0);
      if (idle && (await this.#areEqual())) break;
      await pause(DRAW_MS);
    }
  }

  /** Two authors for one key at the same moment: shows what differs, why, and how the next write heals it. */
  async #contest(): Promise<void> {
    const at = Date.now() + CONTEST_IN_MS;
    this.#display.say(`Both workers now write the same keys of ${CONTESTED_TABLE} at the same moment.`);
    await Promise.all(
      WORKERS.map((id) => this.#node(id).ask({ type: 'contest', value: `by ${id}`, at }, 'contested')),
    );
    await pause(CONTEST_IN_MS);
    const { differences } = await this.#verify();
    for (const line of differences.flatMap(differenceLines)) this.#display.say(line);
    this.#display.say('');
    this.#display.say(
      differences.length === 0
        ? 'This time one write arrived before the other was made: nothing differs.'
        : `${VICTIM}, which has seen the other's writes by now, writes these keys once more: that heals them.`,
    );
    await this.#node(VICTIM).ask({ type: 'contest', value: 'settled', at: 0 }, 'contested');
    await this.#settle();
  }

  async #areEqual(): Promise<boolean> {
    const nodes = [...this.#nodes.values()];
    const all = await Promise.all(nodes.map((node) => node.ask({ type: 'compare' }, 'compared')));
    return this.#tables.every((table) => new Set(all.map(({ digests }) => digests[table])).size === 1);
  }

  async #verify(): Promise<Outcome> {
    const nodes = new Map<string, Verified>();
    for (const node of this.#nodes.values()) {
      nodes.set(node.id, await node.ask({ type: 'verify' }, 'verified'));
    }
    const differences: Differences[] = [];
    for (const table of this.#tables) {
      const digests = new Set(Array.from(nodes.values(), ({ tables }) => tables[table]?.digest));
      if (digests.size === 1) continue;
      const rows = new Map<string, readonly Row[]>();
      for (const node of this.#nodes.values()) {
        rows.set(node.id, (await node.ask({ type: 'rows', table }, 'rows')).rows);
      }
      differences.push(differencesOf(table, rows, nodes));
    }
    return { nodes, tables: this.#tables, differences };
  }

  #node(id: string): ChildNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`no process ${id}`);
    return node;
  }

  #say(id: string, text: string): void {
    this.#display.say(`${id.padEnd(9)} ${text}`);
  }

  #sayPage(address: string): void {
    this.#say('page', `${address}/ in a browser: watch there how a worker is killed and comes back`);
  }

  #draw(): void {
    const manager = this.#nodes.get(MANAGER)?.status;
    if (manager !== undefined && manager !== this.#shownOf) {
      this.#shownOf = manager;
      this.#changes.push(...manager.changes);
      this.#changes.splice(0, this.#changes.length - CHANGES_SHOWN);
    }
    for (const id of WORKERS) {
      const status = this.#nodes.get(id)?.status;
      if (status !== undefined) this.#rowsRead.set(id, status.rowsRead);
    }
    this.#display.show(this.#view());
  }

  #view(): ClusterView {
    return {
      nodes: [...this.#nodes.values()],
      tables: this.#tables,
      log: logName(this.#options.logPath),
      rowsRead: WORKERS.reduce((sum, id) => sum + (this.#rowsRead.get(id) ?? 0), 0) / WORKERS.length,
      rowsTotal: this.#options.survey.rows,
      seconds: (performance.now() - this.#started) / 1000,
      changes: this.#changes,
    };
  }
}

/** What people call a log: `dns` for `/var/log/zeek/dns.log.gz`, and for the sample, which is one of that kind. */
function logName(path: string): string {
  const name = basename(path).replace(/^sample-/, '');
  return name.split('.', 1)[0] || name;
}
