import { copyFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { filter, firstValueFrom } from 'rxjs';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type NodeEvent, type TableNode, openNode } from 'tablecast';
import type { Standing } from '../../src/sql/target.ts';
import { Feed, type FeedParts } from '../../src/sql/feed.ts';
import { hasPostgres } from './support/postgres-server.ts';
import { type TestTarget, postgresKind, targetKinds } from './support/targets.ts';

const declaration = { key: 'string', value: 'double', backend: 'sqlite' } as const;
let directory: string;
const nodes: TableNode[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tablecast-interrupted-'));
});

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()));
  rmSync(directory, { recursive: true, force: true });
});

async function kept(opening: Promise<TableNode>): Promise<TableNode> {
  const node = await opening;
  nodes.push(node);
  return node;
}

function expectEqual(found: unknown, expected: unknown): void {
  expect(found).toEqual(expected);
}

/** Compares a target with a table, and with what its history says of now. */
async function compare(
  target: TestTarget,
  table: Iterable<readonly [string, number]>,
  history = false,
): Promise<void> {
  const expected = Array.from(table, ([key, value]) => ({ key, value })).toSorted((a, b) =>
    a.key < b.key ? -1 : 1,
  );
  expectEqual(await target.read('SELECT key, value FROM numbers ORDER BY key'), expected);
  if (!history) return;
  const now = 'SELECT key, value FROM numbers_history WHERE to_position IS NULL ORDER BY key';
  expectEqual(await target.read(now), expected);
}

describe.each(targetKinds())('into $name', (kind) => {
  afterAll(() => kind.close());

  test('a node that begins a new life is compared, and its history says so', async () => {
    const target = await kind.make();
    for (const id of ['before', 'after']) {
      const node = await kept(openNode({ id, directory }));
      const told: NodeEvent[] = [];
      node.events.subscribe((event) => void told.push(event));
      const numbers = node.table('numbers', declaration);
      numbers.set(id, 1).set('both', id.length);
      await node.project('numbers', { to: target.to, history: true }).reached();
      expect(told.some(({ code }) => code === 'projection-gap')).toBe(id === 'after');
      await compare(target, numbers, true);
      await node.close();
    }
    await target.close();
  });
});

test.each<[string, (file: string) => void]>([
  ['removed', (file) => rmSync(file)],
  ['moved away', (file) => renameSync(file, `${file}.elsewhere`)],
  ['replaced by a copy', (file) => [copyFileSync(file, `${file}.copy`), renameSync(`${file}.copy`, file)]],
])(
  'a file that is %s while it is written is told, made anew, and then has every row',
  async (_what, take) => {
    const to = join(directory, 'target.db');
    const node = await kept(openNode({ id: 'a', directory }));
    const numbers = node.table('numbers', declaration);
    const projection = node.project('numbers', { to });
    numbers.set('before', 1);
    await projection.reached();
    const told = firstValueFrom(node.events.pipe(filter(({ code }) => code === 'projection-failed')));
    take(to);
    numbers.set('after', 2);
    await projection.reached();
    expect(await told).toMatchObject({ severity: 'warning', details: { retrying: true } });
    const found = new Database(to, { readonly: true });
    expect(found.prepare('SELECT key FROM numbers ORDER BY key').pluck().all()).toEqual(['after', 'before']);
    found.close();
  },
);

describe.skipIf(!hasPostgres)('while PostgreSQL is away', () => {
  const kind = postgresKind();
  afterAll(() => kind.close());

  test('writes wait in the log, and arrive when it is there again', async () => {
    const target = await kind.make();
    const server = await kind.server();
    const node = await kept(openNode({ id: 'a', directory }));
    const numbers = node.table('numbers', declaration);
    const projection = node.project('numbers', { to: target.to });
    numbers.set('before', 1);
    await projection.reached();
    const away = firstValueFrom(node.events.pipe(filter(({ code }) => code === 'projection-failed')));
    await server.kill();
    for (let index = 0; index < 5000; index++) numbers.set(`k${index % 500}`, index);
    await node.flush();
    expect(await away).toMatchObject({ severity: 'warning', details: { retrying: true } });
    expect(projection.state).toBe('retrying');
    await server.start();
    await projection.reached();
    await compare(target, numbers);
  });

  test('a projection ends at once, and the node with it', async () => {
    const target = await kind.make();
    const server = await kind.server();
    const node = await kept(openNode({ id: 'a', directory }));
    node.table('numbers', declaration);
    const projection = node.project('numbers', { to: target.to });
    await projection.reached();
    await server.kill();
    await node.close();
    expect(projection.state).toBe('closed');
    await server.start();
  });
});

describe('a history begins', () => {
  /** A log of ten positions, of which the first were trimmed. */
  function basisOf(trimmedTo: number, standing: Standing | undefined): Promise<unknown> {
    const store = { trimmedTo, told: 10, appended: 10 };
    const log = { seal: () => undefined, flush: async () => undefined };
    const parts = { store, log, projections: new Map(), life: () => 'n@1' } as unknown as FeedParts;
    return new Feed(parts).basis([standing], true);
  }

  test.each([
    ['from the log, when all of it is there', 0, undefined, 'log'],
    ['from the log, when the target stands in it', 0, { source: 'n@1', position: 7 }, 'log'],
    ['from the rows, when the log was trimmed', 3, { source: 'n@1', position: 7 }, 'checkpoint'],
    [
      'from the rows, when the target stands in another life',
      0,
      { source: 'n@0', position: 7 },
      'checkpoint',
    ],
    ['from the rows, when the target is ahead of the log', 0, { source: 'n@1', position: 11 }, 'checkpoint'],
  ])('%s', async (_, trimmedTo, standing, kind) => {
    expect(await basisOf(trimmedTo, standing)).toMatchObject({ kind, source: 'n@1' });
  });
});
