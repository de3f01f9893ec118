import type { Environment } from '../environment.ts';
import { TablecastError } from '../errors.ts';
import type { NodeEvent } from '../events.ts';
import type { Recovery } from '../log/backend.ts';
import type { OperationLog } from '../log/keeping/operation-log.ts';
import type { SegmentStore } from '../log/keeping/segment-store.ts';
import { type Origins, newEpoch } from '../log/operations/origin.ts';
import type { Wall } from '../log/operations/wall-clock.ts';
import { KeyNames } from '../log/runs/key-names.ts';
import type { LogKeeper } from '../log/trimming/log-keeper.ts';
import { Checkpointer } from '../projection/checkpoints/checkpointer.ts';
import type { Projection } from '../projection/projection.ts';
import {
  keptEpoch,
  nodeFact,
  readFacts,
  rebuild,
  startsFact,
  startsWith,
  tableFact,
} from '../projection/replay/recovery.ts';
import { Starts } from '../projection/replay/starts.ts';
import { type Schema, compileSchema } from '../schema/index.ts';
import { checkpointedLog, keeperOf } from './log-keeping.ts';
import type { NodeOptions } from './options.ts';
import { requireOwner } from './refusals.ts';
import { epochEvent, recoveryEvents } from './store-events.ts';

/** The parts of its node that a durable log is opened with. */
export interface DurableParts {
  readonly options: NodeOptions;
  readonly environment: Environment;
  readonly wall: Wall;
  readonly origins: Origins;
  readonly log: OperationLog;
  /** Names this life of the process. */
  readonly life: string;
  /** Every table there are rows of, of all stores. */
  readonly known: ReadonlyMap<string, Projection>;
  readonly checkpointAfter: number | undefined;
  /** Takes in a table that the store has rows of. */
  recoverTable(schema: Schema): void;
  report(event: NodeEvent): void;
}

/** One durable store of a node, recovered, and who looks after its checkpoints and its old part. */
export class DurableLog {
  readonly recovery: Recovery;
  /** The epoch in which this node writes the store's tables. */
  readonly epoch: number;
  #starts: Starts;
  readonly #life: string;
  readonly #store: SegmentStore;
  readonly #keeper: LogKeeper;
  readonly #checkpointer: Checkpointer;

  private constructor(
    store: SegmentStore,
    parts: DurableParts,
    found: { readonly recovery: Recovery; readonly epoch: number; readonly starts: Starts },
  ) {
    const { options, environment, wall, origins, log, known, checkpointAfter } = parts;
    this.recovery = found.recovery;
    this.epoch = found.epoch;
    this.#starts = found.starts;
    this.#life = parts.life;
    this.#store = store;
    this.#keeper = keeperOf(store, found.recovery, {
      environment,
      wall,
      retention: options.retention,
      projections: known,
      origins,
      minTrim: checkpointAfter,
    });
    this.#checkpointer = new Checkpointer(store.backend, origins, {
      environment,
      log: checkpointedLog(log, store),
      minTail: checkpointAfter,
      keeper: this.#keeper,
    });
  }

  /**
   * Opens a store and rebuilds the rows of its tables. Throws `BACKEND_FOREIGN` for the log of another node,
   * `DECLARATION_DIFFERS` when another store has one of its tables, and what the backend throws.
   */
  static async open(store: SegmentStore, parts: DurableParts): Promise<DurableLog> {
    const { options, environment, origins, log } = parts;
    const recovery = await store.open();
    for (const event of recoveryEvents(recovery)) parts.report(event);
    const { node, schemas, starts: before } = readFacts(recovery);
    requireOwner(node?.id, options, store.name);
    for (const schema of schemas) parts.recoverTable(keptIn(store.name, schema, parts.known));
    const projections = new Map([...parts.known].filter(([, { store: name }]) => name === store.name));
    await rebuild(store, recovery, { projections, origins });
    const covered = recovery.checkpoints.map(({ position }) => position);
    const position = Math.max(recovery.lastPosition, ...covered);
    log.startAt(Math.max(log.position, position));
    const kept = keptEpoch(node, recovery);
    const epoch = kept ?? newEpoch(environment.now(), environment.random(), node?.epoch ?? 0);
    const starts = startsWith(before, { life: parts.life, epoch, position }, recovery);
    const facts = new Map([...nodeFact({ id: options.id, epoch }), ...startsFact(starts)]);
    await store.backend.commit({ segments: [], facts });
    const durable = new DurableLog(store, parts, { recovery, epoch, starts });
    durable.#watch(projections.values());
    if (kept === undefined && node !== undefined) parts.report(epochEvent(epoch, node.copiedAt));
    return durable;
  }

  #watch(projections: Iterable<Projection>): void {
    for (const projection of projections) {
      const checkpoint = this.recovery.checkpoints.find(({ table }) => table === projection.schema.name);
      this.#checkpointer.watch(projection, checkpoint?.position ?? 0);
    }
    this.#checkpointer.start();
  }

  /** The names that its trimmed part is read with. */
  get names(): KeyNames | undefined {
    return this.#keeper.names;
  }

  /** The starts of the node that the store remembers, with the present one. */
  get starts(): Starts {
    return this.#starts;
  }

  /** The node goes on under a new epoch, because a peer knows what this store has lost: nobody knows how much more. */
  beginLife(id: string, epoch: number): void {
    this.#starts = new Starts([{ life: this.#life, epoch, position: this.#store.appended }]);
    this.#store.remember(new Map([...nodeFact({ id, epoch }), ...startsFact(this.#starts)]));
  }

  /** Remembers a new table, before its first operation: a log whose tables are not known cannot be replayed. */
  remember(projection: Projection): void {
    this.#checkpointer.watch(projection, 0);
    this.#store.remember(tableFact(projection.schema));
  }

  /** Ends its background work. */
  async stop(): Promise<void> {
    await this.#checkpointer.stop();
  }
}

/** A table is kept where its log is, whatever that store was called when the table was declared. */
function keptIn(store: string, schema: Schema, known: ReadonlyMap<string, Projection>): Schema {
  const other = known.get(schema.name)?.store;
  if (other !== undefined) {
    throw new TablecastError(
      'DECLARATION_DIFFERS',
      `Table ${schema.name} has a log in backend ${other} and another in backend ${store}.`,
      {
        hint: 'Open the node with one of them only; the other log goes on without this table.',
        details: { table: schema.name, before: other, now: store },
      },
    );
  }
  if (schema.backend === store) return schema;
  return compileSchema(schema.name, { ...schema.declaration, backend: store });
}

/** Returns the names that the trimmed parts of all logs are read with; undefined where there are none. */
export function namesOf(logs: Iterable<DurableLog>): KeyNames | undefined {
  const [first, ...others] = Array.from(logs, ({ names }) => names);
  return others.length === 0 ? first : new KeyNames(first, ...others);
}
