import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeOptions } from '../../src/index.ts';
import { openNodeOf } from '../../src/node/open-node.ts';
import { inProcessNetwork } from '../../src/transport/in-process.ts';
import {
  conflictsOf,
  counts,
  durableCounts,
  errorOf,
  eventsOf,
  rowsOf,
  settle,
  told,
  withCluster,
} from './fixture.ts';

describe('conformance: start, attach and persistence', () => {
  let directory: string;
  const open = (options: Partial<NodeOptions>) =>
    openNodeOf({ id: 'alone', ...options }, { transport: inProcessNetwork().transport('alone') });

  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'tablecast-conformance-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('conformance 64: persisted rows are there when table() returns', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      cluster.node(0).table('counts', durableCounts).set('k', 1);
      await cluster.stop(0);
      await cluster.start(0, (node) => {
        expect([...node.table('counts', durableCounts)]).toEqual([['k', 1]]);
      });
    });
  });

  it('conformance 65: loading tells subscribers nothing', async () => {
    await withCluster({ size: 1 }, async (cluster) => {
      cluster.node(0).table('counts', durableCounts).set('k', 1).set('l', 2);
      await cluster.stop(0);
      const lines: string[][] = [];
      await cluster.start(0, (node) => lines.push(told(node.table('counts', durableCounts))));
      await settle(cluster);
      expect(lines).toEqual([[]]);
    });
  });

  it('conformance 66: rows that come from a peer after the start are told as new', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      await cluster.stop(1);
      cluster.node(0).table('counts', counts).set('k', 1);
      const lines: string[][] = [];
      await cluster.start(1, (node) => lines.push(told(node.table('counts', counts))));
      await cluster.run(15_000);
      expect(lines).toEqual([['new k 1 -']]);
    });
  });

  it('conformance 67: a late node receives everything, also of a log that no longer reaches back', async () => {
    await withCluster({ size: 2, limits: { maxMemoryLogBytes: 20_000 } }, async (cluster) => {
      await cluster.stop(1);
      const table = cluster.node(0).table('counts', counts);
      for (let index = 0; index < 20_000; index++) {
        table.set(`k${index % 3000}`, index);
        if (index % 500 === 0) await cluster.run(1);
      }
      const late = (await cluster.start(1)).table('counts', counts);
      await cluster.run(15_000);
      expect(rowsOf([late])).toEqual(rowsOf([table]));
      table.set('live', 1);
      await settle(cluster);
      expect(late.get('live')).toBe(1);
    });
  });

  it('conformance 68: a sqlite table survives a restart with its overwrites and deletes; a memory table starts empty', async () => {
    const declare = async () => {
      const node = await open({ directory });
      return { node, kept: node.table('kept', durableCounts), lost: node.table('lost', counts) };
    };
    const first = await declare();
    for (const table of [first.kept, first.lost]) {
      table.set('a', 1).set('b', 2).set('a', 3).set('c', 4);
      table.delete('b');
    }
    await first.node.close();
    const second = await declare();
    expect([...second.kept]).toEqual([
      ['a', 3],
      ['c', 4],
    ]);
    expect(second.lost.size).toBe(0);
    await second.node.close();
  });

  it('conformance 69: a deleted row does not come back, neither from the disk nor from a peer that missed the delete', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = cluster.declare('counts', durableCounts);
      here?.set('gone', 1).set('stays', 1);
      await settle(cluster);
      expect(there?.size).toBe(2);
      await cluster.stop(1);
      here?.delete('gone');
      await cluster.stop(0);
      const again = (await cluster.start(0)).table('counts', durableCounts);
      const peer = (await cluster.start(1)).table('counts', durableCounts);
      expect([again.has('gone'), peer.has('gone')]).toEqual([false, true]);
      await cluster.run(15_000);
      expect(rowsOf([again, peer])).toEqual([[['stays', 1]], [['stays', 1]]]);
    });
  });

  it('conformance 71: rows that only a rejoining node has stay and reach the others; common ones are reported', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const [here, there] = cluster.declare('counts', counts);
      cluster.setCut(0, 1, true);
      await cluster.run(30_000);
      here?.set('common', 1).set('of here', 1);
      there?.set('common', 2).set('of there', 2);
      const conflicts = [conflictsOf(here!), conflictsOf(there!)];
      cluster.setCut(0, 1, false);
      await cluster.run(15_000);
      expect(rowsOf([here!])).toEqual([
        [
          ['common', 2],
          ['of here', 1],
          ['of there', 2],
        ],
      ]);
      expect(rowsOf([there!])).toEqual([
        [
          ['common', 1],
          ['of here', 1],
          ['of there', 2],
        ],
      ]);
      expect(conflicts.map((lines) => lines.length)).toEqual([1, 1]);
    });
  });

  it('conformance 72: a table stored with other types is refused with both declarations; the node and the file live on', async () => {
    const first = await open({ directory });
    first.table('typed', { key: 'string', value: 'string', backend: 'sqlite' }).set('k', 'text');
    await first.close();
    const second = await open({ directory });
    const error = errorOf(() => second.table('typed', durableCounts));
    expect(error).toMatchObject({ code: 'DECLARATION_DIFFERS' });
    expect(error?.message).toContain('value is count and was string');
    expect(error?.details).toMatchObject({ before: expect.stringContaining('"value":"string"') as string });
    expect(second.table('other', durableCounts).set('k', 1).size).toBe(1);
    const asStored = { key: 'string', value: 'string', backend: 'sqlite' } as const;
    expect(second.table('typed', asStored).get('k')).toBe('text');
    await second.close();
  });

  it('conformance 74: nodes may keep one table in different backends', async () => {
    await withCluster({ size: 2 }, async (cluster) => {
      const here = cluster.node(0).table('counts', durableCounts).set('k', 1);
      const there = cluster.node(1).table('counts', counts).set('l', 2);
      await settle(cluster);
      expect(rowsOf([here, there])).toEqual([
        [
          ['k', 1],
          ['l', 2],
        ],
        [
          ['k', 1],
          ['l', 2],
        ],
      ]);
    });
  });

  it('conformance 75: a node has one file, named after it, in a directory that is created when missing', async () => {
    const deep = path.join(directory, 'not', 'there', 'yet');
    const node = await open({ directory: deep });
    node.table('Site::hosts', durableCounts).set('k', 1);
    await node.close();
    expect(existsSync(path.join(deep, 'alone.tablecast.db'))).toBe(true);
  });

  it('conformance 77: tables are announced to peers of any role, late ones too, and declaring again changes nothing', async () => {
    await withCluster({ size: 3, topology: 'star' }, async (cluster) => {
      const leaf = cluster.node(1).table('late', counts).set('k', 1);
      await settle(cluster);
      const hub = cluster.node(0).table('late', counts);
      await settle(cluster);
      expect(hub.get('k')).toBe(1);
      const position = cluster.node(0).log.position;
      expect(cluster.node(0).table('late', counts)).toBe(hub);
      expect(cluster.node(2).table('late', counts).size).toBe(0);
      await settle(cluster);
      expect(cluster.node(2).table('late', counts).get('k')).toBe(1);
      expect(cluster.node(0).log.position).toBe(position);
      leaf.set('k', 2);
      await settle(cluster);
      expect(cluster.node(2).table('late', counts).get('k')).toBe(2);
    });
  });

  it('conformance 83: an option of a wrong name, value or type is refused by name', async () => {
    const wrong = [
      [{ durability: 'fast' }, 'durability'],
      [{ directory: 7 }, 'directory'],
      [{ failureMode: 'Broker::DELETE' }, 'failureMode'],
      [{ journal: 'wal' }, 'journal'],
      [{ limits: { maxTables: 0 } }, 'limits.maxTables'],
    ] as const;
    for (const [options, name] of wrong) {
      await expect(open(options as unknown as Partial<NodeOptions>)).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        message: expect.stringContaining(name),
      });
    }
  });

  it('conformance 116: an empty peer erases nothing, and only what differs is told', async () => {
    await withCluster({ size: 2, topology: 'star' }, async (cluster) => {
      const [hub, leaf] = cluster.declare('counts', counts);
      hub?.set('a', 1).set('b', 2);
      leaf?.set('c', 3);
      await settle(cluster);
      const lines = told(leaf!);
      cluster.crash(0);
      await cluster.run(5000);
      const again = (await cluster.start(0)).table('counts', counts);
      await cluster.run(20_000);
      const rows = [
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ];
      expect(rowsOf([again, leaf!])).toEqual([rows, rows]);
      expect(lines).toEqual([]);
    });
  });

  it('conformance 118: a write the disk refuses is an event, a rejected flush and refused writes, never silence', async () => {
    let outcome: 'kept' | 'full' | 'failed' = 'kept';
    await withCluster({ size: 2, outcome: (index) => (index === 0 ? outcome : 'kept') }, async (cluster) => {
      const [here, there] = cluster.declare('counts', durableCounts);
      const events = eventsOf(cluster.node(0));
      here?.set('before', 1);
      await settle(cluster);
      outcome = 'full';
      here?.set('while full', 2);
      await expect(cluster.time.until(cluster.node(0).flush())).rejects.toMatchObject({
        code: 'BACKEND_FULL',
      });
      expect(errorOf(() => here?.set('refused', 3))).toMatchObject({ code: 'BACKEND_FULL' });
      expect(events.map(({ code }) => code)).toContain('backend-failed');
      expect(there?.has('while full')).toBe(false);
      outcome = 'kept';
      await settle(cluster);
      expect(events.map(({ code }) => code)).toContain('backend-recovered');
      here?.set('after', 4);
      await settle(cluster);
      const rows = [
        ['after', 4],
        ['before', 1],
        ['while full', 2],
      ];
      expect(rowsOf([here!, there!])).toEqual([rows, rows]);
    });
  });
});
