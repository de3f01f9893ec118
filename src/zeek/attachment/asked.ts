/** Zeek nodes whose answers are remembered; the one asked first is forgotten first. */
const MAX_NODES = 1024;

interface Question {
  at: number;
  readonly parts: Set<number>;
  isDone: boolean;
}

/** Zeek nodes that were asked for their tables, and what of the answer came. */
export class Asked {
  readonly #questions = new Map<string, Question>();

  /** Returns whether a node is to be asked now; then it counts as asked. */
  isToAsk(id: string, { now, again }: { readonly now: number; readonly again: number }): boolean {
    const known = this.#questions.get(id);
    if (known !== undefined && (known.isDone || now - known.at < again)) return false;
    if (known === undefined && this.#questions.size >= MAX_NODES)
      this.#questions.delete(this.#questions.keys().next().value ?? '');
    this.#questions.set(id, { at: now, parts: known?.parts ?? new Set(), isDone: false });
    return true;
  }

  /** A part of an answer came; false if nobody asked that node. */
  answered({
    id,
    part,
    parts,
  }: {
    readonly id: string;
    readonly part: number;
    readonly parts: number;
  }): boolean {
    const known = this.#questions.get(id);
    if (known === undefined) return false;
    known.parts.add(part);
    known.isDone = known.parts.size >= parts;
    return true;
  }

  clear(): void {
    this.#questions.clear();
  }
}
