import { TablecastError } from '../errors.ts';
import { deniedByCarrier, linkOver, refusedByCarrier } from './errors.ts';
import type { Appended, Carried, CarriedHead, Carrier, CarrierLink, Note, Subject } from './carrier.ts';
import { NotesWaiting } from './notes-waiting.ts';

/** The options of an in-memory carrier, whose faults tests choose. */
export interface MemoryCarrierOptions {
  readonly maxMessageBytes?: number | undefined;
  /** Runs a task later, as network and server would. */
  readonly defer?: ((task: () => void) => void) | undefined;
  /** Decides on the acknowledgement of an append: `lost` ends the link after the message was taken. */
  readonly outcome?: ((message: Appended) => 'kept' | 'lost' | 'full') | undefined;
  /** Says whether a message may be appended; without it, every one may. */
  readonly permits?: ((message: Appended) => boolean) | undefined;
  /** Says how many messages a reader is given again before the next one. */
  readonly again?: (() => number) | undefined;
  /** Says whether a note gets lost. */
  readonly loses?: ((note: Note) => boolean) | undefined;
}

/** A carrier as one node has it. */
export interface MemoryCarrierOfNode extends Carrier {
  /** The node is cut off from it, or not any more. */
  setAway(isAway: boolean): void;
}

/** A snapshot of a carrier's memory. */
export type MemorySnapshot = readonly Carried[];

/** A replica of a memory that does not lead any more: it goes on under places of its own. */
interface Replica {
  readonly messages: Carried[];
  lastPlace: number;
}

/** Keeps messages in this process: the reference for what a carrier does, with the faults that servers have. */
export class MemoryCarrier {
  readonly name: string;
  readonly maxMessageBytes: number;
  readonly options: MemoryCarrierOptions;
  messages: Carried[] = [];
  readonly blobs: Map<string, Uint8Array[]> = new Map();
  readonly links: Set<MemoryLink> = new Set();
  /** Listens: each with what waits for it. */
  readonly listeners: Map<NotesWaiting, string> = new Map();
  /** Counts appended messages, those included that are gone. */
  appended = 0;
  lastPlace = 0;
  #made = 1;
  /** While it is away, nobody is let in. */
  isAway = false;
  #waiting: (() => void)[] = [];
  /** The last message under each subject, of the first so many of a list. */
  #index = { of: this.messages, count: 0, last: new Map<string, Carried>() };

  constructor(name: string, options: MemoryCarrierOptions = {}) {
    this.name = name;
    this.maxMessageBytes = options.maxMessageBytes ?? 1024 * 1024;
    this.options = options;
  }

  get identity(): string {
    return `${this.name}#${this.#made}`;
  }

  /** Returns it as one node has it. */
  forNode(): MemoryCarrierOfNode {
    const links = new Set<MemoryLink>();
    let isAway = false;
    return {
      setAway: (isCut) => {
        isAway = isCut;
        if (isCut) for (const link of links) link.over('the link was cut');
      },
      name: this.name,
      open: async (signal) => {
        if (isAway) throw away(this.name);
        const link = await this.#open(signal);
        links.add(link);
        return link;
      },
      close: async () => {
        for (const link of links) link.close();
      },
    };
  }

  async #open(signal: AbortSignal): Promise<MemoryLink> {
    await this.pause();
    if (this.isAway || signal.aborted) {
      throw away(this.name);
    }
    const link = new MemoryLink(this);
    this.links.add(link);
    return link;
  }

  /** Ends every link. */
  cut(reason: string): void {
    for (const link of this.links) link.over(reason);
  }

  /** Takes everything away, as who deletes it and makes it anew. */
  remake(): void {
    this.#made++;
    this.restore([]);
    this.blobs.clear();
  }

  snapshot(): MemorySnapshot {
    return [...this.messages];
  }

  /** Puts back what was there once; what came later is lost, and its places are given again. */
  restore(snapshot: MemorySnapshot): void {
    this.messages = [...snapshot];
    this.lastPlace = snapshot.at(-1)?.place ?? 0;
    this.cut('restored');
  }

  /**
   * Lets another replica lead, which has other messages: it counts from now on. Links that are open read the former one
   * on, until they are cut.
   */
  lead(messages: MemorySnapshot): void {
    const former = { messages: this.messages, lastPlace: this.lastPlace };
    for (const link of this.links) link.former ??= former;
    this.messages = [...messages];
    this.lastPlace = messages.at(-1)?.place ?? 0;
  }

  /** Calls once something was appended. */
  onNews(call: () => void): void {
    this.#waiting.push(call);
  }

  /** Returns the last message under each subject, by its tokens in lines. */
  get last(): ReadonlyMap<string, Carried> {
    if (this.#index.of !== this.messages) this.#index = { of: this.messages, count: 0, last: new Map() };
    const { last, count } = this.#index;
    for (const message of this.messages.slice(count)) last.set(nameOf(message.subject), message);
    this.#index.count = this.messages.length;
    return last;
  }

  add({ subject, headers, bytes }: Appended): number {
    this.appended++;
    const former = new Set(Array.from(this.links, (link) => link.former));
    for (const replica of [this, ...former])
      replica?.messages.push({ place: ++replica.lastPlace, subject, headers, bytes });
    this.wake();
    return this.lastPlace;
  }

  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  pause(): Promise<void> {
    return new Promise((resolve) => (this.options.defer ?? queueMicrotask)(resolve));
  }
}

/** Returns the first message at a place or behind it. */
function firstFrom(messages: readonly Carried[], place: number): Carried | undefined {
  let [low, high] = [0, messages.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((messages[middle]?.place ?? 0) < place) low = middle + 1;
    else high = middle;
  }
  return messages[low];
}

function nameOf(subject: Subject): string {
  return subject.join('\n');
}

function away(name: string): TablecastError {
  return new TablecastError('PEER_UNREACHABLE', `${name} is away`, { hint: 'Let it come back.' });
}

class MemoryLink implements CarrierLink {
  readonly identity: string;
  readonly maxMessageBytes: number;
  readonly newest: number;
  readonly ended: Promise<string>;
  /** The replica that it reads, where that does not lead any more. */
  former: Replica | undefined;
  readonly #carrier: MemoryCarrier;
  readonly #ids = new Map<string, number>();
  /** Notes on their way: they come in their order, whatever turn comes first. */
  readonly #said: Note[] = [];
  #isOver = false;
  #resolve: (reason: string) => void = () => undefined;

  constructor(carrier: MemoryCarrier) {
    this.#carrier = carrier;
    this.identity = carrier.identity;
    this.maxMessageBytes = carrier.maxMessageBytes;
    this.newest = carrier.lastPlace;
    this.ended = new Promise((resolve) => (this.#resolve = resolve));
  }

  answers(): Promise<void> {
    return this.#turn();
  }

  async *latest(): AsyncGenerator<CarriedHead> {
    await this.#turn();
    const heads = [...this.#carrier.last.values()].toSorted((one, other) => one.place - other.place);
    for (const { place, subject, headers } of heads) yield { place, subject, headers };
  }

  async last(subject: Subject): Promise<Carried | undefined> {
    await this.#turn();
    return this.#find(subject);
  }

  #find(subject: Subject): Carried | undefined {
    return this.#carrier.last.get(nameOf(subject));
  }

  async append(message: Appended): Promise<number | undefined> {
    await this.#turn();
    const outcome = this.#carrier.options.outcome?.(message) ?? 'kept';
    if (this.#carrier.options.permits?.(message) === false)
      throw deniedByCarrier(this.#carrier.name, 'it is not permitted');
    if (outcome === 'full') throw refusedByCarrier(this.#carrier.name, 'it is full');
    const known = this.#ids.get(message.id);
    if (known !== undefined) return known;
    if ((this.#find(message.subject)?.place ?? 0) !== message.after) return undefined;
    const place = this.#carrier.add(message);
    this.#ids.set(message.id, place);
    if (outcome === 'lost') this.over('the acknowledgement was lost');
    await this.#turn();
    return place;
  }

  async *read(from: number, signal: AbortSignal): AsyncGenerator<Carried> {
    await this.#turn();
    let wake: () => void = () => undefined;
    signal.addEventListener('abort', () => wake());
    const isDone = (): boolean => signal.aborted || this.#isOver;
    for (let next = from; !isDone();) {
      const message = firstFrom((this.former ?? this.#carrier).messages, next);
      if (message === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          this.#carrier.onNews(resolve);
        });
      } else {
        await this.#carrier.pause();
        if (isDone()) return;
        yield message;
        next = Math.max(1, message.place + 1 - (this.#carrier.options.again?.() ?? 0));
      }
    }
  }

  async keep(name: string, bytes: Uint8Array): Promise<void> {
    await this.#turn();
    const kept = this.#carrier.blobs.get(name) ?? [];
    this.#carrier.blobs.set(name, [...kept, bytes]);
  }

  async *kept(name: string): AsyncGenerator<Uint8Array> {
    await this.#turn();
    yield* this.#carrier.blobs.get(name) ?? [];
  }

  async forget(name: string): Promise<void> {
    await this.#turn();
    this.#carrier.blobs.delete(name);
  }

  async trim(subject: Subject, last: number): Promise<void> {
    await this.#turn();
    const carrier = this.#carrier;
    carrier.messages = carrier.messages.filter((message) => {
      const isBelow = message.subject.length > subject.length;
      return (
        !isBelow || message.place > last || subject.some((token, index) => message.subject[index] !== token)
      );
    });
  }

  async thin(subject: Subject): Promise<void> {
    await this.#turn();
    const last = this.#find(subject);
    const name = subject.join('\n');
    const carrier = this.#carrier;
    carrier.messages = carrier.messages.filter((one) => one === last || one.subject.join('\n') !== name);
  }

  async tell(said: Note): Promise<void> {
    this.#said.push(said);
    await this.#turn();
    const { listeners, options } = this.#carrier;
    const note = this.#said.shift() as Note;
    if (options.loses?.(note) === true) return;
    for (const [waiting, name] of listeners) if (note.to === undefined || note.to === name) waiting.add(note);
  }

  async hear(name: string, signal: AbortSignal): Promise<AsyncIterable<Note>> {
    await this.#turn();
    const { listeners } = this.#carrier;
    const waiting = new NotesWaiting(() => void listeners.delete(waiting));
    listeners.set(waiting, name);
    const stop = (): void => waiting.end();
    signal.addEventListener('abort', stop);
    void this.ended.then(stop);
    if (signal.aborted) stop();
    return waiting;
  }

  close(): void {
    this.over('closed');
  }

  over(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#carrier.links.delete(this);
    this.#resolve(reason);
    this.#carrier.wake();
  }

  async #turn(): Promise<void> {
    await this.#carrier.pause();
    if (this.#isOver) throw linkOver(this.#carrier.name);
  }
}
