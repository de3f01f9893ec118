/** Between two marks of one origin lie at least this many operations. */
const OPERATIONS_PER_MARK = 8192;

interface Mark {
  readonly sequence: number;
  readonly position: number;
}

/**
 * Sparse index of one table's log: where, roughly, an origin's operation stands. Lets a peer be
 * caught up from where it left off without reading the log from the beginning.
 */
export class Marks {
  readonly #marks = new Map<number, Mark[]>();

  /** Notes that an origin's operation `sequence` stands at `position` or later. */
  note(origin: number, sequence: number, position: number): void {
    const marks = this.#marks.get(origin);
    if (marks === undefined) {
      this.#marks.set(origin, [{ sequence, position }]);
    } else if (sequence - (marks.at(-1) as Mark).sequence >= OPERATIONS_PER_MARK) {
      marks.push({ sequence, position });
    }
  }

  /** A checkpoint sums up what comes before `sequence`, which stands anywhere in the log; the rest begins at `position`. */
  summedUp(origin: number, sequence: number, position: number): void {
    this.#marks.set(origin, [
      { sequence: 1, position: 1 },
      { sequence, position },
    ]);
  }

  /** Forgets where an origin's operations from `sequence` on were to stand: they were not written. */
  forgetFrom(origin: number, sequence: number): void {
    const kept = (this.#marks.get(origin) ?? []).filter((mark) => mark.sequence < sequence);
    if (kept.length > 0) this.#marks.set(origin, kept);
    else this.#marks.delete(origin);
  }

  /** Returns a position at or before that of an origin's operation; 1 when nothing is known. */
  positionOf(origin: number | undefined, sequence: number): number {
    const marks = origin === undefined ? undefined : this.#marks.get(origin);
    let position = 1;
    for (const mark of marks ?? []) {
      if (mark.sequence > sequence) break;
      position = mark.position;
    }
    return position;
  }
}
