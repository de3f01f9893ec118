import { filter, firstValueFrom, timeout, toArray } from 'rxjs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { sqliteBackend } from '../../../src/backends/sqlite/sqlite-backend.ts';
import { type NodeEvent, type TableNode, type TableOf, isTablecastError } from '../../../src/index.ts';
import { openNodeOf } from '../../../src/node/open-node.ts';
import { systemEnvironment } from '../../../src/system-environment.ts';
import { type Fault, arm, callsFailed } from './disk-shim.ts';

const STEPS = 14;
/** Enough operations that closing writes a checkpoint. */
const BURST = 4200;
/** Sealing and trimming happen in a session of this size, and often. */
const BLOCK_BYTES = 150;
const CHECKPOINT_AFTER = 4;
const KEPT_OPERATIONS = 1500;
const LOOK_MS = 5;
/** How long the steps and the burst wait for the looks that are due. */
const TENDED_MS = 40;
/** A store tries again half a second after a full disk. */
const RECOVERY_MS = 10_000;

const declaration = { key: 'string', value: 'count', backend: 'sqlite' } as const;
type Numbers = TableOf<typeof declaration>;

/** What one session under one fault showed. */
export interface FaultOutcome {
  /** Calls that failed. */
  readonly hits: number;
  readonly opened: boolean;
  /** Steps whose flush resolved. */
  readonly acknowledged: number;
  /** The store failed for good: a restart was needed. */
  readonly poisoned: boolean;
  /** It took writes again by itself. */
  readonly recovered: boolean;
  readonly problems: readonly string[];
}

/** The looks of the node's housekeeping come two hundred times as often. */
const soon: typeof systemEnvironment.schedule = (delayMs, task) =>
  systemEnvironment.schedule(delayMs === 1000 ? LOOK_MS : delayMs, task);

/** Writes in steps, flushes each, closes, and looks at what a restart without faults finds. Runs under the shim. */
export class FaultSession {
  readonly #directory: string;
  readonly #fault: Fault | undefined;
  readonly #problems: string[] = [];
  readonly #events: NodeEvent[] = [];
  /** Steps the node took, in order. */
  readonly #written: number[] = [];
  #acknowledged: number[] = [];
  readonly #over: () => void;
  #poisoned = false;
  #recovered = false;

  /** `written` is called when the session is over and the restart has not begun. */
  constructor(directory: string, fault: Fault | undefined, written: () => void = () => undefined) {
    this.#directory = directory;
    this.#fault = fault;
    this.#over = written;
  }

  async run(): Promise<FaultOutcome> {
    arm(this.#fault);
    const node = await this.#open();
    if (node !== undefined) {
      node.events.subscribe((event) => this.#events.push(event));
      await this.#write(node);
    }
    const hits = callsFailed();
    this.#over();
    arm(undefined);
    await this.#inspect();
    return {
      hits,
      opened: node !== undefined,
      acknowledged: this.#acknowledged.length,
      poisoned: this.#poisoned,
      recovered: this.#recovered,
      problems: this.#problems,
    };
  }

  #open(): Promise<TableNode | undefined> {
    const options = {
      id: 'node',
      directory: this.#directory,
      retention: { operations: KEPT_OPERATIONS },
    };
    const durableBackend = sqliteBackend({
      file: join(this.#directory, 'node.tablecast.db'),
      durability: 'commit',
      owner: 'node',
      limits: { blockBytes: BLOCK_BYTES },
    });
    const environment = { ...systemEnvironment, schedule: soon };
    const parts = { durableBackend, environment, checkpointAfter: CHECKPOINT_AFTER };
    return openNodeOf(options, parts).catch((error: unknown) => this.#typed('open', error));
  }

  #table(node: TableNode): Numbers {
    return node.table('numbers', declaration);
  }

  #typed(what: string, error: unknown): undefined {
    if (!isTablecastError(error)) this.#problems.push(`${what} failed with ${String(error)}`);
    return undefined;
  }

  async #write(node: TableNode): Promise<void> {
    const table = this.#table(node);
    for (let step = 1; step <= STEPS; step++) {
      this.#step(node, table, step);
      await this.#flush(node);
      if (step === STEPS / 2 || step === STEPS) await setTimeout(TENDED_MS);
      const last = this.#acknowledged.at(-1) ?? 0;
      if (last > 0 && table.get(`k${last}`) !== last)
        this.#problems.push(`a read of step ${last} failed at ${step}`);
    }
    if (callsFailed() > 0 && this.#fault?.errno === 'ENOSPC' && !this.#poisoned) await this.#recover(node);
    await this.#readLog(node);
    const failed = this.#events.some(({ code }) => code === 'backend-failed');
    if (this.#poisoned && !failed) this.#problems.push('the store failed and node.events said nothing');
    await node.close().catch((error: unknown) => this.#typed('close', error));
  }

  #step(node: TableNode, table: Numbers, step: number): void {
    try {
      if (step % 4 === 0) node.batch(() => table.set(`k${step}`, step).set(`twin${step}`, step));
      else table.set(`k${step}`, step);
      if (step === STEPS) for (let count = 0; count < BURST; count++) table.set(`burst${count % 100}`, count);
      this.#written.push(step);
    } catch (error) {
      this.#typed(`step ${step}`, error);
    }
  }

  async #flush(node: TableNode): Promise<void> {
    const failedBefore = callsFailed();
    const written = [...this.#written];
    try {
      await node.flush();
      this.#acknowledged = written;
      if (this.#poisoned) this.#problems.push('an acknowledgement after the store had failed for good');
      // A second sync may succeed although the first one lost the data. (Of a directory, SQLite passes over it.)
      if (failedBefore > 0 && this.#fault?.kind === 'S' && this.#fault.errno === 'EIO') {
        this.#problems.push('an acknowledgement after a failed sync');
      }
    } catch (error) {
      this.#typed('flush', error);
      if (isTablecastError(error) && !error.retryable) this.#poisoned = true;
    }
  }

  /** The disk has space again: the node goes on by itself. */
  async #recover(node: TableNode): Promise<void> {
    const said = (code: NodeEvent['code']) => this.#events.some((event) => event.code === code);
    arm(undefined);
    const told = said('backend-failed');
    if (told && !said('backend-recovered')) {
      const recovered = node.events.pipe(
        filter(({ code }) => code === 'backend-recovered'),
        timeout(RECOVERY_MS),
      );
      await firstValueFrom(recovered).catch((error: unknown) =>
        this.#problems.push(`no recovery: ${String(error)}`),
      );
    }
    this.#recovered = told;
    const before = this.#problems.length;
    this.#step(node, this.#table(node), STEPS + 1);
    await this.#flush(node);
    // A sync that failed between commits, while sealing or trimming, ends the store for good at the next one.
    const ended = this.#poisoned && this.#fault?.kind === 'S';
    if (this.#acknowledged.at(-1) !== STEPS + 1 && !ended && this.#problems.length === before) {
      this.#problems.push('no write although the disk has space again');
    }
  }

  async #readLog(node: TableNode): Promise<void> {
    const operations = node.log
      .operations({ until: node.log.position })
      .pipe(toArray(), timeout(RECOVERY_MS));
    const read = await firstValueFrom(operations).catch((error: unknown) =>
      this.#typed('reading the log', error),
    );
    if (read === undefined) return;
    const values = new Set(
      read.filter(({ key }) => String(key).startsWith('k')).map(({ value }) => Number(value)),
    );
    const missing = this.#acknowledged.filter((step) => !values.has(step));
    // What was trimmed is the beginning, and not more than is to go.
    const isBeginning = missing.every((step, index) => step === this.#acknowledged[index]);
    const kept = read.length >= Math.min(KEPT_OPERATIONS, node.log.position - (read[0]?.position ?? 1));
    if (!isBeginning || (missing.length > 0 && !kept))
      this.#problems.push(`steps ${missing.join(' ')} cannot be read back`);
  }

  /** What is there after a restart: everything acknowledged, and of the rest a whole beginning. */
  async #inspect(): Promise<void> {
    const node = await this.#open();
    if (node === undefined) return void this.#problems.push('does not open again');
    const table = this.#table(node);
    const there = this.#written.filter((step) => table.get(`k${step}`) === step);
    for (const step of this.#acknowledged)
      if (!there.includes(step)) this.#problems.push(`acknowledged step ${step} is lost`);
    const beginning = this.#written.slice(0, there.length);
    if (there.some((step, index) => step !== beginning[index]))
      this.#problems.push(`steps ${there.join(' ')} are there`);
    for (const step of this.#written.filter((each) => each % 4 === 0)) {
      if (table.has(`k${step}`) !== table.has(`twin${step}`)) this.#problems.push(`half of batch ${step}`);
    }
    const whole = this.#acknowledged.includes(STEPS) ? 100 : table.size;
    if ([...table.keys()].filter((key) => key.startsWith('burst')).length > whole)
      this.#problems.push('too many rows');
    await node.close();
  }
}
