import { type TableNode, openNode } from 'tablecast';
import { beforeAll, afterAll, describe, expect, it } from 'vitest';
import type { LogView } from '../../src/reading/log-view.ts';

/** Segments of one small operation each; a turn has room for some hundred of them. */
const SEGMENTS = 2000;
let node: TableNode;

beforeAll(async () => {
  node = await openNode({ id: 'm' });
  const written = node.table('written', { key: 'string', value: 'count' });
  node.table('quiet', { key: 'string' });
  for (let count = 0; count < SEGMENTS; count++) {
    written.set(`k${count % 10}`, count);
    await node.flush();
  }
});

afterAll(() => node.close());

/** How many turns of the event loop others have while something is read. */
async function turnsDuring(read: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let next = setImmediate(function turn() {
    turns++;
    next = setImmediate(turn);
  });
  await read();
  clearImmediate(next);
  return turns;
}

async function readAll(table: string, most = Infinity): Promise<void> {
  const reader = (node.log as LogView).reader({ table });
  for (let count = 0; count < most; count++) if ((await reader.next()) === undefined) return;
}

describe('a long log is read in many turns of the event loop', () => {
  it.each(['written', 'quiet'])('as far as table %s is concerned', async (table) => {
    expect(await turnsDuring(() => readAll(table))).toBeGreaterThan(3);
  });

  it('also by many who read a little of it, one after the other', async () => {
    const turns = await turnsDuring(async () => {
      for (let readers = 0; readers < 20; readers++) await readAll('quiet', SEGMENTS / 10);
    });
    expect(turns).toBeGreaterThan(3);
  });

  it('also as a stream', async () => {
    const streamed = async (): Promise<void> => {
      for await (const _ of node.log.follow({ table: 'quiet', until: SEGMENTS })) expect.fail();
    };
    expect(await turnsDuring(streamed)).toBeGreaterThan(3);
  });

  it('when it is folded', async () => {
    const stateAt = (): Promise<unknown> => node.log.stateAt({ table: 'written', position: SEGMENTS - 1 });
    expect(await turnsDuring(stateAt)).toBeGreaterThan(10);
  });
});
