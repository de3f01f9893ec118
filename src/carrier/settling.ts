import type { Author } from './subjects.ts';

/** Most places that are told apart behind which the node has not taken in all; the last ones become one. */
const MAX_STEPS = 4096;

/** Operations of authors on tables, by the last of each. */
type Most = Map<string, Author & { held: number }>;

/** A place that is reached once the node took in so many bytes, and what the messages hold that were read up to it. */
interface Step {
  given: number;
  place: number;
  readonly read: Most;
}

/** Knows up to which place the node took in what it was given, by how many bytes it says it took. */
export class Settling {
  readonly #reached: (place: number) => void;
  readonly #steps: Step[] = [];
  #reading: Most = new Map();
  #read: Most = new Map();
  #given = 0;
  #taken = 0;
  #place = 0;

  /** `reached` is called with each place, in order. */
  constructor(reached: (place: number) => void) {
    this.#reached = reached;
  }

  /** Is the last place that was reached. */
  get place(): number {
    return this.#place;
  }

  /** Counts bytes that were given and not taken in. */
  get owed(): number {
    return this.#given - this.#taken;
  }

  /** Returns what was read of a table up to the place. */
  read(table: string): (Author & { readonly held: number })[] {
    return [...this.#read.values()].filter((one) => one.table === table);
  }

  /** A message was read that holds operations. */
  saw(author: Author & { readonly held: number }): void {
    noteMost(this.#reading, author);
  }

  gave(bytes: number): void {
    this.#given += bytes;
  }

  /** Everything up to a place was given. */
  step(place: number): void {
    const last = this.#steps.at(-1);
    const isSame = last !== undefined && (last.given === this.#given || this.#steps.length >= MAX_STEPS);
    const step = isSame ? last : { given: 0, place: 0, read: new Map<string, never>() };
    if (!isSame) this.#steps.push(step);
    step.given = this.#given;
    step.place = place;
    for (const author of this.#reading.values()) noteMost(step.read, author);
    this.#reading = new Map();
    this.#settle();
  }

  /** The node took in so many bytes, of all that it was given. */
  taken(bytes: number): void {
    this.#taken = bytes;
    this.#settle();
  }

  #settle(): void {
    const next = this.#steps.findIndex(({ given }) => given > this.#taken);
    const done = this.#steps.splice(0, next < 0 ? this.#steps.length : next);
    for (const { read } of done) for (const author of read.values()) noteMost(this.#read, author);
    const last = done.at(-1);
    if (last === undefined) return;
    this.#place = last.place;
    this.#reached(last.place);
  }
}

function noteMost(most: Most, { table, origin, held }: Author & { readonly held: number }): void {
  const name = `${table}\n${origin}`;
  const known = most.get(name);
  if (known === undefined) most.set(name, { table, origin, held });
  else if (known.held < held) known.held = held;
}
