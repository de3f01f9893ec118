import type { BackendName } from '../../schema/schema.ts';
import { SLICE_UNITS, type Work } from '../../work/slices.ts';
import { stateOf } from '../peers/announced.ts';
import { Asking } from '../costs/asking.ts';
import type { Outbound } from './outbound.ts';
import { type Parting, writtenLast } from './parting.ts';
import type { PeerTables } from '../peers/peer-tables.ts';
import { differing } from './session-events.ts';
import type { SessionParts } from './session-parts.ts';
import type { Taking } from './taking.ts';
import { MAX_HELD_BACK_TOLD, type Sources, type TableState } from '../wire/bodies.ts';
import { groupsOf, partsOf, sourcesOf } from '../wire/parts.ts';
import type { Message } from '../wire/wire.ts';

/** Units of what is looked at of a table that a peer names, and lives of it that are looked through in one unit. */
const TABLE_UNITS = 16;
/** Units that reading what a peer says of a table took already; of few tables it is not worth a turn. */
const READ_UNITS = 8;
const MANY_TABLES = 64;
const LIVES_PER_UNIT = 1;
/** Entries of sources that are looked at in one step, and units of each. */
const ENTRIES_PER_STEP = 64;
const ENTRY_UNITS = 2;

/** The parts are what {@link Sharing} needs of its session. */
export interface SharingParts {
  readonly node: SessionParts;
  readonly tables: PeerTables;
  readonly parting: Parting;
  readonly taking: Taking;
  readonly outbound: ReadonlyMap<BackendName, Outbound>;
  /** Id of the peer's node; undefined until it said hello. */
  peer(): string | undefined;
  ended(): boolean;
  say(message: Message): number;
  /** Does what a peer asks for in slices; it takes nothing more from it until that is done. */
  work(work: Work, then?: () => void): void;
  /** Is called when what is kept of the peer changed. Throws `LIMIT_EXCEEDED`. */
  kept(bytes: number): void;
  /** Is called when other tables are shared than before. */
  matched(): void;
}

/** Sharing knows which tables one peer shares with this node: what either side says of its own, and what follows. */
export class Sharing {
  readonly #parts: SharingParts;
  readonly #asking: Asking;
  /** As {@link PeerTables.sharing} when others were told last. */
  #sharing = 0;
  /** Says whether this node has said of its tables what it has to say first. */
  hasSpoken = false;
  /** Set while it is looked through what the peer said: what belongs together must not be sent in part. */
  isBusy = false;

  constructor(parts: SharingParts) {
    this.#parts = parts;
    this.#asking = new Asking(parts.node.environment, (names) => this.#ask(names));
  }

  stop(): void {
    this.#asking.stop();
  }

  // What this node says ------------------------------------------------------------------------------

  /**
   * Tells the peer first, in parts of which each fits into one message: as many tables of this node as one
   * message holds. The rest is told in later turns, before anything is taken from the peer.
   */
  begin(): TableState[][] {
    const { node, tables } = this.#parts;
    const readable = [...node.replica.tables()].filter(({ name }) => tables.grant.mayRead(name));
    const [first = [], ...rest] = groupsOf(readable).map((group) => group.map(({ name }) => name));
    if (rest.length > 0) this.#parts.work(this.#tellRest(rest));
    return partsOf(this.#statesOf(first));
  }

  *#tellRest(groups: readonly (readonly string[])[]): Work {
    for (const names of groups) {
      yield SLICE_UNITS;
      if (!this.#parts.ended()) this.#ask(names);
    }
  }

  #statesOf(names: readonly string[]): TableState[] {
    return names.map((name) => this.stateOf(name)).filter((state) => state !== undefined);
  }

  /** Makes what the peer is told of a table; undefined while it is told nothing. */
  stateOf(name: string): TableState | undefined {
    const { node, tables, parting, taking } = this.#parts;
    const table = node.replica.table(name);
    if (table === undefined || !this.hasSpoken || !tables.grant.mayRead(name)) return undefined;
    const life = parting.lifeOf(name);
    const heldBack = [...taking.heldBack.toldOf(name), ...node.heldBackBeside(taking, name)];
    return {
      ...stateOf(table, tables.takesOf(name)),
      ...(life !== undefined && { parted: life }),
      ...(heldBack.length > 0 && { heldBack: heldBack.slice(0, MAX_HELD_BACK_TOLD) }),
    };
  }

  /** Tells the peer of a table declared only now. */
  declared(name: string): void {
    const state = this.stateOf(name);
    if (state === undefined) return;
    // Also before the peer said hello: this node's own hello is under way, without this table.
    this.#parts.say({ type: 'tables', tables: [state] });
    if (this.#parts.peer() !== undefined) this.#matchAgain(name);
  }

  /** Tells the peer of a switch of mode; the node that made it sends its rows at once. */
  switched(name: string, here: boolean): void {
    const state = this.stateOf(name);
    if (state === undefined || this.#parts.peer() === undefined) return;
    this.#parts.say({ type: 'tables', tables: [state] });
    if (here) this.#matchAgain(name);
    this.#parts.taking.heldBack.retry(name);
  }

  #matchAgain(name: string): void {
    this.#compare(name, this.#parts.tables.match(name));
    this.#told();
  }

  /** Tells the peer that this node lacks operations of tables, or a switch of mode; not more often than helps. */
  lacks(names: readonly string[]): void {
    for (const name of names) this.#asking.ask(name);
  }

  /** Gives back what a peer wrote itself, after it has heard that it is there: so it begins a new life first. */
  giveBack(): void {
    const names = this.#parts.tables.forgotten.take();
    if (names.length > 0) this.#ask(names);
  }

  #ask(names: readonly string[]): void {
    for (const tables of partsOf(this.#statesOf(names))) this.#parts.say({ type: 'tables', tables });
  }

  /** The peer is told of a table that it holds otherwise, and not sent it any more. */
  parted(name: string): void {
    const state = this.stateOf(name);
    if (state !== undefined) this.#parts.say({ type: 'tables', tables: [state] });
    this.#told();
  }

  /**
   * Tells the peer which origins come from elsewhere, and what is held of those that no longer do; `lost` names them
   * with the tables that they could have come with. Returns how many bytes that took.
   */
  sayDirect(lost: readonly (readonly [string, readonly string[]])[]): number {
    if (this.#parts.peer() === undefined) return 0;
    const { node, tables } = this.#parts;
    const have: [string, string, number][] = [];
    const sessions: number[] = [];
    for (const [origin, names] of lost) {
      for (const name of names) {
        const table = tables.shared.has(name) ? node.replica.table(name) : undefined;
        if (table === undefined) continue;
        const sequence = table.held(origin);
        have.push([name, origin, sequence]);
        sessions.push(table.sessionOf(origin, sequence));
      }
    }
    const direct = Array.from(
      node.directBeside(this.#parts.tables),
      ([origin, names]): [string, string[]] => [origin, [...names]],
    );
    let bytes = 0;
    for (const sources of sourcesOf({ direct, have, sessions }))
      bytes += this.#parts.say({ type: 'sources', sources });
    return bytes;
  }

  // What the peer says ---------------------------------------------------------------------------------

  /** Takes in what the peer says of its tables. */
  announced(states: readonly TableState[], then?: () => void): void {
    this.#parts.work(this.#announce(states), () => {
      this.isBusy = false;
      for (const outbound of this.#parts.outbound.values()) outbound.resume();
      this.#told();
      then?.();
    });
  }

  *#announce(states: readonly TableState[]): Work {
    const { tables, node, taking } = this.#parts;
    this.isBusy = true;
    if (states.length > MANY_TABLES) yield READ_UNITS * states.length;
    for (const state of states) {
      if (this.#parts.ended()) return;
      taking.heldThere([state]);
      const refused = tables.learn(state);
      this.#parts.kept(tables.keptBytes);
      this.#compare(state.name, refused);
      const lives = tables.shared.has(state.name) ? (node.replica.table(state.name)?.lives ?? 0) : 0;
      yield TABLE_UNITS + (state.held.length + lives) / LIVES_PER_UNIT;
    }
  }

  #compare(name: string, refused: ReturnType<PeerTables['match']>): void {
    const { parting, node } = this.#parts;
    parting.compare(name);
    for (const table of refused) {
      if (table.parted !== undefined) parting.part(table.name, table.parted);
      else node.report(differing(table, this.#parts.peer()));
    }
    this.#rewind(name);
  }

  /** Takes in what comes to the peer from elsewhere, and what it has of what no longer does. */
  redirected({ direct, have, sessions }: Sources): void {
    this.#parts.work(this.#redirect({ direct, have, sessions }));
  }

  *#redirect({ direct, have, sessions }: Sources): Work {
    const { parting, tables, node } = this.#parts;
    for (const [index, [name, origin, sequence]] of have.entries()) {
      parting.agrees(
        name,
        [[origin, sequence]],
        writtenLast([[origin, sequence]], sessions?.slice(index, index + 1)),
      );
      if (index % ENTRIES_PER_STEP === 0) yield ENTRIES_PER_STEP * ENTRY_UNITS;
    }
    if (this.#parts.ended()) return;
    const again = tables.setDirect(direct, have);
    this.#parts.kept(tables.keptBytes);
    for (const name of again) {
      if (this.#parts.ended()) return;
      this.#rewind(name);
      yield TABLE_UNITS + (node.replica.table(name)?.lives ?? 0) / LIVES_PER_UNIT;
    }
  }

  #rewind(name: string): void {
    const table = this.#parts.tables.shared.get(name);
    if (table === undefined) return;
    for (const outbound of this.#parts.outbound.values()) outbound.rewind([table]);
  }

  /** Lets others know when other tables are shared than before. */
  #told(): void {
    const { tables, node } = this.#parts;
    if (tables.sharing !== this.#sharing) {
      this.#sharing = tables.sharing;
      this.#parts.matched();
    }
    node.changed();
  }
}
