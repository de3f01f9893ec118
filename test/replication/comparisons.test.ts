import { describe, expect, it } from 'vitest';
import type { Timer } from '../../src/environment.ts';
import { SLICE_UNITS, Slices, type Work, allAtOnce } from '../../src/work/slices.ts';
import { modeNamed } from '../../src/modes/registry.ts';
import { checkpointChunks } from '../../src/projection/checkpoints/checkpoint-writer.ts';
import { decodeCheckpoint } from '../../src/projection/checkpoints/checkpoint-reader.ts';
import { DigestCache, type Digests } from '../../src/projection/comparing/digest-cache.ts';
import { GradualAdoption } from '../../src/projection/checkpoints/gradual-adoption.ts';
import { scratchProjection } from '../../src/projection/scratch.ts';
import type { ComparisonMessage } from '../../src/replication/wire/comparison-wire.ts';
import { type ComparisonParts, Comparisons } from '../../src/replication/digests/comparison.ts';
import type { Difference, LeafSum, TableDigests } from '../../src/replication/replica.ts';
import { type TableDeclaration, compileSchema } from '../../src/schema/index.ts';
import { systemEnvironment } from '../../src/system-environment.ts';

const BUCKETS = 256;
const STATE = 'the same';

/** A node's side of comparisons of table `t`, whose leaves all hold nothing. */
class OneSide {
  readonly sent: ComparisonMessage[] = [];
  readonly compared: (readonly Difference[])[] = [];
  readonly comparisons: Comparisons;
  revision = 0;
  /** Bytes of rows that are kept. */
  kept = 0;
  /** Units that whoever asked pays for. */
  spent = 0;
  /** Does what is done every second. */
  look: () => void = () => undefined;

  constructor() {
    const digests = (): TableDigests => ({
      state: STATE,
      revision: this.revision,
      root: () => [0, 0],
      buckets: () => new Uint32Array(2 * BUCKETS),
      *order() {
        yield 1;
      },
      leaves: () => new Uint32Array(2 * BUCKETS),
      rows: (leaves) => leaves.map(() => new Uint8Array(1)),
      *differences() {
        yield 1;
        return [];
      },
    });
    const schedule = (_: number, look: () => void): Timer => {
      this.look = look;
      return { cancel: () => undefined };
    };
    const owner = {
      environment: { ...systemEnvironment, schedule },
      replica: {
        table: () => {
          return {
            name: 't',
            state: () => STATE,
            lives: 0,
            revision: this.revision,
            digests: () => made(digests()),
          };
        },
      },
      tables: { shared: new Map([['t', { writable: true, levelReceived: true, levelSent: true }]]) },
      slices: new Slices({ units: 8192, defer: setImmediate }),
      hold: () => () => undefined,
      spend: (units: number) => void (this.spent += units),
      kept: (bytes: number) => {
        this.kept = bytes;
      },
      send: (message: ComparisonMessage) => this.sent.push(message),
      failed: (error: unknown) => {
        throw error;
      },
      compared: (_: string, differences: readonly Difference[]) => this.compared.push(differences),
    };
    this.comparisons = new Comparisons(owner as unknown as ComparisonParts);
  }

  get asked(): Extract<ComparisonMessage, { type: 'ask' }>[] {
    return this.sent.filter((message) => message.type === 'ask');
  }

  /** Says that the peer's rows differ; returns the number of the comparison that this begins, or of the one before. */
  begin(root: readonly [number, number] = [1, 1]): number {
    this.comparisons.receive({ type: 'digest', table: 't', state: STATE, root, reply: true });
    return this.asked.at(-1)?.round as number;
  }

  /** The peer's rows turn out to be the same: only their sums differed. */
  end(round: number): void {
    this.sums(round, -1, 1);
    this.sums(round, 0, 0);
  }

  rows(round: number, last: boolean): void {
    const chunk = new Uint8Array(last ? 0 : 1000);
    this.comparisons.receive({ type: 'rows', table: 't', state: STATE, round, last, chunk });
  }

  sums(round: number, bucket: number, differing: number): void {
    const sums = new Uint32Array(2 * BUCKETS).fill(1, 0, 2 * differing);
    this.comparisons.receive({ type: 'sums', table: 't', state: STATE, round, bucket, sums });
  }
}

function* made<T>(what: T): Work<T> {
  yield 1;
  return what;
}

describe('a comparison', () => {
  it('is made again when rows of either side changed although the operations are the same', () => {
    const side = new OneSide();
    side.end(side.begin());
    expect(side.compared).toEqual([[]]);
    expect(side.comparisons.isCompared('t')).toBe(true);
    expect([side.begin(), side.begin([2, 2]), side.begin([2, 2])]).toEqual([1, 2, 2]);
    expect(side.comparisons.isCompared('t')).toBe(false);
    side.end(2);
    side.revision++;
    expect(side.comparisons.isCompared('t')).toBe(false);
    expect([side.begin([2, 2]), side.begin([2, 2])]).toEqual([3, 3]);
  });

  it('is begun by the side whose rows changed', () => {
    const side = new OneSide();
    side.comparisons.start();
    side.end(side.begin());
    const { length } = side.sent;
    for (let looks = 0; looks < 3; looks++) side.look();
    expect(side.sent).toHaveLength(length);
    side.revision++;
    side.look();
    expect(side.sent.slice(length)).toMatchObject([{ type: 'digest', reply: false }]);
    side.comparisons.stop();
  });

  it('says how much it keeps of rows, and keeps nothing when it is over, begun anew or stopped', () => {
    const side = new OneSide();
    const asked = (root: readonly [number, number]): number => {
      const round = side.begin(root);
      side.sums(round, -1, 1);
      side.sums(round, 0, 1);
      return round;
    };
    const first = asked([1, 1]);
    for (let chunks = 1; chunks <= 3; chunks++) {
      side.rows(first, false);
      expect(side.kept).toBe(chunks * 1128);
    }
    side.rows(first, true);
    expect(side.kept).toBe(0);
    const second = asked([2, 2]);
    side.rows(second, false);
    expect(side.kept).toBe(1128);
    const third = asked([3, 3]);
    expect(side.kept).toBe(0);
    side.rows(second, false);
    expect(side.kept).toBe(0);
    side.rows(third, false);
    side.comparisons.stop();
    expect(side.kept).toBe(0);
  });

  it.each([
    { of: 'leaves', atOnce: 64 },
    { of: 'rows', atOnce: 2 },
  ] as const)('says no more $of in a turn than the turn pays for, however it is asked', ({ of, atOnce }) => {
    const ask = { type: 'ask', table: 't', state: STATE, round: 1, of } as const;
    const one = new OneSide();
    one.comparisons.receive({ ...ask, numbers: Array.from({ length: BUCKETS }, (_, index) => index) });
    expect(one.sent.length).toBeGreaterThan(0);
    expect(one.sent.length).toBeLessThanOrEqual(atOnce + 1);
    one.comparisons.stop();
    // Each of these fits into a slice.
    const many = new OneSide();
    for (let asked = 0; asked < 10; asked++) many.comparisons.receive({ ...ask, numbers: [asked] });
    expect(many.spent).toBeGreaterThanOrEqual((10 * SLICE_UNITS) / atOnce);
  });

  it('takes the sums of each bucket that it asked for once, and no others, so that a peer cannot fill its memory', () => {
    const side = new OneSide();
    const round = side.begin();
    side.sums(round, -1, 2);
    expect(side.asked.at(-1)).toMatchObject({ of: 'leaves', numbers: [0, 1] });
    for (let again = 0; again < 3; again++) side.sums(round, 0, 3);
    for (const bucket of [7, -1]) side.sums(round, bucket, BUCKETS);
    expect(side.asked).toHaveLength(2);
    side.sums(round, 1, 1);
    expect(side.asked.at(-1)).toMatchObject({ of: 'rows', numbers: [0, 1, 2, BUCKETS] });
    for (let again = 0; again < 3; again++) side.sums(round, 1, BUCKETS);
    const last = {
      type: 'rows',
      table: 't',
      state: STATE,
      round,
      last: true,
      chunk: new Uint8Array(),
    } as const;
    side.comparisons.receive(last);
    expect(side.asked).toHaveLength(3);
    expect(side.compared).toEqual([[]]);
  });
});

/** A table of which a third of the keys has a row: so many keys are forgotten when it is compacted. */
function table(declaration: TableDeclaration, value: (key: number) => unknown) {
  const schema = compileSchema('t', declaration);
  const { projection, origins } = scratchProjection(schema, modeNamed);
  const origin = origins.intern('a@1');
  for (let key = 0; key < 3 * REMOVED; key++) {
    const slot = projection.rows.slotOf(String(key));
    const dot = { origin, sequence: key + 1, stamp: 1 };
    projection.rows.put(slot, value(key) as never, dot);
    if (key % 3 < 2) projection.rows.remove(slot, dot);
  }
  projection.held.sequences.advance(origin, 3 * REMOVED);
  const digests = allAtOnce(new DigestCache(origins).of(projection)) as Digests;
  return { projection, origins, digests };
}

const REMOVED = 40_000;
const LEAVES = Array.from({ length: 65_536 }, (_, leaf) => leaf);

/** What a peer says of its leaves. */
function sumsOf(digests: Digests): LeafSum[] {
  return LEAVES.map((leaf) => {
    const sums = digests.leaves(leaf >>> 8);
    return [leaf, sums[2 * (leaf & 255)] as number, sums[2 * (leaf & 255) + 1] as number];
  });
}

describe('the digests of a table', () => {
  it('are made anew when a checkpoint of the same operations changed its rows', () => {
    const one = table({ key: 'string', value: 'double' }, Number);
    const other = table({ key: 'string', value: 'double' }, Number);
    other.projection.rows.remove(other.projection.rows.slotOf('2'), { origin: 0, sequence: 3, stamp: 1 });
    const cache = new DigestCache(one.origins);
    const rootNow = () => allAtOnce(cache.of(one.projection))?.root();
    const before = rootNow();
    const chunks = [...checkpointChunks(other.projection, other.origins)];
    const adoption = new GradualAdoption(
      one.projection,
      one.origins,
      decodeCheckpoint(chunks, one.projection.schema, false),
    );
    allAtOnce(adoption.prepare(chunks));
    expect(adoption.take(1)).toBe(true);
    expect(one.projection.rows.find('2')).toBeUndefined();
    expect(rootNow()).not.toEqual(before);
    expect(rootNow()).toEqual(allAtOnce(new DigestCache(other.origins).of(other.projection))?.root());
  });

  it('say the same rows although removed keys are forgotten while they are made and read', () => {
    const { projection, origins, digests } = table({ key: 'string', value: 'double' }, Number);
    for (const _ of digests.order()) projection.compact();
    const chunks: Uint8Array[] = [];
    for (const chunk of digests.rows(LEAVES)) {
      chunks.push(chunk);
      projection.compact();
    }
    const other = table({ key: 'string', value: 'double' }, Number);
    allAtOnce(other.digests.order());
    const work = other.digests.differences(sumsOf(digests), chunks);
    for (;;) {
      const { done, value } = work.next();
      other.projection.compact();
      if (done !== true) continue;
      expect(value).toEqual([]);
      break;
    }
    // Now that nobody reads: the keys are forgotten indeed.
    expect(projection.rows.slots - projection.rows.size).toBe(2 * REMOVED);
    projection.compact();
    expect(projection.rows.slots - projection.rows.size).toBe(0);
    expect(origins.size).toBe(1);
  });

  it('take a bounded number of rows for one question', () => {
    const schema = compileSchema('t', { key: 'string' });
    const { projection, origins } = scratchProjection(schema, modeNamed);
    const dot = { origin: origins.intern('a@1'), sequence: 1, stamp: 1 };
    for (let key = 0; key < 4096; key++)
      projection.rows.put(projection.rows.slotOf(String(key)), undefined, dot);
    const digests = allAtOnce(new DigestCache(origins).of(projection)) as Digests;
    allAtOnce(digests.order());
    const [, rows] = checkpointChunks(projection, origins);
    const of = (times: number) => Array.from({ length: times }, () => rows as Uint8Array);
    expect(allAtOnce(digests.differences(sumsOf(digests), of(256)))).toEqual([]);
    expect(() => allAtOnce(digests.differences(sumsOf(digests), of(257)))).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED' }),
    );
  });

  it('are the same for any NaN, and others for 0 and -0', () => {
    const bits = new BigUint64Array([0xfff8_0000_0000_0001n, 0x7ff8_0000_0000_0000n]);
    const [strange = 0, plain = 0] = new Float64Array(bits.buffer);
    const root = (value: number) => table({ key: 'string', value: 'double' }, () => value).digests.root();
    expect(root(strange)).toEqual(root(plain));
    expect(root(0)).not.toEqual(root(-0));
  });
});
