import type { Observable } from 'rxjs';
import { distinctUntilChanged } from 'rxjs/internal/operators/distinctUntilChanged';
import { sameCredential } from '../access/changes.ts';
import { type AccessList, EVERYTHING, type Grant, grantOf } from '../access/grant.ts';
import type { Environment, Timer } from '../environment.ts';
import type { NodeEvent } from '../events.ts';
import { Present } from '../work/emitter.ts';
import type { StoreName } from '../log/keeping/journal.ts';
import { Slices, type Slicing } from '../work/slices.ts';
import { placeFor } from '../access/fair-share.ts';
import type { Closing, Connection, Transport } from '../transport/transport.ts';
import { Accounts } from './session/accounts.ts';
import { Dialler, type DiallerOwner } from './reach/dialler.ts';
import { Directions } from './peers/directions.ts';
import type { DialState, PeerState } from './peers/peer-state.ts';
import { statesOf } from './reach/peer-states.ts';
import type { PeerTables } from './peers/peer-tables.ts';
import { Divergences } from './digests/divergence.ts';
import { Flushes } from './reach/flushes.ts';
import { Identities, type IdentitiesOwner } from './reach/identities.ts';
import type { IntakeLimits } from './costs/intake.ts';
import { LonelyTables } from './reach/lonely-tables.ts';
import { Notices } from './costs/notices.ts';
import type { Difference, Replica } from './replica.ts';
import { Session } from './session/session.ts';
import type { Farewell, SessionOwner } from './session/session-owner.ts';
import { dialFailed, idTwice, saidTwice } from './peers/peer-events.ts';
import { Strangers } from './reach/strangers.ts';
import { type Taking, heldBackBeside } from './session/taking.ts';
import { Turns } from './costs/turns.ts';
import type { HeldBackState } from './wire/wire.ts';

/** A comparison asked for is given up after so many steps. */
const COMPARE_TRIES = 200;
const COMPARE_STEP_MS = 50;
/** A switch of mode that does not come is asked for again after this long. */
const ASK_AGAIN_MS = 2000;

/** Bounds how long closing waits for peers to acknowledge, and how often it looks, in milliseconds. */
const SETTLE_MS = 1000;
const SETTLE_STEP_MS = 5;

/** The parts are what a replicator is made of. */
export interface ReplicatorParts {
  readonly replica: Replica;
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
export class Replicator implements SessionOwner<Session>, DiallerOwner {
  readonly replica: Replica;
  readonly transport: Transport;
  readonly environment: Environment;
  readonly divergences: Divergences;
  readonly slices: Slices;
  readonly strangers: Strangers = new Strangers((event) => this.report(event));
  readonly turns: Turns;
  readonly accounts = new Accounts();
  readonly #directions: Directions;
  readonly #parts: ReplicatorParts;
  readonly #notices: Notices;
  readonly #sessions = new Set<Session>();
  readonly #identities: Identities;
  readonly #lonely: LonelyTables;
  readonly #diallers: Dialler[];
  readonly #dialled = new Map<Session, Dialler>();
  /** Holds what lets each go on that is kept waiting: one entry for each that keeps all waiting. */
  readonly #holding = new Set<{ readonly sessions: Map<Session, () => void> }>();
  /** Holds what waits until nothing holds all sessions. */
  readonly #afterHolds: (() => void)[] = [];
  readonly flushes: Flushes;
  readonly #peers = new Present<readonly PeerState[]>([]);
  readonly #synced = new Map<string, Present<boolean>>();
  /** Says when a peer was asked last for the switch of mode that a table lacks. */
  readonly #asked = new Map<string, number>();
  #access: AccessList;
  #alive: Timer | undefined;
  #changeScheduled = false;
  #isLevelChanged = false;
  #closed = false;

  constructor(parts: ReplicatorParts) {
    this.#parts = parts;
    this.#access = parts.access;
    this.replica = parts.replica;
    this.transport = parts.transport;
    this.environment = parts.environment;
    this.#notices = new Notices(parts.environment, (event) => parts.report(event));
    this.slices = new Slices(parts.slicing);
    this.turns = new Turns(parts.environment);
    const { environment, slices } = this;
    this.#directions = new Directions({ environment, slices, sessions: this.#sessions });
    this.#identities = new Identities(this.#identitiesOwner());
    this.#lonely = new LonelyTables({
      environment,
      names: () => Array.from(this.replica.tables(), ({ name }) => name),
      peers: () => Array.from(this.#sessions, ({ tables }) => tables.announcements.map(({ name }) => name)),
      report: (event) => this.report(event),
    });
    this.divergences = new Divergences((event) => this.report(event));
    this.#diallers = parts.peers.map((address) => new Dialler(address, this));
    this.flushes = new Flushes({
      environment,
      replica: this.replica,
      peers: () => this.#greeted(),
      dials: this.#diallers,
    });
  }

  #identitiesOwner(): IdentitiesOwner {
    return {
      nodeId: this.replica.nodeId,
      access: () => this.#access,
      sessionsOf: (nodeId) => this.#sessionsOf(nodeId),
    };
  }

  /** Connections and configured peers; replays its present value. */
  get peers(): Observable<readonly PeerState[]> {
    return this.#peers.observable;
  }

  /** As {@link peers}, this moment. */
  present(): readonly PeerState[] {
    return this.#states();
  }

  /** Says what became of the configured peers so far. */
  dials(): readonly DialState[] {
    return this.#diallers;
  }

  /** Listens if asked to, and dials. Resolves with the address others can dial. */
  async open(listen: boolean): Promise<string | undefined> {
    const address = listen
      ? await this.transport.listen((connection) => this.#accept(connection))
      : undefined;
    for (const dialler of this.#diallers) dialler.dial();
    // A node that only dials has no socket while its peers are away, and must not end in silence then.
    if (this.#diallers.length > 0) this.#alive = this.environment.stayAlive();
    return address;
  }

  report(event: NodeEvent): void {
    this.#notices.report(event);
  }

  get intake(): IntakeLimits {
    return this.#parts.intake;
  }

  grantOf({ direction, rights }: Connection, nodeId: string | undefined): Grant | undefined {
    if (rights !== undefined) return grantOf(rights);
    if (direction === 'accepted' || this.#access.isEmpty) return EVERYTHING;
    return nodeId === undefined ? undefined : this.#access.ofDialled(nodeId);
  }

  /**
   * Judges peers by other credentials from now on. Ends, saying why, the `revoked` connections and those
   * of peers whose rights follow from their id and are others now; returns how many sessions that were.
   */
  reloadAccess(access: AccessList, revoked: ReadonlySet<Connection>): number {
    const before = this.#access;
    this.#access = access;
    const concerned = [...this.#sessions].filter((session) => {
      return revoked.has(session.connection) || this.#isJudgedOtherwise(session, before);
    });
    for (const session of concerned) {
      const who = session.nodeId ?? 'this connection';
      session.end(
        'access',
        `The credential of ${who} is gone, or gives other rights now; it may connect anew.`,
      );
    }
    // One that was made just now has no session yet.
    for (const connection of revoked) connection.close('its credential is gone');
    return concerned.length;
  }

  #isJudgedOtherwise({ nodeId, connection, tables }: Session, before: AccessList): boolean {
    if (nodeId !== undefined && this.#access.belongsToAnother(nodeId, tables.grant.holder)) return true;
    if (connection.rights !== undefined || connection.direction === 'accepted') return false;
    if (nodeId === undefined) return before.isEmpty !== this.#access.isEmpty;
    return !sameCredential(before.fitting(nodeId), this.#access.fitting(nodeId));
  }

  holdAll(): () => void {
    const holding = { sessions: new Map<Session, () => void>() };
    this.#holding.add(holding);
    for (const session of this.#sessions) holding.sessions.set(session, session.hold());
    return () => {
      this.#holding.delete(holding);
      for (const release of holding.sessions.values()) release();
      if (this.#holding.size > 0) return;
      for (const task of this.#afterHolds.splice(0)) task();
    };
  }

  whenFree(task: () => void): void {
    if (this.#holding.size === 0) task();
    else this.#afterHolds.push(task);
  }

  #begin(session: Session): void {
    this.#sessions.add(session);
    for (const { sessions } of this.#holding) sessions.set(session, session.hold());
    session.start();
  }

  /** More of a store may be told to peers, or it has failed. */
  advanced(store: StoreName): void {
    for (const session of this.#sessions) session.advanced(store);
  }

  /** A table was declared. */
  declared(name: string): void {
    for (const session of this.#sessions) session.sharing.declared(name);
    if (this.#sessions.size > 0) this.#lonely.look();
    this.levelled();
  }

  /** Returns whether every connected peer's rows of a table are here. */
  synced(name: string): Observable<boolean> {
    let subject = this.#synced.get(name);
    if (subject === undefined) {
      subject = new Present(this.#diallers.length === 0);
      this.#synced.set(name, subject);
    }
    return subject.observable.pipe(distinctUntilChanged());
  }

  /** Gives peers a last chance to take what they have not acknowledged, then ends every session. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const dialler of this.#diallers) dialler.stop();
    await this.#settle(this.environment.now() + SETTLE_MS);
    for (const session of this.#sessions) session.end('closed', 'The node was closed.');
    const [transport] = await Promise.allSettled([this.transport.close()]);
    this.flushes.stop();
    this.slices.stop();
    this.#notices.stop();
    this.#lonely.stop();
    this.#alive?.cancel();
    this.#peers.complete();
    for (const subject of this.#synced.values()) subject.complete();
    this.divergences.complete();
    if (transport.status === 'rejected') throw transport.reason;
  }

  async #settle(untilMs: number): Promise<void> {
    while ([...this.#sessions].some((session) => !session.settled) && this.environment.now() < untilMs) {
      await new Promise<void>((resolve) => {
        this.environment.schedule(SETTLE_STEP_MS, resolve);
      });
    }
  }

  // Sessions ---------------------------------------------------------------------------------------

  #accept(connection: Connection): void {
    const session = new Session(connection, this);
    const isRoom = !this.#closed && this.#makeRoom(session);
    this.#begin(session);
    if (!isRoom) session.end('full', `This node takes at most ${this.#parts.maxPeers} peers.`);
  }

  /** Returns whether there is room for one more peer: another one that dialled may have to give way. */
  #makeRoom(newcomer: Session): boolean {
    if (this.#sessions.size < this.#parts.maxPeers) return true;
    const accepted = [...this.#sessions].filter(({ connection }) => connection.direction === 'accepted');
    const place = placeFor(accepted, newcomer);
    place?.end('full', `This node takes at most ${this.#parts.maxPeers} peers, and another has fewer.`);
    if (place !== undefined) this.#drop(place);
    return place !== undefined;
  }

  connected(dialler: Dialler, connection: Connection): void {
    const session = new Session(connection, this);
    this.#dialled.set(session, dialler);
    this.#begin(session);
  }

  heldBackBeside(taking: Taking, table: string): HeldBackState[] {
    return heldBackBeside(this.#greeted(), taking, table);
  }

  unreachable({ place }: Dialler, error: unknown): void {
    this.report(dialFailed(place, error));
  }

  reached(nodeId: string, drawn?: number): boolean {
    return this.#sessionsOf(nodeId).some(({ hello }) => drawn === undefined || hello?.session === drawn);
  }

  #sessionsOf(nodeId: string): Session[] {
    return [...this.#sessions].filter((session) => session.nodeId === nodeId);
  }

  greeted(session: Session): Farewell | undefined {
    const { hello, connection } = session;
    if (hello === undefined) return undefined;
    const dialler = this.#dialled.get(session);
    if (dialler !== undefined && hello.node !== this.replica.nodeId) dialler.answered(hello);
    const problem = this.#identities.problem(session, hello);
    if (problem !== undefined) {
      if (problem.twice) this.report(idTwice(hello.node, connection.remote, problem.reason));
      return { code: 'refused', reason: problem.reason, ...(problem.twice && { cause: 'id-twice' }) };
    }
    for (const other of this.#sessionsOf(hello.node)) {
      if (other === session) continue;
      if (other.hello?.session === hello.session && this.#prefers(other, hello.node)) {
        return { code: 'duplicate', reason: `duplicate: ${hello.node} is connected already.` };
      }
      if (other.hello !== undefined && other.hello.session !== hello.session)
        this.#identities.replaced(other.hello);
      other.end('duplicate', `duplicate: ${hello.node} connected anew.`);
      this.#drop(other);
    }
    dialler?.greeted();
    this.#lonely.look();
    this.report({
      code: 'peer-connected',
      severity: 'info',
      message: `Connected with ${hello.node} (${connection.remote}).`,
      peer: hello.node,
      details: { address: connection.remote, direction: connection.direction },
    });
    return undefined;
  }

  /**
   * Returns whether this connection is kept: of two between the same nodes both sides keep the one that the
   * smaller id dialled.
   */
  #prefers(session: Session, nodeId: string): boolean {
    const dialledHere = session.connection.direction === 'dialled';
    return dialledHere === this.replica.nodeId < nodeId;
  }

  #drop(session: Session): void {
    this.#sessions.delete(session);
  }

  ended(session: Session, closing: Closing): void {
    this.#drop(session);
    const { nodeId, hello, connection } = session;
    const dialler = this.#dialled.get(session);
    this.#dialled.delete(session);
    const said = closing.reason.startsWith('refused:');
    const refused = said || closing.kind === 'refused' || hello === undefined;
    dialler?.ended(closing.reason, refused && !closing.reason.startsWith('duplicate'));
    // This node has told already what it found out; a peer's word counts if this node chose it, or trusts it with all.
    const counts = connection.direction === 'dialled' || session.tables.grant.writesAll;
    const isTwice = session.farewellCause === 'id-twice' && (counts || !said);
    if (isTwice && said) this.report(saidTwice(this.replica.nodeId, connection.remote));
    const replaced = nodeId !== undefined && this.reached(nodeId);
    if (nodeId !== undefined && !replaced) {
      this.divergences.forget(nodeId);
      this.report({
        code: 'peer-lost',
        severity: this.#closed || closing.reason.startsWith('closed:') ? 'info' : 'warning',
        message: `Lost ${nodeId}: ${(closing.reason || closing.kind).replace(/\.$/, '')}.`,
        peer: nodeId,
        details: { address: connection.remote, kind: closing.kind },
      });
    } else if (!isTwice && hello === undefined && !closing.reason.startsWith('duplicate') && !this.#closed) {
      this.report({
        code: 'peer-refused',
        severity: 'warning',
        message: `No session with ${connection.remote}: ${closing.reason || closing.kind}.`,
        peer: connection.remote,
      });
    }
    if (!this.#closed) this.#directions.lost(session);
    this.levelled();
  }

  matched(session: Session): void {
    this.#directions.changed(session);
    this.levelled();
  }

  directBeside(tables: PeerTables): readonly (readonly [string, readonly string[]])[] {
    return this.#directions.beside(tables);
  }

  /** A table's mode was switched, by this node (`here`) or by another. */
  switched(table: string, here = false): void {
    for (const session of this.#sessions) session.sharing.switched(table, here);
    this.changed();
    const state = this.replica.table(table);
    this.report({
      code: 'mode-switched',
      severity: 'info',
      message: `Table ${table} is in mode ${state?.mode} now, switched by ${state?.epoch.origin}.`,
      table,
      details: { mode: state?.mode, by: state?.epoch.origin },
    });
  }

  mayAskForSwitch(table: string): boolean {
    const now = this.environment.now();
    if (Math.abs(now - (this.#asked.get(table) ?? -Infinity)) < ASK_AGAIN_MS) return false;
    this.#asked.set(table, now);
    return true;
  }

  compared(session: Session, table: string, differences: readonly Difference[]): void {
    if (session.nodeId !== undefined) this.divergences.compared(table, session.nodeId, differences);
  }

  /**
   * Returns whether the rows of a connected peer may take the place of this node's, because it might have
   * written them and brought them as others wrote them; undefined when it is not connected, or does not share
   * the table.
   */
  mayRestore(table: string, nodeId: string): boolean | undefined {
    const session = this.#sessionsOf(nodeId).find(({ tables }) => tables.shared.has(table));
    return session === undefined ? undefined : session.tables.mayBringAll(table);
  }

  /**
   * Compares a table with every connected peer that shares it and may write it; resolves with the ids of those
   * that could be compared in the state the table is in then.
   */
  async compareNow(table: string): Promise<ReadonlySet<string>> {
    const sharing = (): Session[] =>
      [...this.#sessions].filter(({ tables }) => tables.shared.get(table)?.writable === true);
    const compared = (): Session[] => sharing().filter(({ comparisons }) => comparisons.isCompared(table));
    for (const session of sharing()) session.comparisons.begin(table);
    for (let tries = 0; tries < COMPARE_TRIES && compared().length < sharing().length; tries++) {
      await new Promise<void>((resolve) => this.environment.schedule(COMPARE_STEP_MS, resolve));
    }
    return new Set(compared().flatMap(({ nodeId }) => nodeId ?? []));
  }

  // What users see -----------------------------------------------------------------------------------

  levelled(): void {
    this.#isLevelChanged = true;
    this.changed();
  }

  changed(): void {
    if (this.#changeScheduled || this.#closed) return;
    this.#changeScheduled = true;
    this.environment.defer(() => {
      this.#changeScheduled = false;
      if (this.#closed) return;
      this.#peers.next(this.#states());
      this.flushes.look();
      if (!this.#isLevelChanged) return;
      this.#isLevelChanged = false;
      for (const [name, subject] of this.#synced) subject.next(this.#isSynced(name));
    });
  }

  #isSynced(name: string): boolean {
    const sharing = [...this.#sessions].filter((session) => session.tables.shared.has(name));
    // A peer that may not write the table has nothing to bring, whatever it says of that.
    const bringing = sharing.filter(({ tables }) => tables.shared.get(name)?.writable === true);
    if (bringing.length > 0) return bringing.every((session) => session.taking.isLevel(name));
    return this.#diallers.every(({ nodeId: dialled }) => sharing.some(({ nodeId }) => nodeId === dialled));
  }

  #states(): PeerState[] {
    return statesOf(this.#greeted(), this.#diallers, (session) => this.#dialled.get(session)?.address);
  }

  #greeted(): Session[] {
    return [...this.#sessions].filter(({ nodeId }) => nodeId !== undefined);
  }
}
