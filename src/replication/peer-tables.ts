import { TablecastError } from '../errors.ts';
import { compareEpochs } from '../log/epoch.ts';
import type { RunReference } from '../log/segment-store.ts';
import type { PeerTable } from './peer-state.ts';
import type { Held, Replica, ReplicaTable } from './replica.ts';
import type { TableState } from './wire.ts';

/** Most tables remembered of one peer, shared or not. */
const MAX_ANNOUNCED = 4096;

/** What is known of one table both sides declare alike. */
export interface SharedTable {
  readonly name: string;
  /** Per origin, the highest sequence the peer holds or was sent. */
  readonly has: Map<string, number>;
  /** The peer was told that it has everything that was here when it came. */
  levelSent: boolean;
  /** The peer said the same of its side. */
  levelReceived: boolean;
  needsCheckpoint: boolean;
}

/** Why a table is not shared although both sides declare it. */
export interface RefusedTable {
  readonly name: string;
  readonly message: string;
  readonly here: unknown;
  readonly there: unknown;
}

const NEVER_SWITCHED = { counter: 0, origin: '' };

/** How a run fares on its way to a peer. */
export type Need = 'send' | 'skip' | 'gap';

/** Whether a peer may lack rows of lives whose operations are not passed on any more: it knows no life of their node. */
function lacksForgotten(table: ReplicaTable, has: ReadonlyMap<string, number>): boolean {
  if (table.forgottenNodes.length === 0) return false;
  const known = new Set(Array.from(has.keys(), (origin) => origin.slice(0, origin.lastIndexOf('@'))));
  return table.forgottenNodes.some((nodeId) => !known.has(nodeId));
}

/** A new peer with nothing gets a checkpoint when that is fewer entries than the operations. */
function cheaperAsCheckpoint(table: ReplicaTable, has: ReadonlyMap<string, number>): boolean {
  if (has.size > 0) return false;
  const operations = table.vector().reduce((sum, [, sequence]) => sum + sequence, 0);
  return operations > table.rows * 2 + 1024;
}

/** What one peer declares, holds and wants: pure bookkeeping, no I/O. */
export class PeerTables {
  readonly #replica: Replica;
  readonly shared = new Map<string, SharedTable>();
  /** Declared by the peer, whether or not this node declares it, in case it does later. */
  readonly #announced = new Map<string, TableState>();
  #announcements: readonly PeerTable[] = [];
  /** `table\norigin` of what the peer gets from its author directly. */
  #direct = new Set<string>();

  constructor(replica: Replica) {
    this.#replica = replica;
  }

  /** What the peer declares, in the order in which it said so. */
  get announcements(): readonly PeerTable[] {
    return this.#announcements;
  }

  /** Takes in what the peer says of its tables; returns those that cannot be shared. */
  announce(states: readonly TableState[]): RefusedTable[] {
    for (const state of states) this.#announced.set(state.name, state);
    if (this.#announced.size > MAX_ANNOUNCED) {
      throw new TablecastError('LIMIT_EXCEEDED', `A peer declared more than ${MAX_ANNOUNCED} tables.`, {
        hint: 'Use fewer tables with composite keys.',
      });
    }
    this.#announcements = Array.from(this.#announced.values(), ({ name, declaration, mode }) => {
      return { name, declaration, mode };
    });
    return states.flatMap((state) => this.match(state.name));
  }

  /** Compares one table's declarations, if both sides have one. */
  match(name: string): RefusedTable[] {
    const state = this.#announced.get(name);
    const table = this.#replica.table(name);
    if (state === undefined || table === undefined) return [];
    const order = compareEpochs(table.epoch, state.epoch ?? NEVER_SWITCHED);
    // Nodes that switched at different times come together; only what was declared must agree.
    const apart = order === 0 && state.mode !== table.mode;
    if (state.fingerprint !== table.fingerprint || apart) {
      this.shared.delete(name);
      return [
        { name, here: table.declaration, there: state.declaration, message: difference(name, table, state) },
      ];
    }
    const has = new Map(state.held);
    const before = this.shared.get(name);
    this.shared.set(name, {
      name,
      has,
      levelSent: false,
      levelReceived: before?.levelReceived ?? false,
      needsCheckpoint: order > 0 || lacksForgotten(table, has) || cheaperAsCheckpoint(table, has),
    });
    return [];
  }

  /** The first position of a store's log that the peer may lack. */
  startOf(table: SharedTable, fallback: number): number {
    const local = this.#replica.table(table.name);
    if (local === undefined) return fallback;
    let start = fallback;
    for (const [origin, sequence] of local.vector()) {
      const has = table.has.get(origin) ?? 0;
      if (has < sequence && !this.#direct.has(`${table.name}\n${origin}`)) {
        start = Math.min(start, local.positionOf(origin, has + 1));
      }
    }
    return start;
  }

  /** What to do with a run of this node's log; `send` counts it as sent. */
  take(run: RunReference): Need {
    const table = this.shared.get(run.table);
    if (table === undefined || this.#direct.has(`${run.table}\n${run.origin}`)) return 'skip';
    const has = table.has.get(run.origin) ?? 0;
    const last = run.firstSequence + run.count - 1;
    // What is no longer held of an origin stands in the log of a life that was forgotten.
    if (last <= has || this.#replica.table(run.table)?.held(run.origin) === 0) return 'skip';
    if (run.firstSequence > has + 1) return 'gap';
    table.has.set(run.origin, last);
    return 'send';
  }

  /** The peer sent a run, so it has it; false when its table is not shared, so that it is not taken. */
  received(run: RunReference): boolean {
    const table = this.shared.get(run.table);
    if (table === undefined) return false;
    const last = run.firstSequence + run.count - 1;
    if ((table.has.get(run.origin) ?? 0) < last) table.has.set(run.origin, last);
    return true;
  }

  /** The peer's checkpoint of a table says what it holds. */
  holds(name: string, held: Held): void {
    const table = this.shared.get(name);
    for (const [origin, sequence] of held) {
      if (table !== undefined && (table.has.get(origin) ?? 0) < sequence) table.has.set(origin, sequence);
    }
  }

  /** Whether the peer lacks anything this node holds of a table. */
  behind(table: SharedTable): boolean {
    const held = this.#replica.table(table.name)?.vector() ?? [];
    return held.some(([origin, sequence]) => {
      return (table.has.get(origin) ?? 0) < sequence && !this.#direct.has(`${table.name}\n${origin}`);
    });
  }

  /** Takes in which origins the peer gets directly; returns tables that have to be looked through again. */
  setDirect(
    direct: readonly (readonly [string, readonly string[]])[],
    have: readonly (readonly [string, string, number])[],
  ): string[] {
    this.#direct = new Set(direct.flatMap(([origin, names]) => names.map((name) => `${name}\n${origin}`)));
    const again = new Set<string>();
    for (const [name, origin, sequence] of have) {
      const table = this.shared.get(name);
      // What is not held here cannot be sent either, and need not be remembered.
      if (table === undefined || (this.#replica.table(name)?.held(origin) ?? 0) === 0) continue;
      if (sequence === 0) table.has.delete(origin);
      else table.has.set(origin, sequence);
      again.add(name);
    }
    return [...again];
  }
}

function difference(name: string, table: ReplicaTable, state: TableState): string {
  const here = JSON.stringify(table.declaration);
  const there = JSON.stringify(state.declaration)?.slice(0, 2048);
  return `Table ${name} is not replicated with this peer: declared here as ${here}, there as ${there}.`;
}
