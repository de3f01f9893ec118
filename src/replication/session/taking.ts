import type { TablecastError } from '../../errors.ts';
import type { EndSpan } from '../../environment.ts';
import { HeldBack } from '../peers/held-back.ts';
import type { HeldBackOperations } from '../peers/peer-state.ts';
import type { PeerTables } from '../peers/peer-tables.ts';
import type { AppliedRuns, ReceivedFrame } from '../replica.ts';
import type { SessionParts } from './session-parts.ts';
import { heldBack, lifeRefused, takenAgain, tooManyOperations } from './session-events.ts';
import type { HeldBackState, TableState } from '../wire/bodies.ts';
import { MAX_FRAME_OPERATIONS } from '../wire/wire.ts';

/** Most authors in tables that a peer holds back of which is remembered that it does. */
const MAX_HELD_THERE = 256;

/** The parts are what taking a peer's operations needs of its session. */
export interface TakingParts {
  readonly node: Pick<SessionParts, 'environment' | 'replica' | 'mayAskForSwitch' | 'levelled' | 'report'>;
  readonly tables: PeerTables;
  /** Id of the peer's node. */
  peer(): string | undefined;
  /** Says anew what is held of tables, so that the peer sends what is missing. */
  ask(tables: readonly string[]): void;
  /** Both sides hold other operations of a life under the same names. */
  part(table: string, origin: string): void;
}

/** Taken is what a frame of runs came to. */
export interface Taken {
  /** Counts its operations. */
  readonly operations: number;
  readonly applied: AppliedRuns;
}

/** Takes the operations that one peer brings, and holds back what cannot be taken, here and as the peer says of its side. */
export class Taking {
  readonly heldBack: HeldBack;
  readonly #parts: TakingParts;
  /** Holds what the peer said of its side, by table. */
  readonly #there = new Map<string, readonly HeldBackOperations[]>();

  constructor(parts: TakingParts) {
    this.#parts = parts;
    const { environment, replica } = parts.node;
    this.heldBack = new HeldBack({
      environment,
      held: (table, origin) => replica.held(table, origin),
      ask: (tables) => parts.ask(tables),
      refused: (held) => this.#tell(held),
      taken: (held) => this.#taken(held),
    });
  }

  /** Takes the runs of one frame; `end` is told what came of it. Throws `LIMIT_EXCEEDED` for what no node sends. */
  take(frame: ReceivedFrame, end?: EndSpan): Taken {
    try {
      const taken = this.#take(frame);
      end?.({ operations: taken.applied.operations, refused: taken.applied.refused.length });
      return taken;
    } catch (error) {
      end?.({}, error);
      throw error;
    }
  }

  #take(frame: ReceivedFrame): Taken {
    const { node } = this.#parts;
    let operations = 0;
    const { tables } = this.#parts;
    const applied = frame.take({
      seen: (run) => {
        operations += run.count;
        if (operations > MAX_FRAME_OPERATIONS) throw tooManyOperations();
        return tables.received(run) && this.heldBack.admits(run);
      },
      wrote: (origin) => tables.wrote(origin),
    });
    for (const refusal of applied.refused) {
      // What of its run is held already is not held back.
      const first = (node.replica.held(refusal.table, refusal.origin) ?? 0) + 1;
      this.heldBack.refused({ ...refusal, sequence: Math.max(refusal.sequence, first) });
    }
    this.heldBack.settle();
    for (const origin of applied.forgotten) this.#tellLife(origin);
    for (const [table, origin] of applied.parted) this.#parts.part(table, origin);
    const missing = [...applied.gaps, ...applied.ahead.filter((table) => node.mayAskForSwitch(table))];
    const asked = missing.filter((table) => this.heldBack.mayAsk(table));
    if (asked.length > 0) this.#parts.ask(asked);
    return { operations, applied };
  }

  /** A checkpoint of a table cannot be taken over; the table's operations are taken as far as they come singly. */
  refusedCheckpoint(table: string, error: TablecastError): void {
    this.heldBack.refusedCheckpoint(table, error);
  }

  /** The peer said of tables what it does not take of them. */
  heldThere(states: readonly TableState[]): void {
    for (const { name, heldBack: said = [] } of states) {
      const before = this.#there.get(name) ?? [];
      this.#there.delete(name);
      const room = MAX_HELD_THERE - [...this.#there.values()].flat().length;
      // Of a table that is not here, nothing was sent that could have been refused.
      if (said.length === 0 || room <= 0 || this.#parts.node.replica.table(name) === undefined) continue;
      const there = said.slice(0, room).map((state) => this.#heldThere(name, state, before));
      this.#there.set(name, there);
      for (const held of there) this.#tell(held);
    }
  }

  #heldThere(
    table: string,
    { origin: text, sequence, code, reason, from }: HeldBackState,
    before: readonly HeldBackOperations[],
  ): HeldBackOperations {
    const origin = text === '' ? undefined : text;
    const known = before.find((held) => held.origin === origin && held.code === code && held.from === from);
    const { since = this.#parts.node.environment.now(), times = 0 } = known ?? {};
    return {
      by: 'there',
      table,
      origin,
      sequence,
      code,
      reason,
      hint: undefined,
      since,
      times: times + 1,
      ...(from !== undefined && { from }),
    };
  }

  /** The peer says that it has sent everything it had of tables. */
  level(names: readonly string[]): void {
    const { tables, node } = this.#parts;
    for (const name of names) {
      const table = tables.shared.get(name);
      if (table?.levelReceived !== false && !this.heldBack.concerns(name)) continue;
      if (table !== undefined) table.levelReceived = true;
      this.heldBack.levelled(name);
      node.levelled();
    }
  }

  /** Returns whether everything that the peer has of a table is here. */
  isLevel(table: string): boolean {
    return this.#parts.tables.shared.get(table)?.levelReceived === true && !this.heldBack.concerns(table);
  }

  /** Lists what is held back between the two nodes, on either side. */
  all(): readonly HeldBackOperations[] {
    return [...this.heldBack.all(), ...[...this.#there.values()].flat()];
  }

  stop(): void {
    this.heldBack.stop();
  }

  /** Once per session, and across sessions as often as any notice. */
  #tell(held: HeldBackOperations): void {
    const { node } = this.#parts;
    // What others brought is for them to tell.
    if (held.times === 1 && held.from === undefined) node.report(heldBack(held, this.#parts.peer() ?? ''));
    node.levelled();
  }

  #taken(held: HeldBackOperations): void {
    const { node } = this.#parts;
    node.report(takenAgain(held, this.#parts.peer() ?? ''));
    node.levelled();
  }

  #tellLife(origin: string): void {
    const why = 'that life lies too many restarts back';
    this.#parts.node.report(lifeRefused(origin, why, this.#parts.peer()));
  }
}

/** Lists what of a table is held back that others than one peer brought, with who did. */
export function heldBackBeside(
  sessions: readonly { readonly nodeId: string | undefined; readonly taking: Taking }[],
  taking: object,
  table: string,
): HeldBackState[] {
  return sessions
    .filter((session) => session.taking !== taking)
    .flatMap((session) =>
      session.taking.heldBack.toldOf(table).map((held) => ({ ...held, from: session.nodeId })),
    );
}
