import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { type MapTable, type SqlProjection, type TableNode, openNode } from 'tablecast';
import { type TestTarget, targetKinds } from './support/targets.ts';

/** What happens to the tables of two nodes that are connected, or not. */
type Step =
  | { readonly kind: 'set'; readonly at: 0 | 1; readonly key: number; readonly value: number }
  | { readonly kind: 'delete'; readonly at: 0 | 1; readonly key: number }
  | { readonly kind: 'increment'; readonly at: 0 | 1; readonly key: number }
  | { readonly kind: 'clear'; readonly at: 0 | 1 }
  | { readonly kind: 'switch'; readonly at: 0 | 1; readonly mode: 'naive' | 'lww' | 'automerge' }
  | { readonly kind: 'check' }
  | { readonly kind: 'restart'; readonly at: 0 | 1 };

const SEED = Number(process.env['TABLECAST_SEED'] ?? 68);
const RUNS = process.env['TABLECAST_SEED'] === undefined ? 2 : 10;

const at = fc.constantFrom<0 | 1>(0, 1);
const anyKey = fc.integer({ min: 0, max: 6 });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant('set' as const), at, key: anyKey, value: fc.nat(99) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('delete' as const), at, key: anyKey }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('increment' as const), at, key: anyKey }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), at }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('switch' as const),
      at,
      mode: fc.constantFrom('naive' as const, 'lww' as const, 'automerge' as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('check' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), at }) },
);

describe.each(targetKinds())('after random histories, a projection into $name', (kind) => {
  afterAll(() => kind.close());

  test.each(['naive', 'lww', 'automerge'] as const)(
    'is equal to the table and the log, beginning in mode %s',
    async (mode) => {
      await fc.assert(
        fc.asyncProperty(fc.array(anyStep, { minLength: 15, maxLength: 40 }), async (steps) => {
          const world = await World.begin(mode, await kind.make());
          try {
            for (const each of steps) await world.take(each);
            await world.check();
          } finally {
            await world.end();
          }
        }),
        // The same worlds each time; TABLECAST_SEED draws others.
        { numRuns: RUNS, seed: SEED },
      );
    },
  );
});

function expectEqual(found: unknown, expected: unknown): void {
  expect(found).toEqual(expected);
}

class World {
  readonly #directory = mkdtempSync(join(tmpdir(), 'tablecast-histories-'));
  readonly #mode: 'naive' | 'lww' | 'automerge';
  readonly #target: TestTarget;
  readonly #nodes: TableNode[] = [];
  readonly #tables: MapTable<number, number>[] = [];
  #projection: SqlProjection | undefined;

  private constructor(mode: 'naive' | 'lww' | 'automerge', target: TestTarget) {
    this.#mode = mode;
    this.#target = target;
  }

  static async begin(mode: 'naive' | 'lww' | 'automerge', target: TestTarget): Promise<World> {
    const world = new World(mode, target);
    await world.#open(0);
    await world.#open(1);
    return world;
  }

  async #open(index: 0 | 1): Promise<void> {
    const directory = join(this.#directory, String(index));
    const [first] = this.#nodes;
    const peers = index === 1 && first?.address !== undefined ? [first.address] : [];
    const node = await openNode({ id: `n${index}`, directory, listen: { port: 0 }, peers });
    this.#nodes[index] = node;
    const declaration = {
      key: 'int',
      value: 'int',
      backend: 'sqlite',
      mode: this.#mode,
      default: 0,
    } as const;
    this.#tables[index] = node.table('rows', declaration);
    if (index === 0) this.#projection = node.project('rows', { to: this.#target.to, history: true });
  }

  async take(step: Step): Promise<void> {
    if (step.kind === 'check') return this.check();
    if (step.kind === 'restart') {
      await this.#nodes[step.at]?.close();
      return this.#open(step.at);
    }
    const table = this.#tables[step.at] as MapTable<number, number>;
    switch (step.kind) {
      case 'set':
        table.set(step.key, step.value);
        break;
      case 'delete':
        table.delete(step.key);
        break;
      case 'increment':
        table.increment(step.key, 1);
        break;
      case 'clear':
        table.clear();
        break;
      case 'switch':
        await table.switchMode(step.mode);
    }
    // Lets the other node take it in, or not yet.
    if (step.kind !== 'set' || step.value % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Compares the table, the target and its history, in one moment of the node. */
  async check(): Promise<void> {
    const node = this.#nodes[0] as TableNode;
    for (;;) {
      const before = node.log.position;
      const reached = await this.#projection?.reached();
      const found = await this.#read('SELECT key, value FROM rows');
      const now = await this.#read('SELECT key, value FROM rows_history WHERE to_position IS NULL');
      // What came from the other node meanwhile makes this another moment.
      if (node.log.position !== before) continue;
      const rows = Array.from(
        this.#tables[0] as MapTable<number, number>,
        ([key, value]) => `${key}=${value}`,
      );
      expectEqual(
        { found, now, isReached: (reached ?? -1) >= before },
        { found: rows.toSorted(), now: rows.toSorted(), isReached: true },
      );
      return;
    }
  }

  async #read(sql: string): Promise<string[]> {
    const rows = await this.#target.read(sql);
    return rows.map(({ key, value }) => `${String(key as number)}=${String(value as number)}`).toSorted();
  }

  async end(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.close()));
    await this.#target.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
