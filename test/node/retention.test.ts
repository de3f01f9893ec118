import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, firstValueFrom, toArray } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sqliteBackend } from '../../src/backends/sqlite/sqlite-backend.ts';
import { type NodeOptions, type Retention, type TableNode, openLogFile, openNode } from '../../src/index.ts';
import { openNodeOf } from '../../src/node/open-node.ts';
import { systemEnvironment } from '../../src/system-environment.ts';
import { PATIENCE_MS } from '../support/patience.ts';

/** As a node is opened by its users, but with small blocks and looks that come a hundred times as often. */
const AFTER = 60;
let directory: string;
let nodes: TableNode[] = [];
/** How often the housekeeping of any node has looked. */
let looks = 0;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tablecast-retention-'));
});
afterEach(async () => {
  await Promise.all(nodes.map((node) => node.close().catch(() => undefined)));
  nodes = [];
  rmSync(directory, { recursive: true, force: true });
});

async function open(id: string, retention?: Retention, more: Partial<NodeOptions> = {}): Promise<TableNode> {
  const place = more.directory ?? join(directory, id);
  mkdirSync(place, { recursive: true });
  const node = await openNodeOf(
    { id, retention, ...more, directory: place },
    {
      checkpointAfter: AFTER,
      environment: {
        ...systemEnvironment,
        schedule: (delayMs, task) => {
          if (delayMs !== 1000) return systemEnvironment.schedule(delayMs, task);
          return systemEnvironment.schedule(10, () => {
            looks++;
            task();
          });
        },
      },
      durableBackend: sqliteBackend({
        file: join(place, `${id}.tablecast.db`),
        durability: 'commit',
        owner: id,
        inline: true,
        limits: { blockBytes: 2000 },
      }),
    },
  );
  nodes.push(node);
  return node;
}

const declaration = { key: 'string', value: 'count', backend: 'sqlite' } as const;
const numbers = (node: TableNode) => node.table('numbers', declaration);

/** Writes one operation per commit, so that there are many segments. */
async function write(node: TableNode, count: number, from = 0): Promise<void> {
  const table = numbers(node);
  for (let index = from; index < from + count; index++) {
    table.set(`key ${index % 20}`, index);
    await node.flush();
  }
}

/** Lets the housekeeping, of the log and of the tables, look so often, whether or not there is anything it may do. */
async function looked(times: number): Promise<void> {
  const until = looks + 2 * times;
  await vi.waitFor(() => expect(looks).toBeGreaterThanOrEqual(until), { timeout: PATIENCE_MS, interval: 5 });
}

/** Rows by their text: nodes may have them in another order. */
const sorted = (rows: Iterable<readonly unknown[]>): string[] =>
  Array.from(rows, (row) => row.join(' ')).toSorted((one, other) => (one < other ? -1 : 1));

const kept = (node: TableNode) =>
  firstValueFrom(node.log.operations({ until: node.log.position }).pipe(toArray()));

/** The beginning of the log, once it is so far. */
async function trimmed(node: TableNode, to: number): Promise<number> {
  return vi.waitFor(
    async () => {
      const [first] = await kept(node);
      expect(first?.position).toBeGreaterThan(to);
      return first?.position as number;
    },
    { timeout: PATIENCE_MS, interval: 20 },
  );
}

describe('a log that is not kept for ever', () => {
  it('is kept whole unless something else is asked for', async () => {
    const node = await open('a');
    await write(node, 300);
    await looked(15);
    expect((await kept(node)).map(({ position }) => position)).toEqual(
      Array.from({ length: 300 }, (_, at) => at + 1),
    );
  });

  it('keeps the newest operations by number, names their keys, and says where it begins', async () => {
    const node = await open('a', { operations: 100 });
    await write(node, 500);
    const first = await trimmed(node, 300);
    const operations = await kept(node);
    expect(operations.length).toBeGreaterThanOrEqual(100);
    expect(operations.map(({ key, value }) => [key, value])).toEqual(
      operations.map(({ position }) => [`key ${(position - 1) % 20}`, position - 1]),
    );
    const behind = firstValueFrom(node.log.operations({ after: 5, until: 400 }).pipe(toArray()));
    await expect(behind).rejects.toMatchObject({ code: 'LOG_TRIMMED' });
    const exact = await firstValueFrom(node.log.operations({ after: first - 1, until: 500 }).pipe(toArray()));
    expect(exact.length).toBe(500 - first + 1);
    const before = node.log.stateAt({ table: 'numbers', position: first - 10 });
    await expect(before).rejects.toMatchObject({ code: 'LOG_TRIMMED' });
    expect((await node.log.stateAt({ table: 'numbers', position: 500 })).size).toBe(20);
  });

  it('keeps about as many bytes as are asked for', async () => {
    const node = await open('a', { bytes: 6000 });
    await write(node, 600);
    await trimmed(node, 300);
  });

  it('lets go by age what is older, also of a node that writes little', async () => {
    const node = await open('a', { age: 1000 });
    await write(node, 120);
    await vi.waitFor(
      async () => {
        numbers(node).set('tick', Date.now());
        await node.flush();
        expect((await kept(node))[0]?.position).toBeGreaterThan(110);
      },
      { timeout: PATIENCE_MS, interval: 100 },
    );
    expect(numbers(node).get('key 19')).toBe(119);
  });

  it('comes back after restarts with all rows, its numbering, and the keys of what is kept', async () => {
    const retention = { operations: 100 };
    let node = await open('a', retention);
    await write(node, 400);
    await trimmed(node, 200);
    const keyOf = ({ position }: { position: number }) => `key ${position > 400 ? 0 : (position - 1) % 20}`;
    const before = [...numbers(node)];
    await node.close();
    for (let restart = 0; restart < 2; restart++) {
      node = await open('a', retention);
      expect(sorted(numbers(node))).toEqual(sorted(before));
      // With its first run a new session begins to number its keys anew: the old numbers are in no memory then.
      numbers(node).set('key 0', 400);
      before[0] = ['key 0', 400];
      await node.flush();
      const operations = await kept(node);
      expect(operations.map(({ key }) => key)).toEqual(operations.map(keyOf));
      expect(operations.at(-1)).toMatchObject({ position: 401 + restart, sequence: 401 + restart });
      await node.close();
    }
    const file = await openLogFile(join(directory, 'a', 'a.tablecast.db'));
    const read = await firstValueFrom(file.operations().pipe(toArray()));
    expect(read.map(({ key }) => key)).toEqual(read.map(keyOf));
    expect(file.rows('numbers').size).toBe(20);
    file.close();
  });

  // scripts/campaigns/planted-bugs.ts shows that this catches a trim beyond what checkpoints cover.
  it('loses no row to a crash at any time: nothing goes that no checkpoint covers', async () => {
    const node = await open('a', { operations: 5 });
    const quiet = node.table('quiet', declaration);
    quiet.set('once', 1);
    for (let round = 0; round < 8; round++) {
      await write(node, 40, round * 40);
      await looked(4);
      const copy = join(directory, `crash-${round}`);
      cpSync(join(directory, 'a'), copy, { recursive: true });
      rmSync(join(copy, 'a.tablecast.db.lock'), { force: true });
      const again = await open('a', undefined, { directory: copy });
      expect(numbers(again).size).toBe(20);
      expect(numbers(again).get(`key ${(round * 40 + 39) % 20}`)).toBe(round * 40 + 39);
      expect(again.table('quiet', declaration).get('once')).toBe(1);
      await again.close();
    }
    await trimmed(node, 200);
  });

  it('gives a checkpoint to who comes late, and operations to who has the rest', async () => {
    const node = await open('a', { operations: 100 }, { listen: { port: 0 } });
    const peers = [node.address as string];
    const friend = await open('friend', undefined, { peers });
    numbers(friend);
    await write(node, 200);
    await vi.waitFor(() => expect(numbers(friend).get('key 19')).toBe(199), { timeout: PATIENCE_MS });
    await friend.close();
    await write(node, 20, 200);
    const again = await open('friend', undefined, { peers });
    const events: string[] = [];
    again.events.subscribe(({ code }) => events.push(code));
    await vi.waitFor(() => expect(numbers(again).get('key 19')).toBe(219), { timeout: PATIENCE_MS });
    expect(events).not.toContain('checkpoint-adopted');
    await write(node, 300, 220);
    await trimmed(node, 300);
    const late = await open('late', undefined, { peers });
    const adopted = firstValueFrom(late.events.pipe(filter(({ code }) => code === 'checkpoint-adopted')));
    numbers(late);
    await adopted;
    await vi.waitFor(() => expect(sorted(numbers(late))).toEqual(sorted(numbers(node))), {
      timeout: PATIENCE_MS,
    });
    numbers(late).set('from late', 1);
    await vi.waitFor(() => expect(numbers(node).get('from late')).toBe(1), { timeout: PATIENCE_MS });
  });

  it('goes on in the author’s order after everything else was forgotten', async () => {
    let node = await open('a', { operations: 1 });
    await write(node, 300);
    await trimmed(node, 200);
    await node.close();
    node = await open('a', { operations: 1 });
    numbers(node).set('next', 1);
    await node.flush();
    expect((await kept(node)).at(-1)).toMatchObject({ key: 'next', sequence: 301, position: 301 });
  });

  it.each([{ age: '10ms' }, { age: -1 }, { age: 'soon' }, { bytes: 0 }, { operations: 1.5 }, { days: 3 }])(
    'is not asked for by %j',
    async (retention) => {
      await expect(openNode({ id: 'a', retention: retention as Retention })).rejects.toMatchObject({
        code: 'OPTION_INVALID',
      });
    },
  );
});
