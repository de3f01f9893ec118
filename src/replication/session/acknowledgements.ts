import type { Environment, Timer } from '../../environment.ts';
import type { SegmentStore } from '../../log/keeping/segment-store.ts';
import type { PeerState } from '../peers/peer-state.ts';
import type { ReceivedReference } from '../replica.ts';
import type { WantedOperation } from '../wire/holding-wire.ts';
import { Holdings } from './holdings.ts';
import type { SessionParts } from './session-parts.ts';
import type { TakenIn } from './taken-in.ts';
import type { Message } from '../wire/wire.ts';

/** Bounds what is received before it is acknowledged: this many bytes, or this many milliseconds. */
const ACK_BYTES = 512 * 1024;
const ACK_MS = 10;
/** So many places in the log are waited for, of one peer; of what comes beyond, only the last. */
const MAX_MARKS = 64;
/** So many runs wait for what they follow, of one peer; with more, the first counts as not taken. */
const MAX_RUNS_WAITING = 4096;

/** Durability is what a peer says of what it was sent. */
export type Durability = Pick<PeerState, 'durableOperations' | 'durabilityProblem'>;

/** Nothing, as peers of version 0.2 and earlier. */
export const UNSAID: Durability = { durableOperations: undefined, durabilityProblem: undefined };

/** Acknowledged is what a peer has acknowledged. */
export type Acknowledged = Omit<Extract<Message, { type: 'ack' }>, 'type'>;

/** Reads what an acknowledgement says of it. */
export function durabilityIn({ durable, problem }: Acknowledged): Durability {
  return { durableOperations: durable, durabilityProblem: problem === '' ? undefined : problem };
}

/** For each durable store that some operations went into, the position up to which it must have committed. */
type Positions = ReadonlyMap<SegmentStore, number>;

/** A peer's operations up to a number, and where in this node's stores those end that no mark before names. */
interface Mark {
  readonly operations: number;
  readonly positions: Positions;
}

/** The peer as it is answered. */
interface Peer {
  isShared(this: void, table: string): boolean;
  /** Charges it with so many units of work. */
  spend(this: void, units: number): void;
  send(this: void, message: Message): void;
}

/** Counts operations that came over one connection and are held, each of them once however often it came. */
class Delivered {
  /** Per table and origin, the last that came. */
  readonly #last = new Map<string, Map<string, number>>();
  operations = 0;

  add({ table, origin, firstSequence, count }: ReceivedReference): void {
    const ofTable = this.#last.get(table) ?? new Map<string, number>();
    this.#last.set(table, ofTable);
    const before = Math.max(ofTable.get(origin) ?? 0, firstSequence - 1);
    const last = firstSequence + count - 1;
    if (last <= before) return;
    ofTable.set(origin, last);
    this.operations += last - before;
  }
}

/**
 * Tells a peer how much of what it sent has been taken in, so that it sends on, and how much of that is
 * as durable as the backends of its tables make it, so that it may say so (docs/decisions/0049).
 */
export class Acknowledgements {
  readonly #environment: Environment;
  readonly #spend: Peer['spend'];
  readonly #send: Peer['send'];
  #receivedBytes = 0;
  #seenOperations = 0;
  #confirmedBytes = 0;
  #durable = 0;
  /** Counts once what was sent twice, because this node said anew what it holds. */
  readonly #delivered = new Delivered();
  readonly #marks: Mark[] = [];
  /** Frames that are not held yet, and those behind them: nothing is said of what comes behind what is missing. */
  #waiting: TakenIn[] = [];
  #runsWaiting = 0;
  /** Something was not taken: of what comes behind it nothing more is said. */
  #refused = false;
  #told = { durable: 0, problem: '' };
  /** Something was received, or became durable, of which the peer has not heard. */
  #isDue = false;
  readonly #holdings: Holdings;
  #timer: Timer | undefined;

  constructor(
    { environment, replica }: Pick<SessionParts, 'environment' | 'replica'>,
    { isShared, spend, send }: Peer,
  ) {
    this.#environment = environment;
    this.#holdings = new Holdings(replica, isShared);
    this.#spend = spend;
    this.#send = send;
  }

  /** A frame of so many bytes was taken in. */
  received(bytes: number, taken?: TakenIn): void {
    this.#isDue = true;
    this.#receivedBytes += bytes;
    this.#seenOperations += taken?.operations ?? 0;
    if (taken !== undefined && !this.#refused) this.#wait(taken);
    if (this.#receivedBytes - this.#confirmedBytes >= ACK_BYTES) this.#confirm();
    else this.#schedule();
  }

  /** A store has committed more, or fails, or works again; or a checkpoint was taken over. */
  stored(): void {
    if (this.#holdings.size > 0) this.#schedule();
    if (this.#waiting.length === 0 && this.#told.durable === this.#delivered.operations) return;
    this.#settle();
    this.#look();
    if (this.#durable === this.#told.durable && this.#problem === this.#told.problem) return;
    this.#isDue = true;
    this.#schedule();
  }

  /** The peer asks what is held; the answer follows as soon as it is known, and no sooner than any acknowledgement. */
  asked(wants: readonly WantedOperation[] = []): void {
    if (wants.length === 0) return;
    this.#holdings.want(wants);
    this.#schedule();
  }

  /** Asks the peer what it holds. */
  ask(wants: readonly WantedOperation[]): void {
    this.#confirm(wants);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #schedule(): void {
    this.#timer ??= this.#environment.schedule(ACK_MS, () => this.#confirm());
  }

  #wait(taken: TakenIn): void {
    this.#waiting.push(taken);
    this.#runsWaiting += taken.runs.length;
    this.#settle();
  }

  /** Counts what is held by now, in the order in which it came. */
  #settle(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const standing = next.standing();
      if (standing === 'missing' && this.#runsWaiting <= MAX_RUNS_WAITING) return;
      if (standing !== 'held') return this.#refuse();
      this.#waiting.shift();
      this.#runsWaiting -= next.runs.length;
      for (const run of next.runs) this.#delivered.add(run);
      if (next.operations > 0) this.#mark(next.stores());
    }
  }

  #refuse(): void {
    this.#refused = true;
    this.#waiting = [];
    this.#runsWaiting = 0;
  }

  #mark(stores: ReadonlySet<SegmentStore>): void {
    const last = this.#marks.at(-1);
    const isCovered = [...stores].every((store) => last?.positions.get(store) === store.appended);
    const { operations } = this.#delivered;
    if (last !== undefined && isCovered) {
      this.#marks[this.#marks.length - 1] = { operations, positions: last.positions };
      return;
    }
    const positions = new Map(this.#marks.length === MAX_MARKS ? this.#marks.pop()?.positions : []);
    for (const store of stores) positions.set(store, store.appended);
    this.#marks.push({ operations, positions });
  }

  #look(): void {
    const waiting = this.#marks.findIndex(({ positions }) => !isCommitted(positions));
    const done = this.#marks.splice(0, waiting === -1 ? this.#marks.length : waiting);
    this.#durable = done.at(-1)?.operations ?? this.#durable;
  }

  /** Says why the next that is not durable is not: a code, or nothing while it is under way. */
  get #problem(): string {
    const [next] = this.#marks;
    if (next === undefined) return this.#refused ? 'PEER_REFUSED' : '';
    const inTheWay = [...next.positions].filter(([store, position]) => store.committed < position);
    return inTheWay.find(([{ failure }]) => failure !== undefined)?.[0].failure?.code ?? '';
  }

  /** Says what is new; nothing where there is nothing. */
  #confirm(wants: readonly WantedOperation[] = []): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#spend(this.#holdings.size);
    const holds = this.#holdings.news();
    if (!this.#isDue && holds.length + wants.length === 0) return;
    this.#isDue = false;
    this.#confirmedBytes = this.#receivedBytes;
    this.#look();
    this.#told = { durable: this.#durable, problem: this.#problem };
    this.#send({
      type: 'ack',
      bytes: this.#receivedBytes,
      operations: this.#seenOperations,
      ...this.#told,
      wants,
      holds,
    });
  }
}

function isCommitted(positions: Positions): boolean {
  for (const [store, position] of positions) if (store.committed < position) return false;
  return true;
}
