import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { SeededRandom } from '../../support/seeded-random.ts';
import type { PostgresServer } from './postgres-server.ts';

/** Chance that a node is killed while it begins, so that a beginning is cut off by the next crash. */
const KILLED_EARLY = 0.25;
const LONGEST_MS = 300;
const LONGEST_DOWN_MS = 400;
/** So often a node may say that it does what it did, or be looked at without saying anything, before it counts as stuck. */
const PATIENCE = 1200;
const LOOK_MS = 250;

/** What the campaign found. */
export interface SqlKillReport {
  readonly kills: Record<'node' | 'thread' | 'server', number>;
  checks: number;
  last: number;
  readonly wrong: string[];
}

/** How the campaign goes. */
export interface SqlKillOptions {
  readonly program: string;
  readonly directory: string;
  readonly kills: number;
  readonly seed: number;
  /** Undefined: projections into SQLite alone. */
  readonly server: PostgresServer | undefined;
  readonly behaviour: 'sound' | 'loses' | 'stands';
  /** After how many beats of a node without progress it gives up; by default {@link PATIENCE}, which is minutes. */
  readonly patience?: number;
}

/** Kills node, projecting threads and server at random moments, and has the targets compared after each. */
export class SqlKillCampaign {
  readonly #options: SqlKillOptions;
  readonly #random: SeededRandom;
  readonly #report: SqlKillReport = {
    kills: { node: 0, thread: 0, server: 0 },
    checks: 0,
    last: 0,
    wrong: [],
  };
  #places = '';
  #child: ChildProcess | undefined;
  #acknowledged = 0;
  #equal: () => void = () => undefined;
  /** What the node last said that it does, how often it has said so, and for how many looks it has said nothing. */
  #does = 'nothing was heard of it';
  #still = 0;
  #silent = 0;

  constructor(options: SqlKillOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
  }

  async run(): Promise<SqlKillReport> {
    const { directory, kills, server } = this.#options;
    mkdirSync(directory, { recursive: true });
    const database = await server?.database();
    this.#places = [join(directory, 'rows.db'), ...(database === undefined ? [] : [database])].join(',');
    try {
      await this.#equalAfter(() => this.#start());
      for (let kill = 0; kill < kills && this.#report.wrong.length === 0; kill++) {
        await setTimeout(this.#random.next() * LONGEST_MS);
        await this.#kill();
      }
    } finally {
      await this.#end();
    }
    return this.#report;
  }

  #start(): void {
    const { program, directory, behaviour } = this.#options;
    const args = [program, join(directory, 'writer'), this.#places, behaviour];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) => this.#heard(line));
    child.on('exit', (code, signal) => {
      if (!child.killed) this.#wrong(`the node ended with ${code ?? signal}`);
    });
  }

  #heard(line: string): void {
    const [word = '', ...rest] = line.split(' ');
    this.#silent = 0;
    if (word === 'does') return this.#moves(rest.join(' '));
    this.#still = 0;
    if (word === 'wrong') this.#wrong(rest.join(' '));
    if (word === 'ack') this.#acknowledged = Number(rest[0]);
    if (word !== 'equal') return;
    this.#report.checks++;
    this.#report.last = Number(rest[0]);
    // What the last writes of a life were may be a delete: a few less than acknowledged is none lost.
    if (Number(rest[0]) < this.#acknowledged - 13)
      this.#wrong(`acknowledged ${this.#acknowledged}, there is ${rest[0]}`);
    this.#equal();
  }

  #wrong(what: string): void {
    this.#report.wrong.push(what);
    this.#equal();
  }

  /** Gives up on a node without progress. It is counted by the node's own beats: time says nothing where others load the machine. */
  #moves(does: string): void {
    this.#still = does === this.#does ? this.#still + 1 : 0;
    this.#does = does;
    if (this.#still === (this.#options.patience ?? PATIENCE))
      this.#wrong(`no progress in ${this.#still} beats: ${does}`);
  }

  /** Does something, and waits until the targets were compared after it. */
  async #equalAfter(act: () => Promise<void> | void): Promise<void> {
    const heard = new Promise<void>((resolve) => {
      this.#equal = resolve;
    });
    this.#still = 0;
    this.#silent = 0;
    const looking = setInterval(() => {
      if (++this.#silent === PATIENCE)
        this.#wrong(`the node says nothing any more; the last was: ${this.#does}`);
    }, LOOK_MS);
    try {
      await act();
      if (this.#report.wrong.length === 0) await heard;
    } finally {
      clearInterval(looking);
    }
  }

  async #kill(): Promise<void> {
    const { server } = this.#options;
    const chance = this.#random.next();
    if (server !== undefined && chance < 0.3) return this.#killServer(server);
    if (chance < 0.6) return this.#killThreads();
    await this.#killNode();
    while (this.#random.next() < KILLED_EARLY) {
      this.#start();
      await setTimeout(this.#random.next() * 2 * LONGEST_MS);
      await this.#killNode();
    }
    await this.#equalAfter(() => this.#start());
  }

  async #killNode(): Promise<void> {
    const child = this.#child as ChildProcess;
    if (child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    this.#report.kills.node++;
  }

  async #killThreads(): Promise<void> {
    this.#report.kills.thread++;
    await this.#equalAfter(() => void this.#child?.stdin?.write('end-threads\ncheck\n'));
  }

  async #killServer(server: PostgresServer): Promise<void> {
    this.#report.kills.server++;
    await server.kill();
    await setTimeout(this.#random.next() * LONGEST_DOWN_MS);
    await server.start();
    await this.#equalAfter(() => void this.#child?.stdin?.write('check\n'));
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}
