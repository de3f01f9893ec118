import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { filter, firstValueFrom } from 'rxjs';
import { type TableNode, openNode } from '../../../src/index.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

/** Chance that a child is killed while it opens, so that a recovery is cut off by the next crash. */
const KILLED_OPENING = 0.25;

/** What the loop found. */
export interface KillReport {
  kills: number;
  killedWhileOpening: number;
  acknowledged: number;
  /** Operations the peer received. */
  replicated: number;
  /** Lives (epochs) of the writer that its peer saw. */
  readonly lives: Set<string>;
  /** Acknowledged values that were missing after a kill. */
  readonly lost: string[];
  /** Operations the peer had that the restarted writer had not, or not alike. */
  readonly ahead: string[];
  /** Batches of which one half was missing, and numbers without a gap that had one. */
  readonly broken: string[];
}

interface State {
  readonly log: readonly (readonly [origin: string, sequence: number, what: string])[];
  readonly rows: readonly (readonly [key: string, value: number])[];
  readonly last: number;
}

/** How the writer behaves; see the child. */
export interface KillOptions {
  readonly kills: number;
  readonly seed: number;
  readonly durability: 'commit' | 'interval';
  readonly behaviour: 'sound' | 'acks-early' | 'tells-early';
}

/** One writer, killed and started again, and one peer that stays. */
export class KillLoop {
  readonly #program: string;
  readonly #options: KillOptions;
  readonly #random: SeededRandom;
  readonly #base: string;
  readonly #received = new Map<string, string>();
  readonly #report: KillReport = {
    kills: 0,
    killedWhileOpening: 0,
    acknowledged: 0,
    replicated: 0,
    lives: new Set(),
    lost: [],
    ahead: [],
    broken: [],
  };
  #acknowledged = 0;

  constructor(program: string, scratch: string, options: KillOptions) {
    this.#program = program;
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.#base = mkdtempSync(join(scratch, 'killed-'));
  }

  async run(): Promise<KillReport> {
    const peer = await openNode({ id: 'keeper', directory: join(this.#base, 'keeper'), listen: { port: 0 } });
    const table = peer.table('numbers', { key: 'string', value: 'count', backend: 'sqlite' });
    peer.log.operations({ after: 0 }).subscribe(({ origin, sequence, key, value }) => {
      this.#received.set(`${origin} ${sequence}`, `${String(key)}=${String(value)}`);
      this.#report.lives.add(origin);
    });
    try {
      for (let kill = 0; kill < this.#options.kills && !this.#isCaught; kill++) await this.#cycle(peer);
      if (!this.#isCaught) await this.#finish(peer, table);
    } finally {
      await peer.close();
      rmSync(this.#base, { recursive: true, force: true });
    }
    this.#report.replicated = this.#received.size;
    return this.#report;
  }

  /** A planted fault has shown; nothing more is to be learnt. */
  get #isCaught(): boolean {
    const { lost, ahead } = this.#report;
    return this.#options.behaviour !== 'sound' && lost.length + ahead.length > 0;
  }

  #start(peer: TableNode, behaviour: string): ChildProcess {
    const address = peer.address as string;
    const { durability } = this.#options;
    const args = [this.#program, join(this.#base, 'writer'), address, durability, behaviour];
    return spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  async #cycle(peer: TableNode): Promise<void> {
    const toldBefore = this.#received.size;
    const child = this.#start(peer, this.#options.behaviour);
    const ended = once(child, 'exit');
    const kill = (afterMs: number) => void setTimeout(afterMs).then(() => child.kill('SIGKILL'));
    const opening = this.#random.chance(KILLED_OPENING);
    // A process takes about this long until it opens its file.
    if (opening) kill(this.#random.between(60, 220));
    let isHeard = false;
    const hearing = peer.peers.subscribe((peers) => {
      isHeard = peers.some(({ state }) => state === 'connected');
    });
    let isDue = false;
    let state: State | undefined;
    for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      if (line.startsWith('state ')) {
        // A line cut off by the kill is no state.
        if (line.endsWith('}')) state = JSON.parse(line.slice(6)) as State;
        if (state !== undefined) this.#check(state, toldBefore);
      } else if (line.startsWith('ack ')) {
        // Not before the peer hears the writer: what is told too early shows nowhere else.
        if (!opening && !isDue && isHeard) {
          isDue = true;
          kill(this.#random.between(2, 60));
        }
        this.#acknowledged = Number(line.slice(4));
        this.#report.acknowledged++;
      }
    }
    await ended;
    hearing.unsubscribe();
    this.#report.kills++;
    if (state === undefined) this.#report.killedWhileOpening++;
    // What is still in the socket arrives before the peer notices the end.
    await firstValueFrom(
      peer.peers.pipe(filter((peers) => peers.every((each) => each.state !== 'connected'))),
    );
  }

  /** What the peer was told in this life may be newer than the state, which comes by another way: it is left out. */
  #check(state: State, toldBefore: number): void {
    const { lost, ahead, broken } = this.#report;
    if (state.last < this.#acknowledged)
      lost.push(`value ${this.#acknowledged}, the log ends at ${state.last}`);
    const held = new Map(state.log.map(([origin, sequence, what]) => [`${origin} ${sequence}`, what]));
    let told = 0;
    for (const [name, what] of this.#received) {
      if (told++ === toldBefore) break;
      if (held.get(name) !== what)
        ahead.push(`${name} is ${what} at the peer, ${held.get(name) ?? 'missing'} here`);
    }
    const next = new Map<string, number>();
    const rows = new Map<string, number>();
    for (const [origin, sequence, what] of state.log) {
      const expected = (next.get(origin) ?? 0) + 1;
      if (sequence !== expected) broken.push(`${origin} ${sequence} follows ${expected - 1}`);
      next.set(origin, sequence);
      const [key = '', value] = what.split('=');
      rows.set(key, Number(value));
    }
    for (const [key, value] of rows) {
      if (!key.startsWith('a')) continue;
      if (rows.get(`b${key.slice(1)}`) !== value) broken.push(`half a batch at ${key}`);
    }
    const same =
      rows.size === state.rows.length && state.rows.every(([key, value]) => rows.get(key) === value);
    if (!same) broken.push(`${state.rows.length} rows are not the fold of ${state.log.length} operations`);
  }

  async #finish(peer: TableNode, table: Iterable<readonly [string, number]>): Promise<void> {
    const toldBefore = this.#received.size;
    const child = this.#start(peer, 'finish');
    const ended = once(child, 'exit');
    let missing = -1;
    for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      const state = JSON.parse(line.slice(6)) as State;
      this.#check(state, toldBefore);
      const differing = () => {
        const here = new Map(table);
        return state.rows.filter(([key, value]) => here.get(key) !== value).length;
      };
      for (let tries = 0; tries < 100 && (missing = differing()) > 0; tries++) await setTimeout(50);
      child.stdin?.end();
    }
    const [code] = (await ended) as [number | null];
    if (code !== 0) this.#report.broken.push(`the last process ended with ${String(code)}`);
    if (missing !== 0) this.#report.broken.push(`${missing} rows differ at the peer in the end`);
  }
}
