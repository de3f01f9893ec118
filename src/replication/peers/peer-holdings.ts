import { MAX_HOLDINGS, type OperationName, type WantedOperation } from '../wire/holding-wire.ts';

/** Knows what one peer says it holds durably, of what it was asked for over one connection. */
export class PeerHoldings {
  readonly #ask: (wants: readonly WantedOperation[]) => void;
  readonly #asked = new Map<string, WantedOperation>();
  readonly #held = new Map<string, number>();

  constructor(ask: (wants: readonly WantedOperation[]) => void) {
    this.#ask = ask;
  }

  /** Asks for what was not asked for yet, as far as there is room: what is answered makes some. */
  want(wants: readonly WantedOperation[]): void {
    const asks: WantedOperation[] = [];
    for (const want of wants) {
      const asked = this.#asked.get(nameOf(want));
      const isNew = asked === undefined;
      if (isNew ? this.#asked.size >= MAX_HOLDINGS : !isMore(want, asked)) continue;
      this.#asked.set(nameOf(want), want);
      asks.push(want);
    }
    if (asks.length > 0) this.#ask(asks);
  }

  /** The peer says what it holds; what it was not asked for counts for nothing. Returns whether it is news. */
  heard(holds: readonly OperationName[] = []): boolean {
    let isNews = false;
    for (const held of holds) {
      const name = nameOf(held);
      const asked = this.#asked.get(name);
      if (asked === undefined) continue;
      this.#held.set(name, Math.max(held.sequence, this.#held.get(name) ?? 0));
      if (held.sequence >= asked.sequence) this.#asked.delete(name);
      isNews = true;
    }
    return isNews;
  }

  /** Says up to which operation of its author a peer holds a table; undefined while it has not said it. */
  held(want: WantedOperation): number | undefined {
    return this.#held.get(nameOf(want));
  }

  holds(want: WantedOperation): boolean {
    return (this.held(want) ?? 0) >= want.sequence;
  }
}

function nameOf({ table, origin }: OperationName): string {
  return `${table}\n${origin}`;
}

function isMore(want: WantedOperation, asked: WantedOperation): boolean {
  const { epoch } = asked;
  const isOther = want.epoch.counter !== epoch.counter || want.epoch.origin !== epoch.origin;
  return want.sequence > asked.sequence || isOther;
}
