import { ByteWriter } from '../../../src/log/bytes/bytes.ts';
import { crc32 } from '../../../src/log/bytes/checksum.ts';
import type { Cell, ColumnType } from '../../../src/schema/schema.ts';
import { type Epoch, writeEpoch } from '../../../src/log/operations/epoch.ts';
import { CLEAR, DELETE, SWITCH } from '../../../src/log/operations/operation.ts';
import { openRun } from '../../../src/log/runs/run.ts';
import { RunWriter } from '../../../src/log/runs/run-writer.ts';
import { type TableDeclaration, compileSchema } from '../../../src/schema/index.ts';
import type { TableState } from '../../../src/replication/wire/bodies.ts';
import type { Message } from '../../../src/replication/wire/wire.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';
import type { Knowledge } from './knowledge.ts';

const REMOVALS = { delete: DELETE, clear: CLEAR, switch: SWITCH };

/** The node id and the lives of the adversary. */
export const EVE = 'eve';

const LIMITS: readonly number[] = [
  0,
  1,
  2,
  255,
  4096,
  16_384,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
];
const MODES = ['naive', 'lww', 'automerge'] as const;
const HAS_EPOCH = 4;
/** Stamps are in units of so much of a millisecond. */
const STAMPS_PER_MS = 1024;

/** Type of a message. */
export type Said = Message['type'];

/** Types of messages, those that say most more often. */
export const SAID: readonly Said[] = [
  'hello',
  'tables',
  'tables',
  'runs',
  'runs',
  'runs',
  'runs',
  'checkpoint',
  'checkpoint',
  'ack',
  'sources',
  'sources',
  'level',
  'ping',
  'pong',
  'digest',
  'digest',
  'ask',
  'sums',
  'rows',
  'bye',
];

/** Draws rightly formed messages of any content: numbers near what is so, or at the limits; names that are known, and others. */
export class Grammar {
  readonly #random: SeededRandom;
  readonly #known: Knowledge;
  readonly #now: () => number;
  #chapters = 0;

  constructor(random: SeededRandom, known: Knowledge, now: () => number) {
    this.#random = random;
    this.#known = known;
    this.#now = now;
  }

  message(type: Said = this.#random.pick(SAID)): Message {
    const random = this.#random;
    switch (type) {
      case 'hello': {
        const origins = Array.from({ length: random.between(0, 3) }, () => this.#origin());
        const node = random.pick([EVE, EVE, this.#origin().split('@')[0] as string, 'zeek.a.n0']);
        return {
          type,
          hello: { protocol: [1, 1], node, session: this.#number(), origins, tables: this.#states() },
        };
      }
      case 'tables':
        return { type, tables: this.#states() };
      case 'runs':
        return { type, runs: Array.from({ length: random.between(0, 4) }, () => this.run()) };
      case 'checkpoint':
        return this.#checkpoint();
      case 'ack':
        return { type, bytes: this.#number(), operations: this.#number() };
      case 'sources': {
        const direct = this.#some(
          4,
          () => [this.#origin(), this.#some(3, () => this.#table())] as [string, string[]],
        );
        const have = this.#some(
          6,
          () => [this.#table(), this.#origin(), this.#number()] as [string, string, number],
        );
        const sessions = random.chance(0.5) ? have.map(() => this.#number()) : undefined;
        return { type, sources: { direct, have, ...(sessions !== undefined && { sessions }) } };
      }
      case 'level':
        return { type, tables: this.#some(4, () => this.#table()) };
      case 'ping':
      case 'pong':
        return {
          type,
          time: random.pick([this.#now(), this.#number(), -1, Number.NaN, Infinity, -Infinity]),
        };
      case 'bye': {
        const reason = random.pick(['', 'duplicate: x', 'closed: y', 'refused: z']);
        const code = random.pick(['closed', 'duplicate', 'refused', 'x']);
        return { type, code, reason, ...(random.chance(0.5) && { cause: 'id-twice' as const }) };
      }
      case 'request':
        return { type, request: { number: this.#number(), act: 'get', table: this.#table(), key: 'k' } };
      case 'answer':
        return { type, answer: { number: this.#number(), existed: true } };
      default:
        return this.#comparison(type);
    }
  }

  /** A message that was to be said, with some of its fields changed. */
  altered(message: Message): Message {
    switch (message.type) {
      case 'hello':
        return {
          ...message,
          hello: { ...message.hello, tables: message.hello.tables.map((one) => this.#altered(one)) },
        };
      case 'tables':
        return { ...message, tables: message.tables.map((one) => this.#altered(one)) };
      case 'runs':
        return {
          ...message,
          runs: message.runs.map((run) => (this.#random.chance(0.5) ? this.#retold(run) : run)),
        };
      case 'checkpoint':
        return this.#random.chance(0.5)
          ? { ...message, index: this.#number(message.index) }
          : { ...message, table: this.#table() };
      case 'digest':
      case 'ask':
      case 'sums':
      case 'rows':
        return this.#comparison(message.type, message);
      default:
        return this.message(message.type);
    }
  }

  /** A run that its reader takes for whole: written here, or one that was seen, under other names. */
  run(): Uint8Array {
    const { runs } = this.#known;
    if (runs.length > 0 && this.#random.chance(0.4)) return this.#retold(this.#random.pick(runs));
    return this.#written();
  }

  #some<T>(most: number, draw: () => T): T[] {
    return Array.from({ length: this.#random.between(0, most) }, draw);
  }

  #number(near?: number): number {
    const random = this.#random;
    if (near !== undefined && random.chance(0.6)) return Math.max(0, near + random.between(-1, 2));
    return random.chance(0.5) ? random.between(0, 20) : random.pick(LIMITS);
  }

  #table(): string {
    const random = this.#random;
    const names = Object.keys(this.#known.declarations);
    return random.chance(0.95) ? random.pick(names) : random.pick(['unknown', '__proto__', 'constructor']);
  }

  #origin(): string {
    const random = this.#random;
    const known = [...this.#known.origins];
    if (random.chance(0.4)) return `${EVE}@${random.pick(['1', '2', 'zz'])}`;
    if (known.length > 0 && random.chance(0.7)) return random.pick(known);
    return random.pick([
      `x${random.between(0, 1e6)}@1`,
      'zeek.a.n0@1',
      'zeek.a.eve@1',
      'n0@1',
      'n1@zzzzzzzzzzz',
      '__proto__@1',
    ]);
  }

  #stamp(): number {
    const random = this.#random;
    const now = this.#now();
    const at = random.pick([
      now,
      now,
      now,
      now - 1000,
      now + 299_000,
      now + 300_000,
      now + 400_000,
      4_070_908_800_000,
      0,
    ]);
    return random.chance(0.03) ? 2 ** 53 - 1 : Math.floor(at * STAMPS_PER_MS) + random.between(0, 3);
  }

  #epoch(table: string): Epoch | undefined {
    const random = this.#random;
    const state = this.#known.tables.get(table);
    const epoch = state?.epoch;
    if (random.chance(0.6) && epoch === undefined) return undefined;
    const counter = Math.min(
      2 ** 31,
      Math.max(1, random.chance(0.7) ? (epoch?.counter ?? 0) : this.#number(epoch?.counter)),
    );
    const origin = epoch !== undefined && random.chance(0.7) ? epoch.origin : this.#origin();
    const present = MODES.find((mode) => mode === state?.mode) ?? 'naive';
    return { counter, origin, mode: random.chance(0.7) ? present : random.pick(MODES) };
  }

  #states(): TableState[] {
    const states = [...this.#known.tables.values()];
    return states.filter(() => this.#random.chance(0.8)).map((state) => this.#altered(state));
  }

  #altered(state: TableState): TableState {
    const random = this.#random;
    const held = state.held
      .filter(() => random.chance(0.8))
      .map(([origin, sequence]): [string, number] => [origin, this.#number(sequence)]);
    if (random.chance(0.3)) held.push([this.#origin(), this.#number()]);
    const said = held.map(() => this.#number());
    const epoch = random.chance(0.8)
      ? state.epoch
      : { counter: Math.min(2 ** 31, Math.max(1, this.#number())), origin: this.#origin() };
    return {
      ...state,
      held,
      sessions: random.chance(0.5) ? said : undefined,
      mode: random.chance(0.9) ? state.mode : random.pick([...MODES, 'other']),
      fingerprint: random.chance(0.95) ? state.fingerprint : 'other',
      declaration: random.chance(0.95) ? state.declaration : { key: 'x'.repeat(random.between(0, 300)) },
      parted: random.chance(0.9) ? undefined : this.#origin(),
      ...(random.chance(0.2) && { heldBack: this.#heldBack(held) }),
      takes: random.pick([undefined, undefined, undefined, 'own', 'nothing'] as const),
      epoch,
    };
  }

  /** What it says it does not take, with reasons of its own. */
  #heldBack(held: readonly (readonly [string, number])[]): NonNullable<TableState['heldBack']> {
    const random = this.#random;
    const origins = ['', this.#origin(), ...held.map(([origin]) => origin)];
    return this.#some(3, () => ({
      origin: random.pick(origins),
      sequence: this.#number(),
      code: random.pick(['OPERATION_INVALID', 'LIMIT_EXCEEDED', 'CLOCK_AHEAD', 'x']),
      reason: random.pick(['', 'empty your directory']),
      asked: random.chance(0.3),
    }));
  }

  #checkpoint(): Message {
    const random = this.#random;
    const { checkpoints } = this.#known;
    if (checkpoints.length > 0 && random.chance(0.8)) {
      const message = random.pick(checkpoints);
      return random.chance(0.5) ? message : { ...message, table: this.#table() };
    }
    const chunk = Uint8Array.from({ length: random.between(0, 40) }, () => random.between(0, 255));
    return {
      type: 'checkpoint',
      table: this.#table(),
      index: random.pick([0, 0, 1]),
      last: random.chance(0.5),
      chunk,
    };
  }

  #comparison(type: 'digest' | 'ask' | 'sums' | 'rows', from?: Message): Message {
    const random = this.#random;
    const heard = this.#known.comparisons;
    const seen = heard.length > 0 ? random.pick(heard) : undefined;
    const table = seen?.table ?? this.#table();
    const state = random.chance(0.9) ? (seen?.state ?? '') : 'other';
    const round = seen !== undefined && 'round' in seen ? this.#number(seen.round) : this.#number();
    if (from?.type === 'rows') return { ...from, last: random.chance(0.5) };
    if (from?.type === 'sums')
      return { ...from, sums: from.sums.map((word) => (random.chance(0.9) ? word : word + 1)) };
    switch (type) {
      case 'digest':
        return {
          type,
          table,
          state,
          reply: random.chance(0.5),
          root: [random.between(0, 9), random.between(0, 9)],
        };
      case 'ask':
        return { type, table, state, round, ...this.#question() };
      case 'sums': {
        const sums = Uint32Array.from({ length: 512 }, () =>
          random.chance(0.02) ? random.between(0, 1e9) : 0,
        );
        return { type, table, state, round, bucket: random.between(-1, 255), sums };
      }
      case 'rows':
        return {
          type,
          table,
          state,
          round,
          last: random.chance(0.5),
          chunk: new Uint8Array(random.between(0, 9)),
        };
    }
  }

  #question(): { of: 'buckets' | 'leaves' | 'rows'; numbers: number[] } {
    const random = this.#random;
    const of = random.pick(['buckets', 'leaves', 'rows'] as const);
    const most = of === 'rows' ? 65_535 : 255;
    return {
      of,
      numbers: Array.from({ length: random.pick([0, 1, 3, 256]) }, () => random.between(0, most)),
    };
  }

  /** A run of a few operations, in a chapter of its own so that it needs none from before it. */
  #written(): Uint8Array {
    const random = this.#random;
    const table = this.#table();
    const { declarations } = this.#known;
    const declaration: TableDeclaration = (Object.hasOwn(declarations, table) && declarations[table]) || {
      key: 'string',
    };
    const { column } = compileSchema('t', declaration);
    const run = new RunWriter(column);
    const origin = this.#origin();
    const held = this.#known.tables.get(table)?.held.find(([one]) => one === origin)?.[1] ?? 0;
    const state = { chapter: this.#chapters++, keys: 0, origins: 0 };
    const context = this.#some(2, () => ({ origin: 0, sequence: this.#number() }));
    run.begin(Math.max(1, random.chance(0.7) ? held + 1 : this.#number(held)), state, context);
    run.epoch = this.#epoch(table);
    run.addOrigin(this.#origin());
    const keys = random.between(1, 4);
    for (let key = 0; key < keys; key++)
      run.addKey(random.pick([`n${random.between(0, 2)} ${key}`, `eve ${key}`]));
    for (let count = random.between(1, 5); count > 0; count--) this.#operation(run, keys, column);
    return run.encode(table, origin, random.chance(0.7) ? 7 : random.between(0, 2 ** 32 - 1));
  }

  #operation(run: RunWriter, keys: number, column: ColumnType): void {
    const random = this.#random;
    const id = random.between(0, keys - 1);
    const stamp = this.#stamp();
    const kind = random.pick(['set', 'set', 'set', 'delete', 'clear', 'expire', 'switch'] as const);
    if (kind === 'set') run.addSet(id, cellOf(column, random), stamp);
    else if (kind === 'expire') run.addExpire(id, { origin: 0, sequence: this.#number() }, stamp);
    else run.addRemoval(REMOVALS[kind], kind === 'delete' ? id : 0, stamp);
  }

  /** The same operations under other names, with the checksum that belongs to them. */
  #retold(bytes: Uint8Array): Uint8Array {
    const random = this.#random;
    const { header, reader, flags } = openRun(bytes);
    const table = random.chance(0.8) ? header.table : this.#table();
    const epoch = random.chance(0.8) ? header.epoch : this.#epoch(table);
    const writer = new ByteWriter(bytes.length + 256);
    writer.byte(1);
    writer.byte(epoch === undefined ? flags & ~HAS_EPOCH : flags | HAS_EPOCH);
    writer.text(table);
    writer.text(random.chance(0.4) ? header.origin : this.#origin());
    writer.uint32(random.chance(0.7) ? header.session : random.between(0, 2 ** 32 - 1));
    writer.varint(
      Math.max(1, random.chance(0.6) ? header.firstSequence : this.#number(header.firstSequence)),
    );
    writer.varint(header.count);
    if (epoch !== undefined) writeEpoch(writer, epoch);
    writer.raw(bytes.subarray(bytes.length - 4 - reader.remaining, bytes.length - 4));
    writer.uint32(crc32(writer.view()));
    return writer.copy();
  }
}

function cellOf(column: ColumnType, random: SeededRandom): Cell | undefined {
  if (column === 'none') return undefined;
  if (column === 'integer' || column === 'double') return random.pick([0, 1, 7, -1, 2 ** 53 - 1, 666]);
  return random.pick(['', 'eve', 'x'.repeat(100)]);
}
