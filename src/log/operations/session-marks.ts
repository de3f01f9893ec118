/** Stretches remembered of one origin; of one with more the oldest are forgotten. */
export const MAX_STRETCHES = 64;

/** In ascending order: first sequence, session, first sequence, session, … */
export type Stretches = readonly number[];

/** Returns the session that wrote an operation, according to `stretches`; 0 when they do not say. */
export function sessionIn(stretches: Stretches, sequence: number): number {
  for (let at = stretches.length - 2; at >= 0; at -= 2)
    if ((stretches[at] as number) <= sequence) return stretches[at + 1] as number;
  return 0;
}

/**
 * Per origin (by its number), in which session of its author what is held was written. A session goes on
 * from one past and takes nothing back that it told: where two nodes name the same session for an operation
 * they hold the same up to there, and where they name different ones they hold different operations under
 * one name. Sessions are those that runs carry; 0 stands for one that is not known.
 */
export class SessionMarks {
  readonly #stretches = new Map<number, number[]>();

  /** An operation of an origin, and those after it until the next note, were written in a session. */
  note(origin: number, firstSequence: number, session: number): void {
    let stretches = this.#stretches.get(origin);
    if (stretches === undefined) this.#stretches.set(origin, (stretches = []));
    // The earlier note was discarded by its author.
    while (stretches.length > 0 && (stretches.at(-2) as number) >= firstSequence) stretches.length -= 2;
    if (stretches.at(-1) === session) return;
    stretches.push(firstSequence, session);
    if (stretches.length > 2 * MAX_STRETCHES) stretches.splice(0, 2);
  }

  /** Returns the session that wrote an operation which is held; 0 when that is not known. */
  of(origin: number, sequence: number): number {
    return sessionIn(this.#stretches.get(origin) ?? [], sequence);
  }

  /** Returns what is known of an origin. */
  stretches(origin: number): Stretches {
    return this.#stretches.get(origin) ?? [];
  }

  /** Takes over what another node knows of an origin of which it holds more than the first `held` operations. */
  take(origin: number, held: number, theirs: Stretches | undefined): void {
    if (theirs !== undefined && theirs.length > 0) this.#stretches.set(origin, [...theirs]);
    else this.note(origin, held + 1, 0);
  }

  forget(origin: number): void {
    this.#stretches.delete(origin);
  }
}
