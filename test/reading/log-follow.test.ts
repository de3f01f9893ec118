import fc from 'fast-check';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type MapTable,
  type Operation,
  type TableNode,
  type TablecastError,
  openNode,
} from '../../src/index.ts';
import { temporaryDirectory } from '../backends/support/places.ts';
import { readLog } from '../support/read-log.ts';
import { runsWithin } from '../support/runs-within.ts';

const declaration = { key: 'string', value: 'count', backend: 'memory' } as const;
type Numbers = MapTable<string, number | bigint>;

let node: TableNode;
beforeEach(async () => {
  node = await openNode({ id: 'followed' });
});
afterEach(() => node.close());

describe('node.log.follow', () => {
  const scratch = temporaryDirectory();

  it('gives at any pace what is replayed, then what is written, each operation once', async () => {
    await node.close();
    node = await openNode({ id: 'followed', directory: scratch.path, durability: 'interval' });
    const disk = node.table('disk', { ...declaration, backend: 'sqlite' });
    const memory = node.table('memory', declaration);
    let written = 0;
    const write = (table: Numbers): void => void table.set(`k${written % 7}`, ++written);
    const pauses = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(
        pauses,
        pauses,
        fc.boolean(),
        runsWithin(4000, async (writing, reading, both) => {
          const after = Math.max(0, node.log.position - 20);
          const until = node.log.position + 2 * writing.length;
          const range = both ? { after, until } : { after, until, table: 'disk' };
          const read: Operation[] = [];
          const reader = (async () => {
            for await (const operation of node.log.follow(range)) {
              read.push(operation);
              for (let turns = reading[read.length % reading.length] ?? 0; turns > 0; turns--)
                await setImmediate();
            }
          })();
          for (const turns of writing) {
            write(disk);
            for (let left = turns; left > 0; left--) await (left % 2 === 0 ? setImmediate() : undefined);
            write(memory);
          }
          await reader;
          expect(read).toEqual(await readLog(node, range));
        }),
      ),
      { numRuns: 100 },
    );
  });

  it('waits for what is written, ends where it is told to, and when the node closes', async () => {
    const table = node.table('waited', declaration);
    const follower = node.log.follow();
    const first = follower.next();
    await setImmediate();
    table.set('a', 1);
    expect((await first).value).toMatchObject({ position: 1, key: 'a' });
    const stopped = follower.next();
    await setImmediate();
    expect(await follower.return?.()).toEqual({ done: true, value: undefined });
    expect((await stopped).done).toBe(true);
    const until: unknown[] = [];
    const reading = (async () => {
      for await (const { value } of node.log.follow({ after: 1, until: 3 })) until.push(value);
    })();
    table.set('a', 2).set('a', 3).set('a', 4);
    await reading;
    expect(until).toEqual([2, 3]);
    const closing = node.log.follow({ after: 4 }).next();
    await setImmediate();
    await node.close();
    expect((await closing).done).toBe(true);
  });

  it('fails, and leaves nothing out, when what it has not come to is gone', async () => {
    await node.close();
    node = await openNode({ id: 'followed', limits: { maxMemoryLogBytes: 100_000 } });
    const table = node.table('fleeting', { key: 'string', value: 'string' });
    for (let written = 0; written < 20; written++) table.set('first', String(written));
    const follower = node.log.follow();
    let last = (await follower.next()).value?.position as number;
    for (let written = 0; written < 50; written++) {
      table.set('k', 'x'.repeat(200_000));
      await node.flush();
    }
    const failure = await (async () => {
      for await (const { position } of follower) {
        expect(position).toBe(last + 1);
        last = position;
      }
    })().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'LOG_TRIMMED' });
    const after = (failure as TablecastError).details['trimmedTo'] as number;
    expect(after).toBeGreaterThan(last);
    // Where it says, both kinds of reading can be taken up.
    const { position: until } = node.log;
    const read: Operation[] = [];
    for await (const operation of node.log.follow({ after, until })) read.push(operation);
    expect(read.map(({ position }) => position)).toEqual(
      Array.from({ length: until - after }, (_, index) => after + 1 + index),
    );
    expect(await readLog(node, { after, until })).toEqual(read);
  });

  it('refuses what is no range of positions', () => {
    expect(() => node.log.follow({ after: -1 })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
  });
});
