import { Feed, type FeedSource } from './feed.ts';

/** The feeds that somebody follows, by name. */
export class Feeds {
  readonly #feeds = new Map<string, { readonly feed: Feed; users: number }>();

  /** The feed of a name, made of a source if nobody follows it yet, and what is called once it is not needed any more. */
  enter(name: string, source: FeedSource): { readonly feed: Feed; leave(): void } {
    let known = this.#feeds.get(name);
    if (known === undefined || known.feed.over) {
      known = { feed: new Feed(source), users: 0 };
      this.#feeds.set(name, known);
    }
    const entry = known;
    entry.users++;
    const leave = (): void => {
      if (--entry.users > 0) return;
      entry.feed.stop();
      if (this.#feeds.get(name) === entry) this.#feeds.delete(name);
    };
    return { feed: entry.feed, leave };
  }

  close(): void {
    for (const { feed } of this.#feeds.values()) feed.stop();
  }
}
