import { EVERYTHING, type Grant } from '../../access/grant.ts';
import { TablecastError } from '../../errors.ts';
import { type Epoch, compareEpochs } from '../../log/operations/epoch.ts';
import type { BackendName } from '../../schema/schema.ts';
import { isProxyOf } from '../../log/operations/proxy.ts';
import type { RunReference } from '../../log/keeping/segment-store.ts';
import {
  type Announced,
  type RefusedTable,
  type Takes,
  announcedOf,
  declarationOf,
  difference,
  refusedTable,
} from './announced.ts';
import { DirectOrigins } from './direct-origins.ts';
import { ForgottenTables } from './forgotten-tables.ts';
import type { PeerTable } from './peer-state.ts';
import type { Held, Replica, ReplicaTable } from '../replica.ts';
import type { TableState } from '../wire/bodies.ts';

/** Most tables remembered of one peer, shared or not. */
const MAX_ANNOUNCED = 4096;

/** A shared table is what is known of one that both sides declare alike. */
export interface SharedTable {
  readonly name: string;
  readonly store: BackendName;
  /** Per origin, the highest sequence the peer holds or was sent. */
  readonly has: Map<string, number>;
  /** The peer was told that it has everything that was here when it came. */
  levelSent: boolean;
  /** The peer said the same of its side. */
  levelReceived: boolean;
  /** Holds what it was known to have before it said anew what it holds: to send that again costs it. */
  readonly sent: ReadonlyMap<string, number> | undefined;
  /** The switch of mode under which it was sent a checkpoint: another one of the same costs it. */
  checkpointed: Epoch | undefined;
  needsCheckpoint: boolean;
  /** Says whether the peer may write it here. */
  readonly writable: boolean;
  /** Says what the peer takes of it from this node. */
  readonly takes: Takes;
  /** Lists whose operations the peer does not take; an empty text stands for the table's checkpoint. */
  readonly heldBack: ReadonlySet<string>;
}

/** Something one side may not do with a table. */
export interface Denial {
  /** `read`, `write` and `origin` are this node's rules; `taken` says that the peer does not take something. */
  readonly right: 'read' | 'write' | 'origin' | 'taken';
  readonly table: string;
  readonly origin?: string | undefined;
}

/** Most lives of which is remembered what a peer holds of a table, beside those that this node holds. */
const MAX_LIVES_OF_PEER = 16_384;
/** Most denials told of one peer. */
const MAX_DENIALS = 4096;
/** Most origins of one peer that are remembered as its own or not. */
const MAX_JUDGED = 1024;

const NEVER_SWITCHED = { counter: 0, origin: '' };

/** Returns whether a peer has not made the switch of a table's mode that is in force here, as far as it said. */
export function isBehindSwitch({ epoch }: Pick<ReplicaTable, 'epoch'>, said: Announced | undefined): boolean {
  return compareEpochs(epoch, said?.epoch ?? NEVER_SWITCHED) > 0;
}

/** Says why a table cannot go over to a peer's later switch; undefined when it can. */
function cannotFollow(table: ReplicaTable, { mode, epoch }: Announced): string | undefined {
  if (epoch === undefined || table.canFollow(epoch)) return table.unavailable(mode);
  return `it claims switch ${epoch.counter}, and this node knows of ${table.epoch.counter}: more than it can have missed.`;
}

/** A need says how a run fares on its way to a peer. */
export type Need = 'send' | 'skip' | 'gap';

/**
 * Returns whether a peer may lack rows of lives whose operations are not passed on any more: it knows no life
 * of their node.
 */
function lacksForgotten(table: ReplicaTable, has: ReadonlyMap<string, number>): boolean {
  if (table.forgottenNodes.length === 0) return false;
  const known = new Set(Array.from(has.keys(), (origin) => origin.slice(0, origin.lastIndexOf('@'))));
  return table.forgottenNodes.some((nodeId) => !known.has(nodeId));
}

/** Notes what a peer sent; of more lives than it may name when it greets, only that it holds those known already. */
function noteHeld({ has }: SharedTable, origin: string, sequence: number): void {
  const known = has.get(origin);
  if (known === undefined ? has.size < MAX_LIVES_OF_PEER : known < sequence) has.set(origin, sequence);
}

/** Per origin the most that a peer was ever known to have. */
function sentBefore({ has, sent }: SharedTable): ReadonlyMap<string, number> {
  if (sent === undefined) return has;
  const most = new Map(sent);
  for (const [origin, sequence] of has) most.set(origin, Math.max(sequence, most.get(origin) ?? 0));
  return most;
}

/** Lists whose operations are not to be sent, of those that a peer says it holds back. */
function heldBackOf(said: TableState['heldBack'] = []): ReadonlySet<string> {
  return new Set(said.flatMap(({ origin, asked, from }) => (asked || from !== undefined ? [] : origin)));
}

/** A new peer with nothing gets a checkpoint when that is fewer entries than the operations. */
function cheaperAsCheckpoint(table: ReplicaTable, has: ReadonlyMap<string, number>): boolean {
  if (has.size > 0) return false;
  const operations = table.vector().reduce((sum, [, sequence]) => sum + sequence, 0);
  return operations > table.rows * 2 + 1024;
}

/** A peer's tables are what it declares, holds and wants: pure bookkeeping, no I/O. */
export class PeerTables {
  readonly #replica: Replica;
  readonly #denied: (denial: Denial) => void;
  readonly #told = new Set<string>();
  /** Says whether an origin is one of the peer's own, or (with a mark before it) of this node's. */
  readonly #judged = new Map<string, boolean>();
  readonly shared = new Map<string, SharedTable>();
  /** Answers what the peer may do; set before it is believed anything. */
  grant: Grant = EVERYTHING;
  /** Id of the peer's node. */
  peer = '';
  /** Tables of which the peer lacks what it wrote itself. */
  readonly forgotten: ForgottenTables = new ForgottenTables();
  /** Declared by the peer, whether or not this node declares it, in case it does later. */
  readonly #announced = new Map<string, Announced>();
  /** As users see them; undefined when something was said since they were asked for last. */
  #announcements: readonly PeerTable[] | undefined;
  #announcedBytes = 0;
  /** Changes whenever a table is shared that was not, or the other way round. */
  sharing = 0;
  readonly #direct = new DirectOrigins();

  /** `denied` is told once per table and right. */
  constructor(replica: Replica, denied: (denial: Denial) => void = () => undefined) {
    this.#replica = replica;
    this.#denied = denied;
  }

  /** Learns who the peer is, by its greeting. */
  meet({ node, origins }: { readonly node: string; readonly origins: readonly string[] }): void {
    this.peer = node;
    this.forgotten.meet(origins);
  }

  /** Says what this node takes of a table from the peer. */
  takesOf(name: string): Takes {
    if (!this.grant.mayWrite(name)) return 'nothing';
    return this.grant.relays ? 'everything' : 'own';
  }

  /** Lists what the peer declares, in the order in which it said so. */
  get announcements(): readonly PeerTable[] {
    this.#announcements ??= Array.from(this.#announced.values(), (state) => ({
      name: state.name,
      mode: state.mode,
      get declaration() {
        return declarationOf(state);
      },
    }));
    return this.#announcements;
  }

  /** Estimates from above what is kept of what the peer said of its tables, in bytes. */
  get keptBytes(): number {
    return this.#announcedBytes + this.#direct.bytes;
  }

  /** Takes in what the peer says of one table; returns it when it cannot be shared. Throws `LIMIT_EXCEEDED` for one too many. */
  learn(state: TableState): RefusedTable[] {
    const announced = announcedOf(state);
    this.#announcedBytes += announced.bytes - (this.#announced.get(state.name)?.bytes ?? 0);
    this.#announced.set(state.name, announced);
    this.#announcements = undefined;
    if (this.#announced.size > MAX_ANNOUNCED) {
      throw new TablecastError('LIMIT_EXCEEDED', `A peer declared more than ${MAX_ANNOUNCED} tables.`, {
        hint: 'Use fewer tables with composite keys.',
        details: { limit: MAX_ANNOUNCED },
      });
    }
    return this.match(state.name, true);
  }

  /** Returns what the peer said of a table last. */
  stateOf(name: string): Announced | undefined {
    return this.#announced.get(name);
  }

  /** Compares one table's declarations, if both sides have one; `said` when the peer has just said anew what it holds. */
  match(name: string, said = false): RefusedTable[] {
    const state = this.#announced.get(name);
    const table = this.#replica.table(name);
    if (state === undefined || table === undefined) return [];
    if (!this.grant.mayRead(name)) {
      this.deny({ right: 'read', table: name });
      return [];
    }
    const order = compareEpochs(table.epoch, state.epoch ?? NEVER_SWITCHED);
    // Nodes that switched at different times come together; only what was declared must agree.
    const apart = order === 0 && state.mode !== table.mode;
    if (state.fingerprint !== table.fingerprint || apart) {
      this.unshare(name);
      const { counter, origin } = table.epoch;
      const isTwice = apart && counter > 0 && state.fingerprint === table.fingerprint;
      return [
        { ...refusedTable(table, state, difference(table, state)), ...(isTwice && { parted: origin }) },
      ];
    }
    const reason = order < 0 ? cannotFollow(table, state) : undefined;
    if (reason !== undefined) {
      this.unshare(name);
      const message = `Table ${name} is not replicated with this peer, where its mode was switched: ${reason}`;
      return [refusedTable(table, state, message)];
    }
    const has = new Map(state.held);
    const before = this.shared.get(name);
    if (before === undefined) this.sharing++;
    const takes = state.takes ?? 'everything';
    const heldBack = heldBackOf(state.heldBack);
    const due =
      order > 0 || state.checkpoint === true || lacksForgotten(table, has) || cheaperAsCheckpoint(table, has);
    this.shared.set(name, {
      name,
      store: table.store,
      has,
      levelSent: false,
      levelReceived: before?.levelReceived ?? false,
      sent: said && before !== undefined ? sentBefore(before) : undefined,
      checkpointed: before?.checkpointed,
      needsCheckpoint: due && takes === 'everything' && !heldBack.has(''),
      writable: this.grant.mayWrite(name),
      takes,
      heldBack,
    });
    if (takes === 'nothing') this.#sayWithheld(table, has);
    return [];
  }

  /** Says that what this node wrote before it met the peer gets nowhere either. */
  #sayWithheld(table: ReplicaTable, has: ReadonlyMap<string, number>): void {
    const lacks = table.vector().some(([origin, sequence]) => {
      return (has.get(origin) ?? 0) < sequence && this.#isOf(this.#replica.nodeId, origin, '<');
    });
    if (lacks) this.deny({ right: 'taken', table: table.name });
  }

  /** A table is not shared any more. */
  unshare(name: string): void {
    if (this.shared.delete(name)) this.sharing++;
  }

  /** Returns whether the peer was sent a run before, and asked for it again. */
  wasSent({ table, origin, firstSequence }: RunReference): boolean {
    return (this.shared.get(table)?.sent?.get(origin) ?? 0) >= firstSequence;
  }

  /** A checkpoint is needed to bring the peer what it lacks; one that takes none goes without. */
  needCheckpoint(table: SharedTable): void {
    if (table.heldBack.has('')) return;
    if (table.takes === 'everything') table.needsCheckpoint = true;
    else this.deny({ right: 'taken', table: table.name });
  }

  deny(denial: Denial): void {
    const name = `${denial.right} ${denial.table}`;
    if (this.#told.has(name) || this.#told.size >= MAX_DENIALS) return;
    this.#told.add(name);
    this.#denied(denial);
  }

  /** Returns whether an origin is a life of a node, or of one it writes for. */
  #isOf(nodeId: string, origin: string, mark: string): boolean {
    const known = this.#judged.get(mark + origin);
    if (known !== undefined) return known;
    const author = origin.slice(0, Math.max(0, origin.lastIndexOf('@')));
    const isOf = author === nodeId || isProxyOf(nodeId, author);
    if (this.#judged.size >= MAX_JUDGED) this.#judged.clear();
    this.#judged.set(mark + origin, isOf);
    return isOf;
  }

  /** Returns whether the peer writes as an origin. */
  wrote(origin: string): boolean {
    return this.#isOf(this.peer, origin, '>');
  }

  /** Returns whether the peer takes operations of an origin from this node. */
  #isTaken(table: SharedTable, origin: string): boolean {
    if (table.heldBack.size > 0 && table.heldBack.has(origin)) return false;
    if (table.takes === 'everything') return true;
    return table.takes === 'own' && this.#isOf(this.#replica.nodeId, origin, '<');
  }

  /** The first position of a store's log that the peer may lack. */
  startOf(table: SharedTable, fallback: number): number {
    const local = this.#replica.table(table.name);
    if (local === undefined) return fallback;
    let start = fallback;
    for (const [origin, sequence] of local.vector()) {
      const has = table.has.get(origin) ?? 0;
      if (!this.#isTaken(table, origin)) continue;
      if (has < sequence && !this.#direct.has(table.name, origin)) {
        start = Math.min(start, local.positionOf(origin, has + 1));
      }
    }
    return start;
  }

  /** Says what to do with a run of this node's log; `send` counts it as sent. */
  take(run: RunReference): Need {
    const table = this.shared.get(run.table);
    if (table === undefined || this.#direct.has(run.table, run.origin)) return 'skip';
    const has = table.has.get(run.origin) ?? 0;
    const last = run.firstSequence + run.count - 1;
    // Operations of an origin that are no longer held stand in the log of a life that was forgotten.
    if (last <= has || this.#replica.held(run.table, run.origin) === 0) return 'skip';
    if (table.heldBack.size > 0 && table.heldBack.has(run.origin)) return 'skip';
    if (table.takes !== 'everything' && !this.#isTaken(table, run.origin)) return this.#withhold(table, run);
    if (run.firstSequence > has + 1) return 'gap';
    this.forgotten.note(table, run.origin, last);
    table.has.set(run.origin, last);
    return 'send';
  }

  #withhold(table: SharedTable, run: RunReference): Need {
    // Others' operations need not come from this node; its own get nowhere.
    if (this.#isOf(this.#replica.nodeId, run.origin, '<')) this.deny({ right: 'taken', table: table.name });
    return 'skip';
  }

  /** Returns whether the peer's word counts for what an origin wrote in a table: it could bring those operations. */
  mayBring(name: string, origin: string): boolean {
    if (!this.grant.mayWrite(name)) return false;
    return this.grant.relays || this.#isOf(this.peer, origin, '>');
  }

  /** The same for all origins. */
  mayBringAll(name: string): boolean {
    return this.grant.mayWrite(name) && this.grant.relays;
  }

  /** The peer sent a run, so it has it; false when it is not taken: its table is not shared, or it may not bring it. */
  received(run: RunReference): boolean {
    const table = this.shared.get(run.table);
    if (table === undefined) return false;
    if (!table.writable) {
      this.deny({ right: 'write', table: run.table, origin: run.origin });
      return false;
    }
    if (!this.mayBring(run.table, run.origin)) {
      this.deny({ right: 'origin', table: run.table, origin: run.origin });
      return false;
    }
    noteHeld(table, run.origin, run.firstSequence + run.count - 1);
    return true;
  }

  /** The peer's checkpoint of a table says what it holds. */
  holds(name: string, held: Held): void {
    const table = this.shared.get(name);
    if (table !== undefined) for (const [origin, sequence] of held) noteHeld(table, origin, sequence);
  }

  /** Returns whether the peer lacks anything this node holds of a table, or held at some time. */
  behind(table: SharedTable, held: Held = this.#replica.table(table.name)?.vector() ?? []): boolean {
    return held.some(([origin, sequence]) => {
      if ((table.has.get(origin) ?? 0) >= sequence || !this.#isTaken(table, origin)) return false;
      return !this.#direct.has(table.name, origin);
    });
  }

  /** Takes in which origins the peer gets directly; returns tables that have to be looked through again. */
  setDirect(
    direct: readonly (readonly [string, readonly string[]])[],
    have: readonly (readonly [string, string, number])[],
  ): string[] {
    this.#direct.set(direct);
    const again = new Set<string>();
    const locals = new Map<string, ReplicaTable | undefined>();
    for (const [name, origin, sequence] of have) {
      const table = this.shared.get(name);
      if (table === undefined) continue;
      if (!locals.has(name)) locals.set(name, this.#replica.table(name));
      // Operations that are not held here cannot be sent either, and need not be remembered.
      if ((locals.get(name)?.held(origin) ?? 0) === 0) continue;
      if (sequence === 0) table.has.delete(origin);
      else table.has.set(origin, sequence);
      again.add(name);
    }
    return [...again];
  }
}
