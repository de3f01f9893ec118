import { openSegmentBytes } from '../../src/log/keeping/segment-store.ts';
import { type RunHeader, readRunHeader } from '../../src/log/runs/run.ts';
import { decodeMessage } from '../../src/replication/wire/wire.ts';
import type { Delivery } from '../support/simulated-network.ts';
import { vectorOfHeader } from './held-on-disk.ts';
import type { Ground } from './ground.ts';

type CheckpointMessage = Extract<ReturnType<typeof decodeMessage>, { type: 'checkpoint' }>;

/** Looks at every frame that arrives: what is told, and whether it may be told yet. */
export class Traffic {
  readonly #ground: Ground;
  readonly #epochs = new Map<string, string>();
  /** Per path and table, the version vector of the checkpoint that is on its way. */
  readonly #headers = new Map<string, readonly (readonly [origin: string, sequence: number])[]>();

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  delivered({ from, to, frame }: Delivery): void {
    this.#ground.trace.update(`${this.#ground.cluster.time.now} ${from} ${to} `);
    this.#ground.trace.update(frame);
    const message = decodeMessage(frame);
    if (message.type === 'runs') for (const bytes of message.runs) this.#noteRun(readRunHeader(bytes));
    // What is trimmed at once cannot be looked for.
    if (message.type === 'runs' && !this.#ground.around.trims) this.#checkDurable(from, message.runs);
    if (message.type !== 'checkpoint') return;
    this.#noteCovered(`${from} ${to} ${message.table}`, message);
    if (!message.last) return;
    const member = this.#ground.cluster.members.find(({ id }) => to === `ws://${id}`);
    if (member === undefined) return;
    const past = this.#ground.pastOf(member);
    past.adopted.add(message.table);
    const witness = past.witness?.tables.get(message.table);
    if (witness !== undefined) witness.adopted = true;
  }

  /** Notes what a checkpoint covers when all of it is there. */
  #noteCovered(path: string, { table, index, last, chunk }: CheckpointMessage): void {
    if (index === 0) this.#headers.set(path, vectorOfHeader([chunk]));
    if (last) this.#ground.ledger.sumUp(table, this.#headers.get(path) ?? []);
  }

  /** Nobody is told of a durable operation that is not on the teller's disk. */
  #checkDurable(from: string, runs: readonly Uint8Array[]): void {
    const member = this.#ground.cluster.members.find(({ id }) => from === `ws://${id}`);
    if (member === undefined) return;
    const past = this.#ground.pastOf(member);
    for (const segment of member.disk.segments.slice(past.disk.read)) {
      for (const { table, origin, firstSequence, count } of openSegmentBytes(segment).runs)
        past.disk.held.set(`${table} ${origin}`, firstSequence + count - 1);
    }
    past.disk.read = member.disk.segments.length;
    for (const { table, origin, firstSequence, count } of runs.map((bytes) => readRunHeader(bytes))) {
      const held = past.disk.held.get(`${table} ${origin}`) ?? 0;
      const durable = this.#ground.world.options.tables[table]?.declaration.backend === 'sqlite';
      // What was on disk when it was sent may be lost by the time it arrives.
      const lost = this.#ground.lossy.has(member.id);
      if (!durable || lost || past.adopted.has(table) || held >= firstSequence + count - 1) continue;
      this.#ground.around.fail(
        new Error(`${member.id} told ${table} ${origin} ${firstSequence} before it was on disk`),
      );
    }
  }

  #noteRun({ table, origin, firstSequence, count, epoch }: RunHeader): void {
    this.#ground.ledger.send(table, origin, firstSequence + count - 1);
    if (epoch === undefined) return;
    const name = `${table} ${epoch.counter}`;
    const known = this.#epochs.get(name);
    if (known === undefined) this.#epochs.set(name, epoch.origin);
    else if (known !== epoch.origin) this.#ground.around.count('two switches at once');
  }
}
