import type { OperationLog } from '../log/keeping/operation-log.ts';
import type { BackendName } from '../schema/schema.ts';
import type { Flushes } from '../replication/reach/flushes.ts';
import { type FlushOptions, checkFlush } from './flush-options.ts';
import { peerRulesOf } from './node-parts.ts';
import type { NodeOptions } from './options.ts';
import { closed } from './refusals.ts';

/** The parts are what a node's writes are waited for with. */
export interface FlushingParts {
  readonly options: NodeOptions;
  readonly log: OperationLog;
  readonly flushes: Flushes;
  /** Says whether others may connect. */
  readonly carriage: { readonly listens: boolean };
  readonly node: { readonly tables: ReadonlyMap<string, unknown> };
  isClosed(): boolean;
}

/** Waits for what was written: in this node's stores, and at its peers. */
export class Flushing {
  readonly #parts: FlushingParts;

  constructor(parts: FlushingParts) {
    this.#parts = parts;
  }

  /** Does what `flush` of a node does. */
  async all(options?: FlushOptions): Promise<void> {
    const { log, flushes } = this.#parts;
    if (this.#parts.isClosed()) throw closed();
    const awaited = options === undefined ? undefined : this.#awaited(options);
    if (awaited === undefined) return log.flush();
    log.seal();
    await flushes.waitBeside(log.flush(), awaited);
  }

  /** Waits for the store of a table, and for no other. */
  async one(store: BackendName): Promise<void> {
    if (this.#parts.isClosed()) throw closed();
    await this.#parts.log.flush([store]);
  }

  #awaited(options: FlushOptions): ReturnType<typeof checkFlush> {
    const { carriage, node, options: given } = this.#parts;
    const { peers, maxPeers } = peerRulesOf({ limits: given.limits, peers: given.peers, nats: given.nats });
    return checkFlush(options, {
      configured: peers.length,
      listens: carriage.listens,
      most: maxPeers,
      has: (table) => node.tables.has(table),
    });
  }
}
