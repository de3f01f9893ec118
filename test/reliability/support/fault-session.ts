import { filter, firstValueFrom, timeout, toArray } from 'rxjs';
import {
  type NodeEvent,
  type TableNode,
  type TableOf,
  isTablecastError,
  openNode,
} from '../../../src/index.ts';
import { type Fault, arm, callsFailed } from './disk-shim.ts';

const STEPS = 14;
/** Enough operations that closing writes a checkpoint. */
const BURST = 4200;
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
    return openNode({ id: 'node', directory: this.#directory }).catch((error: unknown) =>
      this.#typed('open', error),
    );
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
    if (this.#acknowledged.at(-1) !== STEPS + 1 && this.#problems.length === before) {
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
    const values = new Set(read.map(({ value }) => Number(value)));
    for (const step of this.#acknowledged)
      if (!values.has(step)) this.#problems.push(`step ${step} cannot be read back`);
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
