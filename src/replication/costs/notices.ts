import type { Environment, Timer } from '../../environment.ts';
import type { NodeEvent, NodeEventCode } from '../../events.ts';

/**
 * Bounds the time, in milliseconds, within which what comes again of one peer, table and cause is counted and
 * told as one.
 */
const COUNTED_MS = 60_000;
/** Most different notices about peers, and about one of them, that are told within that time; of further ones only how many. */
export const MAX_NOTICES = 4096;
export const MAX_NOTICES_OF_PEER = 256;
/** A coming and going is told so often within that time before it is counted: each time something is different. */
const TURNS_TOLD = 8;
const COMES_AND_GOES: ReadonlySet<NodeEventCode> = new Set([
  'peer-connected',
  'peer-lost',
  'mode-switched',
  'checkpoint-adopted',
  'table-diverged',
  'table-agrees',
]);

interface Counted {
  readonly who: string;
  told: number;
  /** Counts how often it came since it was told last; `last` says how the last one read. */
  times: number;
  event: NodeEvent;
}

/**
 * Tells what peers make happen. The same of one peer, table and cause is told once and then counted: a peer that sends
 * faster decides nothing about the length of a log. What was counted is told as one, with `details.times`.
 */
export class Notices {
  readonly #environment: Environment;
  readonly #tell: (event: NodeEvent) => void;
  readonly #counted = new Map<string, Counted>();
  /** Counts how many of them are of one peer. */
  readonly #ofPeer = new Map<string, number>();
  #leftOut = 0;
  #timer: Timer | undefined;

  constructor(environment: Environment, tell: (event: NodeEvent) => void) {
    this.#environment = environment;
    this.#tell = tell;
  }

  report(event: NodeEvent): void {
    const who = whoOf(event);
    const key = keyOf(event, who);
    const known = this.#counted.get(key);
    if (known === undefined && !this.#enter(who)) {
      this.#leftOut++;
      return;
    }
    this.#timer ??= this.#environment.schedule(COUNTED_MS, () => this.#sumUp());
    const most = COMES_AND_GOES.has(event.code) ? TURNS_TOLD : 1;
    if (known !== undefined && known.told >= most) {
      known.times++;
      known.event = event;
      return;
    }
    this.#counted.set(key, { who, told: (known?.told ?? 0) + 1, times: 0, event });
    this.#tell(event);
  }

  /** Makes room for one more notice of a peer; false when there is none. */
  #enter(who: string): boolean {
    const count = this.#ofPeer.get(who) ?? 0;
    if (count >= MAX_NOTICES_OF_PEER || this.#counted.size >= MAX_NOTICES) return false;
    this.#ofPeer.set(who, count + 1);
    return true;
  }

  #forget(key: string, who: string): void {
    this.#counted.delete(key);
    const count = this.#ofPeer.get(who) ?? 0;
    if (count > 1) this.#ofPeer.set(who, count - 1);
    else this.#ofPeer.delete(who);
  }

  /** Tells what was counted so far, and counts no more. */
  stop(): void {
    this.#sumUp();
    this.#timer?.cancel();
  }

  #sumUp(): void {
    this.#timer = undefined;
    for (const [key, counted] of this.#counted) {
      if (counted.times === 0) this.#forget(key, counted.who);
      else this.#sayAgain(counted);
    }
    if (this.#leftOut > 0) this.#tell(leftOut(this.#leftOut));
    this.#leftOut = 0;
    if (this.#counted.size > 0) this.#timer = this.#environment.schedule(COUNTED_MS, () => this.#sumUp());
  }

  #sayAgain(counted: Counted): void {
    const { event, times } = counted;
    counted.told = TURNS_TOLD;
    counted.times = 0;
    this.#tell({
      ...event,
      message: `${event.message} (${times} times more)`,
      details: { ...event.details, times },
    });
  }
}

/** Says which peer an event is about; of one that is known by its address alone the port says nothing. */
function whoOf({ peer = '' }: NodeEvent): string {
  return peer.replace(/:\d+$/, '');
}

/** Notices of claims, which may name any author: one is told for all of them. */
const CLAIMS: ReadonlySet<NodeEventCode> = new Set(['access-refused', 'fork-claimed']);

/** Peer, table and cause of an event. */
function keyOf({ code, table, details }: NodeEvent, who: string): string {
  const { right, by, origin, code: cause, dialled, reason } = details ?? {};
  if (by === 'there') return JSON.stringify([code, who, table, by]);
  const author = CLAIMS.has(code) ? undefined : origin;
  return JSON.stringify([code, who, table, right, by, author, cause, dialled, reason]);
}

function leftOut(times: number): NodeEvent {
  return {
    code: 'notices-left-out',
    severity: 'warning',
    message: `${times} notices about peers were left out: more than ${MAX_NOTICES} different ones came within a minute.`,
    details: { times, limit: MAX_NOTICES },
  };
}
