/** The limits say how much of a node's log is kept; what none of them names is kept for ever. */
export interface RetentionLimits {
  /** Milliseconds by this node's clock since an operation came into this log. */
  readonly ageMs?: number | undefined;
  /** Bytes of log as they are stored. */
  readonly bytes?: number | undefined;
  /** Positions of the log. */
  readonly operations?: number | undefined;
}

/** Marks per age: an operation is at most a sixteenth of the age older than it seems. */
const MARKS_PER_AGE = 16;
/** Marks kept at most. */
const MAX_MARKS = 64;
/** Says which part of the age is trimmed at least, a quarter, so that it is not done all the time. */
const AGE_SLACK = 1.25;

type AgeMark = readonly [timeMs: number, position: number];

/** The marks say where the log stood at which time: enough to say which operations are older than an age. */
export class AgeMarks {
  readonly #ageMs: number;
  #marks: AgeMark[] = [];

  constructor(ageMs: number) {
    this.#ageMs = ageMs;
  }

  /** Notes where the log stands now; true when that is worth remembering. A clock set back counts as standing still. */
  note(nowMs: number, position: number): boolean {
    const last = this.#marks.at(-1);
    if (last !== undefined && (nowMs - last[0] < this.#ageMs / MARKS_PER_AGE || position === last[1]))
      return false;
    this.#marks.push([nowMs, position]);
    if (this.#marks.length > MAX_MARKS) this.#marks.shift();
    return true;
  }

  /**
   * Returns the position to trim to now: what stands there is older than the age. 0 when that is not worth it
   * yet.
   */
  due(nowMs: number, trimmedTo: number): number {
    const overdue = this.#before(nowMs - this.#ageMs * AGE_SLACK);
    return overdue > trimmedTo ? this.#before(nowMs - this.#ageMs) : 0;
  }

  #before(timeMs: number): number {
    return this.#marks.findLast(([time]) => time <= timeMs)?.[1] ?? 0;
  }

  /** Forgets marks that lie before what was trimmed. */
  forgetTo(position: number): void {
    this.#marks = this.#marks.filter(([, at]) => at > position);
  }

  encode(): Uint8Array {
    return new TextEncoder().encode(JSON.stringify(this.#marks));
  }

  /** Takes over what {@link encode} gave; anything else counts as no marks. */
  decode(bytes: Uint8Array): void {
    let marks: unknown;
    try {
      marks = JSON.parse(new TextDecoder().decode(bytes));
    } catch {
      return;
    }
    if (Array.isArray(marks) && marks.length <= MAX_MARKS && marks.every(isMark)) this.#marks = marks;
  }
}

function isMark(mark: unknown): mark is AgeMark {
  return (
    Array.isArray(mark) && mark.length === 2 && Number.isFinite(mark[0]) && Number.isSafeInteger(mark[1])
  );
}
