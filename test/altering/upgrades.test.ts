import { describe, expect, test } from 'vitest';
import { type ProgramApi, type SimulatedNode, simulate } from 'tablecast/simulation';
import {
  type AlterOptions,
  type Alteration,
  type MapTable,
  type TableDeclaration,
  type TableNode,
  alterTable,
} from '../../src/index.ts';

const SEEDS = Number(process.env['TABLECAST_UPGRADE_SEEDS'] ?? 10);

const before = { key: 'string', value: 'count', backend: 'sqlite', mode: 'lww' } as const;

type AnyMap = MapTable;
type Numbered = readonly [key: string, number: number];

/** A change of a declaration, and how programs of either write and read a number under a key. */
interface Upgrade {
  readonly after: TableDeclaration;
  /** What programs of before have on their own nodes, where it is not what the one in the middle has. */
  readonly elsewhere?: TableDeclaration;
  readonly mapping?: Partial<Pick<AlterOptions, 'up' | 'down'>>;
  /** How new programs see a number under a key. */
  readonly newRow?: (key: string, number: number) => readonly [key: unknown, value: unknown];
  readonly numbered?: (key: unknown, value: unknown) => Numbered;
}

const UPGRADES: Readonly<Record<string, Upgrade>> = {
  'another type of the value': {
    after: { ...before, value: 'record', complexValues: true },
    mapping: {
      up: ({ key, value }, standing) => ({
        key,
        value: { ...(standing?.value as object), hits: Number(value) },
      }),
      down: ({ key, value }) => ({ key, value: (value as { hits: number }).hits }),
    },
    newRow: (key, number) => [key, { hits: number, by: 'new' }],
    numbered: (key, value) => [key as string, (value as { hits: number }).hits],
  },
  'one more column in the key': {
    after: { ...before, key: ['string', 'string'] },
    mapping: {
      up: ({ key, value }) => ({ key: [key, 'x'], value }),
      down: ({ key, value }) => ({ key: (key as readonly string[])[0], value }),
    },
    newRow: (key, number) => [[key, 'x'], number],
    numbered: (key, value) => [(key as readonly string[])[0] as string, Number(value)],
  },
  'an expiry': { after: { ...before, writeExpire: '10h' } },
  'another mode': { after: { ...before, mode: 'automerge' } },
  'another backend': { after: before, elsewhere: { ...before, backend: 'memory' } },
  'another name': { after: before },
};

/** What was written under a key, one after the other; from `sure` on each may be what stands. */
interface History {
  readonly states: (number | undefined)[];
  sure: number;
}

interface Ledger {
  readonly histories: Map<string, History>;
  written: number;
  /** The alteration that runs, and the life of the node in the middle that it is of. */
  running: { readonly node: TableNode; readonly alteration: Alteration } | undefined;
}

type Api = ProgramApi<Ledger>;

const newLedger = (): Ledger => ({ histories: new Map(), written: 0, running: undefined });

/** The node in the middle has both tables; of the others half have the old one, half the new one. */
const isCarrier = (node: TableNode): boolean => node.id === 'n0';
const isNew = (node: TableNode): boolean => node.id === 'n2';

const numberedAsOld = (key: unknown, value: unknown): Numbered => [key as string, Number(value)];

/** The one table that a program of before, or a new one, knows of. */
function tableOf(node: TableNode, { after, elsewhere = before }: Upgrade): AnyMap {
  const table = isNew(node) ? node.table('hits2', after) : node.table('hits', elsewhere);
  return table as unknown as AnyMap;
}

/** Both tables, as the node in the middle has them. */
function tablesOf(node: TableNode, { after }: Upgrade): readonly [AnyMap, AnyMap] {
  return [node.table('hits', before), node.table('hits2', after) as unknown as AnyMap];
}

/** Keeps both tables alike on the node in the middle. */
function alter(node: TableNode, upgrade: Upgrade, wait: (ms: number) => Promise<void>): Alteration {
  const [from, to] = tablesOf(node, upgrade);
  return alterTable(node, { from, to, ...upgrade.mapping, wait });
}

/** Writes and removes rows of its own, as a program of before or a new one; no other node writes them. */
async function write(node: TableNode, upgrade: Upgrade, { ledger, random, sleep }: Api): Promise<void> {
  const table = tableOf(node, upgrade);
  const rowOf = isNew(node)
    ? (upgrade.newRow ?? ((key, number) => [key, number]))
    : (key: string, number: number) => [key, number];
  for (;;) {
    await sleep(50 + random() * 200);
    const key = `${node.id} ${Math.floor(random() * 3)}`;
    const history = ledger.histories.get(key) ?? { states: [undefined], sure: 0 };
    ledger.histories.set(key, history);
    const [at, value] = rowOf(key, ++ledger.written) as readonly [unknown, unknown];
    const isRemoval = random() < 0.25;
    if (isRemoval) table.delete(at);
    else table.set(at, value);
    const state = history.states.push(isRemoval ? undefined : ledger.written) - 1;
    await node.flush();
    if (table.declaration.backend === 'sqlite') history.sure = Math.max(history.sure, state);
  }
}

/** Waits for what peers have; then both tables on the node in the middle show what was written. */
async function check({ node }: SimulatedNode, ledger: Ledger, upgrade: Upgrade): Promise<void> {
  const [old, young] = tablesOf(node, upgrade);
  for (const table of [old, young])
    await new Promise<void>((resolve) => table.synced.subscribe((is) => is && resolve()));
  if (ledger.running?.node === node) await ledger.running.alteration.settled();
  const shown = new Map(Array.from(old, ([key, value]) => numberedAsOld(key, value)));
  const numbered = upgrade.numbered ?? numberedAsOld;
  const carried = new Map(Array.from(young, ([key, value]) => numbered(key, value)));
  for (const [key, { states, sure }] of ledger.histories) {
    const possible = states.slice(sure);
    if (!possible.includes(shown.get(key)))
      throw new Error(`${key} is ${shown.get(key)}, and one of ${possible.join()} was written`);
    if (carried.get(key) !== shown.get(key))
      throw new Error(`${key} is ${shown.get(key)} in hits and ${carried.get(key)} in hits2`);
  }
}

/** Copies both ways what changes, as one does by hand: once it has caught up, so that it misses what came before. */
async function copyByHand(node: TableNode, upgrade: Upgrade, { sleep }: Api): Promise<void> {
  const [old, young] = tablesOf(node, upgrade);
  await sleep(100);
  for (const [from, to] of [
    [old, young],
    [young, old],
  ] as const)
    from.changes.subscribe(({ kind, key, value, origin }) => {
      if (origin.startsWith(`${node.id}@`)) return;
      if (kind === 'new' || kind === 'changed') to.set(key, value);
      else to.delete(key);
    });
}

function world(upgrade: Upgrade, carry: (node: TableNode, api: Api) => unknown) {
  return {
    nodes: 3,
    tables: {},
    durationMs: 4000,
    ledger: newLedger,
    program({ node }: SimulatedNode, api: Api) {
      if (!isCarrier(node)) return write(node, upgrade, api);
      return carry(node, api);
    },
    async check(nodes: readonly SimulatedNode[], ledger: Ledger) {
      // What a node wrote when the programs ended may still be on its way.
      const others = nodes.filter(({ node }) => !isCarrier(node));
      await Promise.all(others.map(({ node }) => node.flush({ peers: 1 })));
      await check(nodes.find(({ node }) => isCarrier(node)) as SimulatedNode, ledger, upgrade);
    },
  };
}

describe('programs of before and new ones side by side, under partitions, crashes and clocks', () => {
  test.each(Object.entries(UPGRADES))('lose nothing while %s comes', async (_, upgrade) => {
    const report = await simulate({
      ...world(upgrade, (node, { ledger, sleep }) => {
        const wait = (ms: number): Promise<void> => (ms === 0 ? Promise.resolve() : sleep(ms));
        ledger.running = { node, alteration: alter(node, upgrade, wait) };
      }),
      seeds: SEEDS,
    });
    expect(report.frames).toBeGreaterThan(100);
  });

  test('and a copy by hand, which misses what changed while it was away, is found out', async () => {
    const upgrade = UPGRADES['another name'] as Upgrade;
    const copying = world(upgrade, (node, api) => copyByHand(node, upgrade, api));
    const failing = simulate({ ...copying, faults: { clocks: false }, seeds: 40 });
    await expect(failing).rejects.toMatchObject({ code: 'SIMULATION_FAILED' });
  });

  test('a switch of mode on the way takes nothing with it', async () => {
    const upgrade = UPGRADES['another name'] as Upgrade;
    await simulate({
      ...world(upgrade, (node, { ledger, sleep, setTimeout, random }) => {
        const wait = (ms: number): Promise<void> => (ms === 0 ? Promise.resolve() : sleep(ms));
        ledger.running = { node, alteration: alter(node, upgrade, wait) };
        const [old] = tablesOf(node, upgrade);
        setTimeout(() => old.switchMode(old.mode === 'lww' ? 'naive' : 'lww'), random() * 4000);
      }),
      seeds: SEEDS,
    });
  });
});
