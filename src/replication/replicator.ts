import type { Observable } from 'rxjs';
import type { AccessList } from '../access/grant.ts';
import type { Environment, Timer } from '../environment.ts';
import type { NodeEvent } from '../events.ts';
import type { BackendName } from '../schema/schema.ts';
import { Slices, type Slicing } from '../work/slices.ts';
import type { Connection, Transport } from '../transport/transport.ts';
import type { IntakeLimits } from './costs/intake.ts';
import { Notices } from './costs/notices.ts';
import { Turns } from '../work/turns.ts';
import { compareNow } from './digests/compare-now.ts';
import { Divergences } from './digests/divergence.ts';
import { dialFailed, modeSwitched } from './peers/peer-events.ts';
import type { DialState, PeerState } from './peers/peer-state.ts';
import { PeersShown } from './peers-shown.ts';
import { Dialler, type DiallerParts } from './reach/dialler.ts';
import { Flushes } from './reach/flushes.ts';
import { LonelyTables } from './reach/lonely-tables.ts';
import { PeerAccess } from './reach/peer-access.ts';
import { Strangers } from './reach/strangers.ts';
import type { Replica } from './replica.ts';
import type { Requests } from './requests.ts';
import { Accounts } from './session/accounts.ts';
import { settle } from './session/settle.ts';
import { Sessions } from './sessions.ts';

/** The parts are what a replicator is made of. */
export interface ReplicatorParts {
  readonly replica: Replica;
  readonly requests: Requests;
  readonly transport: Transport;
  readonly environment: Environment;
  readonly peers: readonly string[];
  readonly maxPeers: number;
  readonly access: AccessList;
  readonly intake: IntakeLimits;
  /** Says how long work is cut. */
  readonly slicing: Slicing;
  report(event: NodeEvent): void;
}

/** Keeps this node's tables and those of its peers alike: one session per peer, one dialler per configured address. */
export class Replicator {
  readonly divergences: Divergences;
  readonly flushes: Flushes;
  readonly strangers: Strangers;
  readonly #parts: ReplicatorParts;
  readonly #notices: Notices;
  readonly #slices: Slices;
  readonly #access: PeerAccess;
  readonly #sessions: Sessions;
  readonly #lonely: LonelyTables;
  readonly #diallers: readonly Dialler[];
  readonly #shown: PeersShown;
  #alive: Timer | undefined;

  constructor(parts: ReplicatorParts) {
    this.#parts = parts;
    const { replica, environment } = parts;
    this.#notices = new Notices(environment, (event) => parts.report(event));
    const report = (event: NodeEvent): void => this.#notices.report(event);
    this.#slices = new Slices(parts.slicing);
    this.#access = new PeerAccess(parts.access);
    this.divergences = new Divergences(report);
    this.strangers = new Strangers(report);
    this.#sessions = this.#makeSessions(report);
    const sessions = this.#sessions;
    this.#lonely = new LonelyTables({
      environment,
      names: () => Array.from(replica.tables(), ({ name }) => name),
      peers: () => Array.from(sessions, ({ tables }) => tables.announcements.map(({ name }) => name)),
      report,
    });
    const diallerParts = this.#diallerParts(report);
    this.#diallers = parts.peers.map((address) => new Dialler(address, diallerParts));
    const dials = this.#diallers;
    this.flushes = new Flushes({ environment, replica, peers: () => sessions.greeted(), dials });
    const look = (): void => this.flushes.look();
    this.#shown = new PeersShown({ environment, sessions, diallers: dials, look });
  }

  #makeSessions(report: (event: NodeEvent) => void): Sessions {
    const { replica, requests, environment, intake, maxPeers } = this.#parts;
    const slices = this.#slices;
    const turns = new Turns(environment);
    const accounts = new Accounts();
    return new Sessions({
      ground: { replica, requests, environment, intake, slices, turns, accounts, report },
      access: this.#access,
      maxPeers,
      met: () => this.#lonely.look(),
      lost: (nodeId) => this.divergences.forget(nodeId),
      changed: () => this.#shown.changed(),
      levelled: () => this.#shown.levelled(),
      switched: (table) => this.switched(table),
      compared: (nodeId, table, differences) => this.divergences.compared(table, nodeId, differences),
    });
  }

  #diallerParts(report: (event: NodeEvent) => void): DiallerParts {
    const { environment, transport } = this.#parts;
    return {
      environment,
      transport,
      connected: (dialler, connection) => this.#sessions.connected(dialler, connection),
      reached: (nodeId, drawn) => this.#sessions.of(nodeId).some(({ hello }) => hello?.session === drawn),
      unreachable: ({ place }, error) => report(dialFailed(place, error)),
      changed: () => this.#shown.changed(),
    };
  }

  /** Connections and configured peers; replays its present value. */
  get peers(): Observable<readonly PeerState[]> {
    return this.#shown.peers;
  }

  /** As {@link peers}, this moment. */
  present(): readonly PeerState[] {
    return this.#shown.present();
  }

  /** Says what became of the configured peers so far. */
  dials(): readonly DialState[] {
    return this.#diallers;
  }

  /** Returns whether every connected peer's rows of a table are here. */
  synced(name: string): Observable<boolean> {
    return this.#shown.synced(name);
  }

  /** Listens if asked to, and dials. Resolves with the address others can dial. */
  async open(listen: boolean): Promise<string | undefined> {
    const { transport, environment } = this.#parts;
    const address = listen
      ? await transport.listen((connection) => this.#sessions.accept(connection))
      : undefined;
    for (const dialler of this.#diallers) dialler.dial();
    // A node that only dials has no socket while its peers are away, and must not end in silence then.
    if (this.#diallers.length > 0) this.#alive = environment.stayAlive();
    return address;
  }

  /** Gives peers a last chance to take what they have not acknowledged, then ends every session. */
  async close(): Promise<void> {
    this.#sessions.stop();
    this.#shown.stop();
    for (const dialler of this.#diallers) dialler.stop();
    await settle(this.#sessions, this.#parts.environment);
    for (const session of this.#sessions) session.end('closed', 'The node was closed.');
    const [transport] = await Promise.allSettled([this.#parts.transport.close()]);
    this.flushes.stop();
    this.#slices.stop();
    this.#notices.stop();
    this.#lonely.stop();
    this.#alive?.cancel();
    this.#shown.complete();
    this.divergences.complete();
    if (transport.status === 'rejected') throw transport.reason;
  }

  /** Judges peers by other credentials from now on: see {@link PeerAccess.reload}. */
  reloadAccess(access: AccessList, revoked: ReadonlySet<Connection>): number {
    return this.#access.reload(access, { sessions: this.#sessions, revoked });
  }

  /** More of a store may be told to peers, or it has failed. */
  advanced(store: BackendName): void {
    for (const session of this.#sessions) session.advanced(store);
  }

  /** Returns whether every connected peer that shares a table understands touches. */
  understandTouches(table: string): boolean {
    return this.#sessions
      .greeted()
      .every(({ hello, tables }) => hello?.touches === true || !tables.shared.has(table));
  }

  /** A table was declared. */
  declared(name: string): void {
    for (const session of this.#sessions) session.sharing.declared(name);
    if (this.#sessions.size > 0) this.#lonely.look();
    this.#shown.levelled();
  }

  /** A table's mode was switched, by this node (`here`) or by another. */
  switched(table: string, here = false): void {
    for (const session of this.#sessions) session.sharing.switched(table, here);
    this.#shown.changed();
    this.#notices.report(modeSwitched(table, this.#parts.replica.table(table)));
  }

  /**
   * Returns whether the rows of a connected peer, or of a node behind one, may take the place of this node's, because
   * it might have written them and brought them as others wrote them; undefined when no peer is connected that shares
   * the table.
   */
  mayRestore(table: string, nodeId: string): boolean | undefined {
    const sharing = [...this.#sessions].filter(({ tables }) => tables.shared.has(table));
    const session =
      sharing.find((one) => one.nodeId === nodeId) ?? sharing.find(({ comparing }) => comparing.behind);
    return session?.tables.mayBringAll(table);
  }

  /** Compares a table at once: see {@link compareNow}. */
  compareNow(table: string, from: string): Promise<ReadonlySet<string>> {
    return compareNow({ table, from }, this.#sessions, this.#parts.environment);
  }
}
