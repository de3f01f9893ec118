import assert from 'node:assert/strict';
import type { Appended, Carried, Carrier, CarrierLink, Subject } from '../carrier/carrier.ts';

/** A place is a carrier's memory, empty at first, as one case of a suite sees it. */
export interface CarrierPlace {
  /** Makes a carrier on this memory, as one more node has it; the suite closes it. */
  carrier(): Carrier;
  /** Takes the memory away and makes it anew; left out where that cannot be had. */
  remake?(): Promise<void>;
  /**
   * Ends every link and lets nobody in, or lets everybody in again, with the memory as it was; left out where that
   * cannot be had.
   */
  setAway?(isAway: boolean): Promise<void>;
  /** Says whether there is room for what is appended from now on; left out where that cannot be had. */
  setRoom?(isRoom: boolean): Promise<void>;
  /** Takes the memory away; called once every carrier is closed. */
  remove(): Promise<void>;
}

/** The links of one case. */
export interface CarrierGround {
  readonly place: CarrierPlace;
  /** Makes a carrier, closed at the end. */
  readonly carrier: () => Carrier;
  /** Opens a link over a carrier of its own. */
  readonly link: () => Promise<CarrierLink>;
}

/** A promise of the port, checked with links of its own. */
export interface CarrierCase {
  readonly title: string;
  readonly check: (ground: CarrierGround) => Promise<void>;
}

/** A signal for what nobody interrupts. */
export const unending = (): AbortSignal => new AbortController().signal;

const texts = new TextEncoder();
let made = 0;

/** Returns a message with a text, which no other message repeats. */
export function message(subject: Subject, text: string, after: number): Appended {
  return {
    subject,
    headers: { 'Tablecast-Text': text },
    bytes: texts.encode(text),
    after,
    id: `message ${++made}`,
  };
}

/** Appends messages under one subject, each after the one before; returns their places. */
export async function appendAll(
  link: CarrierLink,
  subject: Subject,
  names: readonly string[],
): Promise<number[]> {
  const places: number[] = [];
  for (const text of names) {
    const place = await link.append(message(subject, text, places.at(-1) ?? 0));
    assert.ok(place !== undefined, `${text} is taken`);
    places.push(place);
  }
  return places;
}

/** Reads until it was given so many different messages; checks that each is given in its order the first time. */
export async function readOf(link: CarrierLink, from: number, count: number): Promise<Carried[]> {
  const found: Carried[] = [];
  const stop = new AbortController();
  if (count === 0) return found;
  for await (const one of link.read(from, stop.signal)) {
    assert.ok(one.place >= from, `${one.place} is asked for`);
    const last = found.at(-1)?.place ?? 0;
    if (one.place <= last)
      assert.ok(
        found.some(({ place }) => place === one.place),
        'ascending order',
      );
    else found.push(one);
    if (found.length === count) break;
  }
  stop.abort();
  return found;
}

/** Returns what a list that comes bit by bit holds. */
export async function listOf<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

/** Returns the texts of messages. */
export const textsOf = (messages: readonly Carried[]): string[] =>
  messages.map(({ bytes }) => new TextDecoder().decode(bytes));
