/** Promises of the documents that said otherwise than the code, each through the public interface. */
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openNode } from 'tablecast';
import { concurrently, conflictsOf, counts, durableCounts, settle, withCluster } from './fixture.ts';

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-promises-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

describe('a concurrent delete and write', () => {
  it.each([
    ['naive', ['k: 2 over -', 'k: - over 2']],
    ['lww', ['k: 2 over -', 'k: 2 over -']],
  ] as const)('in %s is told on both nodes, as it took effect there', async (mode, expected) => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [a, b] = cluster.declare('counts', { ...counts, mode });
      a?.set('k', 1);
      await settle(cluster);
      const conflicts = [conflictsOf(a!), conflictsOf(b!)];
      await concurrently(
        cluster,
        () => a?.delete('k'),
        // Of equal times the greater origin wins: the write is the later one.
        () => b?.set('k', 2),
      );
      expect(conflicts.map(([first]) => first)).toEqual(expected);
    });
  });
});

describe('a subscriber that throws', () => {
  it('is told of what follows all the same, and its error comes out of a task of its own', async () => {
    const node = await openNode({ id: 'n' });
    onTestFinished(() => node.close());
    const table = node.table('t', counts);
    const listeners = process.rawListeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    onTestFinished(() => {
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener as (error: Error) => void);
    });
    const thrown = new Promise<unknown>((resolve) => process.on('uncaughtException', resolve));
    const seen: string[] = [];
    table.changes.subscribe(({ key }) => {
      seen.push(key);
      if (key === 'bad') throw new Error('of the subscriber');
    });
    table.set('bad', 1);
    expect(seen).toEqual(['bad']);
    expect(await thrown).toEqual(new Error('of the subscriber'));
    table.set('after', 2);
    expect(seen).toEqual(['bad', 'after']);
  });
});

describe('a directory', () => {
  it('holds a file for each id, and refuses a second process of an id and the file of another', async () => {
    const directory = temporary();
    const one = await openNode({ id: 'one', directory });
    onTestFinished(() => one.close());
    const two = await openNode({ id: 'two', directory });
    two.table('t', durableCounts).set('k', 2);
    one.table('t', durableCounts).set('k', 1);
    await two.close();
    expect(readdirSync(directory)).toEqual(expect.arrayContaining(['one.tablecast.db', 'two.tablecast.db']));
    await expect(openNode({ id: 'one', directory })).rejects.toMatchObject({ code: 'BACKEND_IN_USE' });
    copyFileSync(join(directory, 'two.tablecast.db'), join(directory, 'three.tablecast.db'));
    await expect(openNode({ id: 'three', directory })).rejects.toMatchObject({ code: 'BACKEND_FOREIGN' });
  });
});

describe('a switch of mode', () => {
  it('keeps the log, and what is written again stands over what others wrote to the key meanwhile', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [a, b] = cluster.declare('counts', durableCounts);
      for (const key of ['both', 'gone']) a?.set(key, 1);
      await settle(cluster);
      cluster.setCut(0, 1, true);
      b?.set('both', 2);
      b?.delete('gone');
      await settle(cluster);
      a?.set('both', 3);
      await cluster.time.until(a!.switchMode('lww'));
      cluster.setCut(0, 1, false);
      await cluster.run(30_000);
      for (const table of [a, b]) expect([...table!]).toEqual([['both', 2]]);
      const kinds: string[] = [];
      cluster
        .node(0)
        .log.operations({ until: cluster.node(0).log.position })
        .subscribe(({ kind }) => kinds.push(kind));
      await settle(cluster);
      expect(kinds.slice(0, 4)).toEqual(['set', 'set', 'set', 'switch']);
    });
  });
});
