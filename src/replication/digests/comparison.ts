import type { Environment, Timer } from '../../environment.ts';
import type { Slices, Work } from '../../work/slices.ts';
import type { SharedTable } from '../peers/peer-tables.ts';
import type { Difference, LeafSum, Replica, ReplicaTable, TableDigests } from '../replica.ts';
import type { AskedFor, ComparisonMessage } from '../wire/comparison-wire.ts';

/** Time between two looks at which tables came to rest, in milliseconds. */
const LOOK_MS = 1000;
/** A comparison that got no answer for so many looks begins anew. */
const PATIENCE_LOOKS = 10;
/** Rows of so many leaves are asked for at a time. */
const LEAVES_AT_ONCE = 64;
/** Most keys that are reported as different for one table and peer. */
const MAX_DIFFERENCES = 65_536;

const BUCKETS = 256;
/** Counted per chunk of rows beside its bytes, so that empty chunks are bounded as well. */
const CHUNK_OVERHEAD_BYTES = 128;
/** Units of work that a chunk of rows takes. */
const UNITS_PER_CHUNK = 4096;
/** The same of the sums of a bucket's leaves: one question is answered by those of up to 256 buckets. */
const UNITS_PER_SUMS = 128;

/** The tables that are compared: those that are shared. */
export interface ComparedTables {
  readonly shared: ReadonlyMap<string, Pick<SharedTable, 'writable' | 'levelReceived' | 'levelSent'>>;
}

/** The parts are what a comparison needs of its session. */
export interface ComparisonParts {
  readonly environment: Environment;
  readonly replica: Replica;
  readonly tables: ComparedTables;
  /** Does the work that a comparison takes. */
  readonly slices: Slices;
  /** Takes nothing more from the peer until the returned function is called. */
  hold(): () => void;
  send(message: ComparisonMessage): void;
  /** Work is done because of what the peer sent. */
  spend(units: number): void;
  /** So many bytes of rows are kept; that may be too much, and then the peer goes. */
  kept(bytes: number): void;
  /** Is called when what the peer sent does not hold. */
  failed(error: unknown): void;
  /** A table was compared with the peer's, both in the same state. */
  compared(table: string, differences: readonly Difference[]): void;
}

type Root = readonly [low: number, high: number];

/** Progress says how far one table's comparison has come. */
interface Progress {
  /** Counts how often the vector had changed at the last look: what changes all the time is not compared. */
  seen: number;
  /** The state in which the comparison goes on or came to an end, and which of the rows it may have. */
  state: string;
  revision: number;
  /** The hash of the peer's rows that it goes by; undefined before one came. */
  theirs: Root | undefined;
  done: boolean;
  looks: number;
  /** Names this comparison's questions; answers to earlier ones are not taken. 0: nothing was asked yet. */
  round: number;
  /** Buckets whose sums were asked for and have not come; -1 stands for those of the buckets themselves. */
  buckets: Set<number>;
  /** Leaves still to ask for, those asked for, and rows that came of them; of each leaf the sum the peer said. */
  leaves: LeafSum[];
  asked: LeafSum[];
  chunks: Uint8Array[];
  differences: Difference[];
}

/**
 * Finds the rows in which two peers differ although they hold the same operations: one hash per
 * table each time it comes to rest, and only if those differ, hashes of buckets, of leaves, then rows.
 * A peer that may not write a table is answered and never asked: what it says of its rows leads to nothing.
 */
export class Comparisons {
  readonly #parts: ComparisonParts;
  readonly #progress = new Map<string, Progress>();
  /** The latest hash that came of a table whose own hash is being made. */
  readonly #roots = new Map<string, Extract<ComparisonMessage, { type: 'digest' }>>();
  #timer: Timer | undefined;
  #rounds = 0;
  #keptBytes = 0;
  #stopped = false;

  constructor(parts: ComparisonParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = this.#parts.environment.schedule(LOOK_MS, () => {
      this.start();
      this.#look();
    });
  }

  stop(): void {
    this.#keep(-this.#keptBytes);
    this.#stopped = true;
    this.#timer?.cancel();
    this.#progress.clear();
    this.#roots.clear();
  }

  /** Returns whether a table, as it is, was compared with the peer's to the end. */
  isCompared(name: string): boolean {
    const progress = this.#progress.get(name);
    const table = this.#parts.replica.table(name);
    return progress?.done === true && progress.state === table?.state() && isOf(progress, table);
  }

  /** Returns whether a comparison of a table was begun, of whichever state, and has not come to its end. */
  isUnderWay(name: string): boolean {
    return this.#progress.get(name)?.done === false;
  }

  /** Compares a table at once, or again. */
  begin(table: string): void {
    const held = this.#parts.replica.table(table);
    if (held === undefined || this.#parts.tables.shared.get(table)?.writable !== true) return;
    this.#set(table, fresh(held.state(), held.revision));
    this.#withDigests(held, (digests) => {
      if (digests !== undefined) this.#say(table, digests, false);
    });
  }

  /** Begins anew what got no answer for long; call it as often as tables are looked at. */
  retry(): void {
    for (const [name, progress] of this.#progress)
      if (!progress.done && ++progress.looks > PATIENCE_LOOKS) this.begin(name);
  }

  /** Makes the digests of a table; what they are made for is forgotten when the session ends. */
  #withDigests(table: ReplicaTable, then: (digests: TableDigests | undefined) => void): void {
    this.#parts.slices.run(table.digests(), {
      done: (digests) => {
        if (!this.#stopped) then(digests);
      },
      failed: (error) => this.#parts.failed(error),
    });
  }

  #look(): void {
    for (const [name, shared] of this.#parts.tables.shared) {
      const table = this.#parts.replica.table(name);
      if (table === undefined || !shared.writable) continue;
      if (!shared.levelReceived || !shared.levelSent) continue;
      const { changes } = table;
      const progress = this.#progress.get(name);
      if (progress === undefined) this.#set(name, { ...fresh('', table.revision), seen: changes });
      else if (progress.seen !== changes) progress.seen = changes;
      else if (progress.state !== table.state() || !isOf(progress, table)) this.begin(name);
      else if (!progress.done && ++progress.looks > PATIENCE_LOOKS) this.begin(name);
    }
  }

  #say(table: string, digests: TableDigests, reply: boolean): void {
    const { state } = digests;
    this.#parts.send({ type: 'digest', table, state, root: digests.root(), reply });
  }

  /** The table that a message is about, if this node holds what the peer held when it sent it. */
  #same({ table, state }: { readonly table: string; readonly state: string }): ReplicaTable | undefined {
    if (!this.#parts.tables.shared.has(table)) return undefined;
    const held = this.#parts.replica.table(table);
    return held?.state() === state ? held : undefined;
  }

  receive(message: ComparisonMessage): void {
    const isAnswer = message.type === 'sums' || message.type === 'rows';
    // An answer that was not asked for must not cost a look through the table's lives.
    if (isAnswer && this.#going(message) === undefined) return;
    this.#parts.spend(this.#parts.replica.table(message.table)?.lives ?? 0);
    const table = this.#same(message);
    if (table === undefined) return;
    if (message.type === 'digest') return this.#receiveRoot(message, table);
    const release = this.#parts.hold();
    this.#parts.slices.run(this.#handle(message, table), {
      done: release,
      failed: (error) => {
        this.#parts.failed(error);
        release();
      },
    });
  }

  /** Nothing waits while this node makes its own hash; of the peer's the latest counts. */
  #receiveRoot(message: Extract<ComparisonMessage, { type: 'digest' }>, table: ReplicaTable): void {
    const { name } = table;
    const waits = this.#roots.has(name);
    this.#roots.set(name, message);
    if (waits) return;
    this.#withDigests(table, (digests) => {
      const latest = this.#roots.get(name);
      this.#roots.delete(name);
      if (digests !== undefined && latest?.state === digests.state) this.#takeRoot(latest, digests);
    });
  }

  *#handle(message: Exclude<ComparisonMessage, { type: 'digest' }>, table: ReplicaTable): Work {
    const digests = yield* table.digests();
    if (digests === undefined) return;
    if (message.type !== 'ask' || message.of !== 'buckets') yield* digests.order();
    const holds = (): boolean => !this.#stopped && this.#same(message)?.revision === digests.revision;
    if (!holds()) return;
    switch (message.type) {
      case 'ask':
        return yield* this.#answer(message, digests, holds);
      case 'sums':
        return this.#takeSums(message, digests);
      case 'rows':
        return yield* this.#takeRows(message, digests, holds);
    }
  }

  #takeRoot(message: Extract<ComparisonMessage, { type: 'digest' }>, digests: TableDigests): void {
    const { table, state, root: theirs } = message;
    if (!message.reply) this.#say(table, digests, true);
    if (this.#parts.tables.shared.get(table)?.writable !== true) return;
    const present = this.#progress.get(table);
    // The peer's own question and its answer to ours may both arrive: one comparison is enough.
    if (present?.state === state && isOf(present, digests) && isSame(present.theirs, theirs)) return;
    const progress = { ...fresh(state, digests.revision), theirs };
    this.#set(table, progress);
    if (isSame(theirs, digests.root())) return this.#finish(table, progress);
    progress.round = ++this.#rounds;
    this.#ask(table, progress, 'buckets', []);
  }

  #ask(table: string, { state, round }: Progress, of: AskedFor, numbers: readonly number[]): void {
    this.#parts.send({ type: 'ask', table, state, round, of, numbers });
  }

  *#answer(
    message: Extract<ComparisonMessage, { type: 'ask' }>,
    digests: TableDigests,
    holds: () => boolean,
  ): Work {
    const { table, state, round, of, numbers } = message;
    if (of === 'buckets') {
      this.#parts.send({ type: 'sums', table, state, round, bucket: -1, sums: digests.buckets() });
    } else if (of === 'leaves') {
      for (const bucket of new Set(numbers)) {
        if (!holds()) return;
        this.#parts.send({ type: 'sums', table, state, round, bucket, sums: digests.leaves(bucket) });
        yield this.#spent(UNITS_PER_SUMS);
      }
    } else {
      for (const chunk of digests.rows([...new Set(numbers)])) {
        // Rows of another state would look like differences.
        if (!holds()) return;
        this.#parts.send({ type: 'rows', table, state, round, last: false, chunk });
        yield this.#spent(UNITS_PER_CHUNK);
      }
      if (!holds()) return;
      this.#parts.send({ type: 'rows', table, state, round, last: true, chunk: new Uint8Array(0) });
    }
  }

  /** Charges the turn of who asks, too: of many questions each may fit into a slice, and is answered at once then. */
  #spent(units: number): number {
    this.#parts.spend(units);
    return units;
  }

  #takeSums(message: Extract<ComparisonMessage, { type: 'sums' }>, digests: TableDigests): void {
    const { table, bucket, sums } = message;
    const progress = this.#going(message);
    // An answer that was not asked for is not looked at: it could go on without end.
    if (progress === undefined || !progress.buckets.delete(bucket)) return;
    progress.looks = 0;
    if (bucket < 0) {
      const numbers = differing(digests.buckets(), sums);
      progress.buckets = new Set(numbers);
      if (numbers.length === 0) this.begin(table);
      else this.#ask(table, progress, 'leaves', numbers);
    } else {
      const base = bucket * BUCKETS;
      for (const leaf of differing(digests.leaves(bucket), sums))
        progress.leaves.push([base + leaf, sums[2 * leaf] as number, sums[2 * leaf + 1] as number]);
      if (progress.buckets.size === 0) this.#askRows(table, progress);
    }
  }

  #askRows(table: string, progress: Progress): void {
    if (progress.leaves.length === 0 || progress.differences.length >= MAX_DIFFERENCES)
      return this.#finish(table, progress);
    progress.asked = progress.leaves.splice(0, LEAVES_AT_ONCE);
    this.#ask(
      table,
      progress,
      'rows',
      progress.asked.map(([leaf]) => leaf),
    );
  }

  *#takeRows(
    message: Extract<ComparisonMessage, { type: 'rows' }>,
    digests: TableDigests,
    holds: () => boolean,
  ): Work {
    const progress = this.#going(message);
    if (progress === undefined || progress.asked.length === 0) return;
    progress.looks = 0;
    if (!message.last) {
      progress.chunks.push(message.chunk);
      return this.#keep(message.chunk.length + CHUNK_OVERHEAD_BYTES);
    }
    const found = yield* digests.differences(progress.asked, progress.chunks);
    this.#forgetRows(progress);
    if (!holds() || this.#going(message) !== progress) return;
    // Rows changed there since it said their sums, or it says what is not so: asked again when it lasts.
    if (found === undefined) return;
    for (const difference of found.slice(0, MAX_DIFFERENCES - progress.differences.length))
      progress.differences.push(difference);
    progress.asked = [];
    this.#askRows(message.table, progress);
  }

  /** So many bytes of rows more are kept, or fewer. */
  #keep(bytes: number): void {
    if (this.#stopped) return;
    this.#keptBytes += bytes;
    this.#parts.kept(this.#keptBytes);
  }

  /** Counts rows no more; those that are being compared go on being read. */
  #forgetRows(progress: Progress): void {
    const gone = progress.chunks;
    progress.chunks = [];
    if (gone.length > 0)
      this.#keep(-gone.reduce((sum, { length }) => sum + length + CHUNK_OVERHEAD_BYTES, 0));
  }

  /** A table's comparison begins, in place of the one before. */
  #set(table: string, progress: Progress): void {
    const before = this.#progress.get(table);
    if (before !== undefined) this.#forgetRows(before);
    this.#progress.set(table, progress);
  }

  #going(message: { readonly table: string; readonly round: number }): Progress | undefined {
    const progress = this.#progress.get(message.table);
    return progress?.round === message.round && !progress.done ? progress : undefined;
  }

  #finish(table: string, progress: Progress): void {
    progress.done = true;
    const { differences } = progress;
    progress.differences = [];
    this.#parts.compared(table, differences);
  }
}

/** Returns whether a comparison is of the rows as they are, and not of those that the same state had before. */
function isOf({ revision }: Progress, of: { readonly revision: number }): boolean {
  return revision === of.revision;
}

function isSame(one: Root | undefined, [low, high]: Root): boolean {
  return one?.[0] === low && one[1] === high;
}

function fresh(state: string, revision: number): Progress {
  return {
    seen: -1,
    state,
    revision,
    theirs: undefined,
    done: false,
    looks: 0,
    round: 0,
    buckets: new Set([-1]),
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
