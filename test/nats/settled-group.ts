import type { Carrier, CarrierLink } from '../../src/carrier/carrier.ts';
import type { MemoryCarrierOfNode } from '../../src/carrier/memory-carrier.ts';
import { TablecastError } from '../../src/errors.ts';
import { natsCarrier } from '../../src/nats/nats-carrier.ts';
import type { SimulatedCarrier } from '../../src/simulation/cluster.ts';

let groups = 0;

/** Says whether something is owed to who waits at the end of an iterable. */
type IsOwed = () => boolean;

/** Knows what a real server was asked for and has not done: virtual time stands still meanwhile. */
class Owed {
  /** Is the place of the last message that was taken. */
  newest = 0;
  /** Listens, by the names under which notes are heard. */
  readonly listeners: Set<{ readonly name: string; owed: number }> = new Set();
  readonly #waits = new Set<IsOwed>();
  #changed: () => void = () => undefined;

  /** Resolves once something was done; undefined: nothing is owed. */
  readonly underWay = (): Promise<void> | undefined => {
    for (const isOwed of this.#waits) {
      if (isOwed()) return new Promise((resolve) => (this.#changed = resolve));
    }
    return undefined;
  };

  /** Waits for something, which counts as owed while `isOwed` says so. */
  async for<T>(work: Promise<T>, isOwed: IsOwed = () => true): Promise<T> {
    const wait = (): boolean => isOwed();
    this.#waits.add(wait);
    try {
      return await work;
    } finally {
      this.#waits.delete(wait);
      this.change();
    }
  }

  /** What is owed may be something else from now on. */
  change(): void {
    this.#changed();
  }

  async *each<T>(of: AsyncIterable<T>, isOwed?: IsOwed): AsyncGenerator<T> {
    const items = of[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await this.for(items.next(), isOwed);
        if (done === true) return;
        yield value;
      }
    } finally {
      await items.return?.();
    }
  }
}

/**
 * A group of its own at a real server, for nodes on virtual time. That goes on once the server has taken what it was
 * given, and every node has what the server owes it, so that a second of it means what it means over links.
 */
export function settledGroup(servers: string): SimulatedCarrier {
  const group = `settled-${process.pid}-${++groups}`;
  const owed = new Owed();
  return {
    underWay: owed.underWay,
    memory: { forNode: () => carrierOfNode(natsCarrier({ servers, group }), owed) },
  };
}

function carrierOfNode(carrier: Carrier, owed: Owed): MemoryCarrierOfNode {
  const links = new Set<CarrierLink>();
  let isAway = false;
  async function open(signal: AbortSignal): Promise<CarrierLink> {
    if (isAway) throw cutOff(carrier.name);
    const link = await carrier.open(signal);
    links.add(link);
    void link.ended.then(() => links.delete(link));
    owed.newest = Math.max(owed.newest, link.newest);
    // It was cut off while it dialled.
    if (isAway) link.close();
    return settledLink(link, owed);
  }
  return {
    name: carrier.name,
    setAway: (isCut) => {
      isAway = isCut;
      if (isCut) for (const link of links) void owed.for(closed(link));
    },
    open: (signal) => owed.for(open(signal)),
    close: () => owed.for(carrier.close()),
  };
}

function cutOff(name: string): TablecastError {
  return new TablecastError('PEER_UNREACHABLE', `${name} is away`, { hint: 'Let it come back.' });
}

function closed(link: CarrierLink): Promise<string> {
  link.close();
  return link.ended;
}

function settledLink(link: CarrierLink, owed: Owed): CarrierLink {
  // Behind the end of a link nothing is owed: a request that was under way waits in vain, for the client's own time.
  let isOver = false;
  const isOpen = (): boolean => !isOver;
  const end = async (): Promise<void> => {
    await link.ended;
    isOver = true;
    owed.change();
  };
  void end();
  return {
    identity: link.identity,
    maxMessageBytes: link.maxMessageBytes,
    newest: link.newest,
    ended: link.ended,
    answers: () => owed.for(link.answers(), isOpen),
    latest: () => owed.each(link.latest(), isOpen),
    last: (subject) => owed.for(link.last(subject), isOpen),
    append: async (message) => {
      const place = await owed.for(link.append(message), isOpen);
      owed.newest = Math.max(owed.newest, place ?? 0);
      return place;
    },
    async *read(from, signal) {
      let given = from - 1;
      const isOwed = (): boolean => isOpen() && !signal.aborted && given < owed.newest;
      for await (const message of owed.each(link.read(from, signal), isOwed)) {
        given = message.place;
        yield message;
      }
    },
    keep: (name, bytes) => owed.for(link.keep(name, bytes), isOpen),
    kept: (name) => owed.each(link.kept(name), isOpen),
    forget: (name) => owed.for(link.forget(name), isOpen),
    trim: (subject, place) => owed.for(link.trim(subject, place), isOpen),
    thin: (subject) => owed.for(link.thin(subject), isOpen),
    tell: async (note) => {
      await owed.for(link.tell(note), isOpen);
      for (const listener of owed.listeners)
        if (note.to === undefined || note.to === listener.name) listener.owed++;
    },
    hear: async (name, signal) => {
      const listener = { name, owed: 0 };
      const notes = await owed.for(link.hear(name, signal), isOpen);
      owed.listeners.add(listener);
      return notesOf(
        owed.each(notes, () => isOpen() && listener.owed > 0),
        listener,
        owed,
      );
    },
    close: () => void owed.for(closed(link)),
  };
}

async function* notesOf<T>(
  notes: AsyncIterable<T>,
  listener: { readonly name: string; owed: number },
  owed: Owed,
): AsyncGenerator<T> {
  try {
    for await (const note of notes) {
      listener.owed--;
      yield note;
    }
  } finally {
    owed.listeners.delete(listener);
  }
}
