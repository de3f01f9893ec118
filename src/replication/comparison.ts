import type { Environment, Timer } from '../environment.ts';
import type { PeerTables } from './peer-tables.ts';
import type { Difference, Replica, TableDigests } from './replica.ts';
import type { AskedFor, ComparisonMessage } from './comparison-wire.ts';

/** Time between two looks at which tables came to rest, in milliseconds. */
const LOOK_MS = 1000;
/** A comparison that got no answer for so many looks begins anew. */
const PATIENCE_LOOKS = 10;
/** Rows of so many leaves are asked for at a time. */
const LEAVES_AT_ONCE = 64;
/** Most keys that are reported as different for one table and peer. */
const MAX_DIFFERENCES = 65_536;

const BUCKETS = 256;

/** What a comparison needs of its session. */
export interface ComparisonOwner {
  readonly environment: Environment;
  readonly replica: Replica;
  readonly tables: PeerTables;
  send(message: ComparisonMessage): void;
  /** A table was compared with the peer's, both in the same state. */
  compared(table: string, differences: readonly Difference[]): void;
}

/** How far one table's comparison has come. */
interface Progress {
  /** The state seen at the last look: what changes all the time is not compared. */
  seen: string;
  /** The state in which the comparison goes on or came to an end. */
  state: string;
  done: boolean;
  looks: number;
  /** Names this comparison's questions; answers to earlier ones are not taken. 0: nothing was asked yet. */
  round: number;
  /** Leaves still to ask for, buckets still to come, and rows that came for the leaves asked for. */
  buckets: number;
  leaves: number[];
  asked: number[];
  chunks: Uint8Array[];
  differences: Difference[];
}

/**
 * Finds the rows in which two peers differ although they hold the same operations: one hash per
 * table each time it comes to rest, and only if those differ, hashes of buckets, of leaves, then rows.
 */
export class Comparisons {
  readonly #owner: ComparisonOwner;
  readonly #progress = new Map<string, Progress>();
  #timer: Timer | undefined;
  #rounds = 0;

  constructor(owner: ComparisonOwner) {
    this.#owner = owner;
  }

  start(): void {
    this.#timer = this.#owner.environment.schedule(LOOK_MS, () => {
      this.start();
      this.#look();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#progress.clear();
  }

  /** The state of a table in which it was last compared with the peer's to the end. */
  comparedState(table: string): string | undefined {
    const progress = this.#progress.get(table);
    return progress?.done === true ? progress.state : undefined;
  }

  /** Compares a table at once, or again. */
  begin(table: string): void {
    const digests = this.#owner.replica.table(table)?.digests();
    if (digests === undefined || !this.#owner.tables.shared.has(table)) return;
    this.#progress.set(table, fresh(digests.state));
    this.#say(table, digests, false);
  }

  #look(): void {
    for (const [name, shared] of this.#owner.tables.shared) {
      const table = this.#owner.replica.table(name);
      if (table === undefined || !shared.levelReceived || !shared.levelSent) continue;
      const state = table.state();
      const progress = this.#progress.get(name);
      if (progress === undefined) this.#progress.set(name, { ...fresh(''), seen: state });
      else if (progress.seen !== state) progress.seen = state;
      else if (progress.state !== state || (!progress.done && ++progress.looks > PATIENCE_LOOKS))
        this.begin(name);
    }
  }

  #say(table: string, digests: TableDigests, reply: boolean): void {
    const { state } = digests;
    this.#owner.send({ type: 'digest', table, state, root: digests.root(), reply });
  }

  /** The digests of a table, if this node holds what the peer held when it sent a message. */
  #same({ table, state }: { readonly table: string; readonly state: string }): TableDigests | undefined {
    if (!this.#owner.tables.shared.has(table)) return undefined;
    const held = this.#owner.replica.table(table);
    return held?.state() === state ? held.digests() : undefined;
  }

  receive(message: ComparisonMessage): void {
    const digests = this.#same(message);
    if (digests === undefined) return;
    switch (message.type) {
      case 'digest':
        return this.#takeRoot(message, digests);
      case 'ask':
        return this.#answer(message, digests);
      case 'sums':
        return this.#takeSums(message, digests);
      case 'rows':
        return this.#takeRows(message, digests);
    }
  }

  #takeRoot(message: Extract<ComparisonMessage, { type: 'digest' }>, digests: TableDigests): void {
    const { table, state } = message;
    if (!message.reply) this.#say(table, digests, true);
    const present = this.#progress.get(table);
    // The peer's own question and its answer to ours may both arrive: one comparison is enough.
    if (present?.state === state && (present.done || present.round > 0)) return;
    const [low, high] = digests.root();
    const progress = { ...fresh(state), seen: state };
    this.#progress.set(table, progress);
    if (message.root[0] === low && message.root[1] === high) return this.#finish(table, progress);
    progress.round = ++this.#rounds;
    this.#ask(table, progress, 'buckets', []);
  }

  #ask(table: string, { state, round }: Progress, of: AskedFor, numbers: readonly number[]): void {
    this.#owner.send({ type: 'ask', table, state, round, of, numbers });
  }

  #answer(message: Extract<ComparisonMessage, { type: 'ask' }>, digests: TableDigests): void {
    const { table, state, round, of, numbers } = message;
    if (of === 'buckets') {
      this.#owner.send({ type: 'sums', table, state, round, bucket: -1, sums: digests.buckets() });
    } else if (of === 'leaves') {
      for (const bucket of numbers)
        this.#owner.send({ type: 'sums', table, state, round, bucket, sums: digests.leaves(bucket) });
    } else {
      for (const chunk of digests.rows(numbers))
        this.#owner.send({ type: 'rows', table, state, round, last: false, chunk });
      this.#owner.send({ type: 'rows', table, state, round, last: true, chunk: new Uint8Array(0) });
    }
  }

  #takeSums(message: Extract<ComparisonMessage, { type: 'sums' }>, digests: TableDigests): void {
    const { table, bucket, sums } = message;
    const progress = this.#going(message);
    if (progress === undefined) return;
    progress.looks = 0;
    if (bucket < 0) {
      const numbers = differing(digests.buckets(), sums);
      progress.buckets = numbers.length;
      if (numbers.length === 0) this.begin(table);
      else this.#ask(table, progress, 'leaves', numbers);
    } else {
      const base = bucket * BUCKETS;
      for (const leaf of differing(digests.leaves(bucket), sums)) progress.leaves.push(base + leaf);
      if (--progress.buckets === 0) this.#askRows(table, progress);
    }
  }

  #askRows(table: string, progress: Progress): void {
    if (progress.leaves.length === 0 || progress.differences.length >= MAX_DIFFERENCES)
      return this.#finish(table, progress);
    progress.asked = progress.leaves.splice(0, LEAVES_AT_ONCE);
    progress.chunks = [];
    this.#ask(table, progress, 'rows', progress.asked);
  }

  #takeRows(message: Extract<ComparisonMessage, { type: 'rows' }>, digests: TableDigests): void {
    const progress = this.#going(message);
    if (progress === undefined || progress.asked.length === 0) return;
    progress.looks = 0;
    if (!message.last) {
      progress.chunks.push(message.chunk);
      return;
    }
    const found = digests.differences(progress.asked, progress.chunks);
    for (const difference of found.slice(0, MAX_DIFFERENCES - progress.differences.length))
      progress.differences.push(difference);
    progress.asked = [];
    this.#askRows(message.table, progress);
  }

  #going(message: { readonly table: string; readonly round: number }): Progress | undefined {
    const progress = this.#progress.get(message.table);
    return progress?.round === message.round && !progress.done ? progress : undefined;
  }

  #finish(table: string, progress: Progress): void {
    progress.done = true;
    const { differences } = progress;
    progress.differences = [];
    this.#owner.compared(table, differences);
  }
}

function fresh(state: string): Progress {
  return {
    seen: state,
    state,
    done: false,
    looks: 0,
    round: 0,
    buckets: 0,
    leaves: [],
    asked: [],
    chunks: [],
    differences: [],
  };
}

/** Numbers whose two words differ. */
function differing(ours: Uint32Array, theirs: Uint32Array): number[] {
  const numbers: number[] = [];
  for (let number = 0; number < BUCKETS; number++) {
    if (ours[2 * number] !== theirs[2 * number] || ours[2 * number + 1] !== theirs[2 * number + 1])
      numbers.push(number);
  }
  return numbers;
}
