import { placeFor } from '../access/fair-share.ts';
import type { Closing, Connection } from '../transport/transport.ts';
import { Directions } from './peers/directions.ts';
import { idTwice, peerConnected, peerLost, peerRefused, saidTwice } from './peers/peer-events.ts';
import type { Dialler } from './reach/dialler.ts';
import { Identities } from './reach/identities.ts';
import type { PeerAccess } from './reach/peer-access.ts';
import type { Difference } from './replica.ts';
import { Holds } from './session/holds.ts';
import { Session } from './session/session.ts';
import type { Farewell, SessionGround, SessionParts } from './session/session-parts.ts';
import { heldBackBeside } from './session/taking.ts';
import type { Hello } from './wire/bodies.ts';

/** A switch of mode that does not come is asked for again after this long. */
const ASK_AGAIN_MS = 2000;

/** The parts are what sessions stand on, and who is told of them. */
export interface SessionsParts {
  readonly ground: SessionGround;
  readonly access: PeerAccess;
  readonly maxPeers: number;
  /** A peer came. */
  met(): void;
  /** No session with a node is left. */
  lost(nodeId: string): void;
  changed(): void;
  levelled(): void;
  switched(table: string): void;
  compared(nodeId: string, table: string, differences: readonly Difference[]): void;
}

/** Lets peers in, makes room for them, tells two nodes of one id apart, and lets them go. */
export class Sessions implements Iterable<Session> {
  readonly #parts: SessionsParts;
  readonly #sessions = new Set<Session>();
  readonly #dialled = new Map<Session, Dialler>();
  readonly #holds: Holds<Session>;
  readonly #directions: Directions;
  readonly #identities: Identities;
  readonly #sessionParts: SessionParts<Session>;
  /** Says when a peer was asked last for the switch of mode that a table lacks. */
  readonly #asked = new Map<string, number>();
  #isClosing = false;

  constructor(parts: SessionsParts) {
    this.#parts = parts;
    const { ground, access } = parts;
    this.#holds = new Holds(this.#sessions);
    this.#directions = new Directions({ ...ground, sessions: this.#sessions });
    this.#identities = new Identities({
      nodeId: ground.replica.nodeId,
      access: () => access.list,
      sessionsOf: (nodeId) => this.of(nodeId),
    });
    this.#sessionParts = this.#makeSessionParts();
  }

  #makeSessionParts(): SessionParts<Session> {
    const { ground, access, ...told } = this.#parts;
    return {
      ...ground,
      grantOf: (connection, nodeId) => access.grantOf(connection, nodeId),
      heldBackBeside: (taking, table) => heldBackBeside(this.greeted(), taking, table),
      visited: (session, hello) => this.#judge(session, hello),
      greeted: (session) => this.#letIn(session),
      ended: (session, closing) => this.#ended(session, closing),
      holdAll: () => this.#holds.all(),
      whenFree: (task) => this.#holds.whenFree(task),
      changed: () => told.changed(),
      levelled: () => told.levelled(),
      switched: (table) => told.switched(table),
      matched: (session) => {
        this.#directions.changed(session);
        this.#writeTouched(session);
        told.levelled();
      },
      isPeer: (nodeId) => this.of(nodeId).length > 0,
      compared: (nodeId, table, differences) => told.compared(nodeId, table, differences),
      lostBehind: (nodeId) => {
        if (this.of(nodeId).length === 0) told.lost(nodeId);
      },
      mayAskForSwitch: (table) => this.#mayAskForSwitch(table),
      directBeside: (tables) => this.#directions.beside(tables),
    };
  }

  [Symbol.iterator](): Iterator<Session> {
    return this.#sessions.values();
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Lists those that have said hello. */
  greeted(): Session[] {
    return [...this.#sessions].filter(({ nodeId }) => nodeId !== undefined);
  }

  of(nodeId: string): Session[] {
    return [...this.#sessions].filter((session) => session.nodeId === nodeId);
  }

  /** Returns who dialled; undefined where the peer did. */
  diallerOf(session: Session): Dialler | undefined {
    return this.#dialled.get(session);
  }

  /** Lets no more peers in, and tells what ends from now on as meant. */
  stop(): void {
    this.#isClosing = true;
  }

  // Coming -------------------------------------------------------------------------------------------

  /** A peer dialled. */
  accept(connection: Connection): void {
    const session = new Session(connection, this.#sessionParts);
    const isRoom = !this.#isClosing && this.#makeRoom(session);
    this.#begin(session);
    if (!isRoom) session.end('full', `This node takes at most ${this.#parts.maxPeers} peers.`);
  }

  /** A peer was dialled. */
  connected(dialler: Dialler, connection: Connection): void {
    const session = new Session(connection, this.#sessionParts);
    this.#dialled.set(session, dialler);
    this.#begin(session);
  }

  #begin(session: Session): void {
    this.#sessions.add(session);
    this.#holds.begun(session);
    session.start();
  }

  /** Returns whether there is room for one more peer: another one that dialled may have to give way. */
  #makeRoom(newcomer: Session): boolean {
    if (this.#sessions.size < this.#parts.maxPeers) return true;
    const accepted = [...this.#sessions].filter(({ connection }) => connection.direction === 'accepted');
    const place = placeFor(accepted, newcomer);
    place?.end('full', `This node takes at most ${this.#parts.maxPeers} peers, and another has fewer.`);
    if (place !== undefined) this.#sessions.delete(place);
    return place !== undefined;
  }

  #letIn(session: Session): Farewell | undefined {
    const { hello, connection } = session;
    if (hello === undefined) return undefined;
    const { replica, report } = this.#parts.ground;
    const dialler = this.#dialled.get(session);
    if (dialler !== undefined && hello.node !== replica.nodeId) dialler.answered(hello);
    const refusal = this.#judge(session, hello);
    if (refusal !== undefined) return refusal;
    const isKept = this.#giveWay(session, hello.node);
    if (!isKept) return { code: 'duplicate', reason: `duplicate: ${hello.node} is connected already.` };
    dialler?.greeted();
    this.#parts.met();
    report(peerConnected(hello.node, connection));
    return undefined;
  }

  /** Says why somebody may not be who it says it is. */
  #judge(session: Session, hello: Hello): Farewell | undefined {
    const problem = this.#identities.problem(session, hello);
    if (problem === undefined) return undefined;
    if (problem.twice)
      this.#parts.ground.report(idTwice(hello.node, session.connection.remote, problem.reason));
    return { code: 'refused', reason: problem.reason, ...(problem.twice && { cause: 'id-twice' }) };
  }

  /** Ends other sessions with a node in favour of a new one; returns false where one of them is kept instead. */
  #giveWay(session: Session, node: string): boolean {
    const drawn = session.hello?.session;
    for (const other of this.of(node)) {
      if (other === session) continue;
      if (other.hello?.session === drawn && this.#prefers(other, node)) return false;
      if (other.hello !== undefined && other.hello.session !== drawn) this.#identities.replaced(other.hello);
      other.end('duplicate', `duplicate: ${node} connected anew.`);
      this.#sessions.delete(other);
    }
    return true;
  }

  /**
   * Returns whether this connection is kept: of two between the same nodes both sides keep the one that the
   * smaller id dialled.
   */
  #prefers(session: Session, nodeId: string): boolean {
    const dialledHere = session.connection.direction === 'dialled';
    return dialledHere === this.#parts.ground.replica.nodeId < nodeId;
  }

  /** Has values written again that a peer of an earlier version would let go although they were touched. */
  #writeTouched({ hello, tables }: Session): void {
    if (hello?.touches === true) return;
    const { replica, environment } = this.#parts.ground;
    // Called for each message that matches tables: nearly always nothing is touched.
    for (const name of replica.touched())
      if (tables.shared.has(name)) environment.defer(() => replica.table(name)?.writeTouched());
  }

  #mayAskForSwitch(table: string): boolean {
    const now = this.#parts.ground.environment.elapsed();
    if (now - (this.#asked.get(table) ?? -Infinity) < ASK_AGAIN_MS) return false;
    this.#asked.set(table, now);
    return true;
  }

  // Going --------------------------------------------------------------------------------------------

  #ended(session: Session, closing: Closing): void {
    this.#sessions.delete(session);
    const dialler = this.#dialled.get(session);
    this.#dialled.delete(session);
    const isDuplicate = closing.reason.startsWith('duplicate');
    const refused =
      closing.reason.startsWith('refused:') || closing.kind === 'refused' || session.hello === undefined;
    dialler?.ended(closing.reason, refused && !isDuplicate);
    const isTwice = this.#tellTwice(session, closing);
    const { nodeId, hello, connection } = session;
    const { report } = this.#parts.ground;
    const replaced = nodeId !== undefined && this.of(nodeId).length > 0;
    if (nodeId !== undefined && !replaced) {
      this.#parts.lost(nodeId);
      const isMeant = this.#isClosing || closing.reason.startsWith('closed:');
      report(peerLost(nodeId, connection.remote, { ...closing, isMeant }));
    } else if (
      !isTwice &&
      !session.visit.isBegun &&
      hello === undefined &&
      !isDuplicate &&
      !this.#isClosing
    ) {
      report(peerRefused(connection.remote, closing));
    }
    if (!this.#isClosing) this.#directions.lost(session);
    this.#parts.levelled();
  }

  /** Returns whether a session ended because two nodes run with one id, and tells it where the peer found that out. */
  #tellTwice({ connection, tables, farewellCause }: Session, { reason }: Closing): boolean {
    // This node has told already what it found out; a peer's word counts if this node chose it, or trusts it with all.
    const said = reason.startsWith('refused:');
    const counts = connection.direction === 'dialled' || tables.grant.writesAll;
    const isTwice = farewellCause === 'id-twice' && (counts || !said);
    const { replica, report } = this.#parts.ground;
    if (isTwice && said) report(saidTwice(replica.nodeId, connection.remote));
    return isTwice;
  }
}
