import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Segment } from '../../src/log/backend.ts';
import { segmentChecksum } from '../../src/backends/sqlite/format.ts';
import { openReadOnly } from '../../src/backends/sqlite/reader.ts';
import { sqliteBackend } from '../../src/backends/sqlite/sqlite-backend.ts';
import { temporaryDirectory } from './support/places.ts';
import { alter } from './support/raw.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let file: string;

beforeEach(() => {
  directory = temporaryDirectory();
  file = join(directory.path, 'node.db');
});
afterEach(() => directory.remove());

const make = () =>
  sqliteBackend({ file, durability: 'commit', owner: 'test', inline: true, limits: { blockBytes: 20_000 } });

const all = Array.from({ length: 100 }, (_, index): Segment => {
  return { position: 1 + index * 2, span: 2, bytes: new Uint8Array(1000).fill(index) };
});

/** A closed file of which the first eighty segments are sealed, twenty to a block. */
async function fill(): Promise<void> {
  const backend = make();
  await backend.open();
  await backend.commit({ segments: all });
  while (await backend.seal(160));
  await backend.close();
}

const select = <Row>(sql: string): Row[] => {
  let rows: Row[] = [];
  alter(file, (connection) => {
    rows = connection.prepare<[], Row>(sql).all();
  });
  return rows;
};

describe('sealing in a database file', () => {
  it('puts blocks in the place of segments, and leaves what is too little for a block', async () => {
    await fill();
    expect(select('SELECT position, span FROM sealed')).toEqual(
      [1, 41, 81, 121].map((position) => ({ position, span: 40 })),
    );
    expect(select('SELECT min(position) AS first, count(*) AS count FROM segments')).toEqual([
      { first: 161, count: 20 },
    ]);
  });

  it('seals nothing beyond the position asked for', async () => {
    const backend = make();
    await backend.open();
    await backend.commit({ segments: all });
    while (await backend.seal(41));
    await backend.close();
    expect(select('SELECT position, span FROM sealed')).toEqual([{ position: 1, span: 40 }]);
  });

  it('a block whose bytes were changed is refused when it is read, with its position, and others are read', async () => {
    await fill();
    alter(file, (connection) =>
      connection.exec('UPDATE sealed SET bytes = zeroblob(length(bytes)) WHERE position = 41'),
    );
    const backend = make();
    await backend.open();
    await expect(backend.read(40, 1)).rejects.toMatchObject({
      code: 'BACKEND_DAMAGED',
      details: { position: 41 },
    });
    expect((await backend.read(80, 1)).map(({ position }) => position)).toEqual([81]);
    await backend.close();
  });

  it('a file whose last block is damaged, or overlaps what is not sealed, is not opened', async () => {
    await fill();
    alter(file, (connection) => connection.exec('UPDATE sealed SET span = 41 WHERE position = 121'));
    await expect(make().open()).rejects.toMatchObject({
      code: 'BACKEND_DAMAGED',
      details: { position: 121 },
    });
    alter(file, (connection) => connection.exec('UPDATE sealed SET span = 40 WHERE position = 121'));
    const bytes = new Uint8Array(3);
    const check = segmentChecksum(155, 1, bytes);
    alter(file, (connection) =>
      connection.prepare('INSERT INTO segments VALUES (155, 1, ?, ?)').run(check, bytes),
    );
    await expect(make().open()).rejects.toThrow(
      'the segment at position 155 lies before the end of what is sealed',
    );
  });

  it('a reader beside the writer sees each segment once while sealing goes on', async () => {
    const backend = make();
    await backend.open();
    await backend.commit({ segments: all });
    const reader = openReadOnly(file);
    const sealing = (async () => {
      while (await backend.seal(1000));
    })();
    for (let rounds = 0; rounds < 30; rounds++) {
      const seen: number[] = [];
      for (
        let page = reader.read(0, 3000);
        page.length > 0;
        page = reader.read((seen.at(-1) ?? 0) + 1, 3000)
      ) {
        seen.push(...page.map(({ position }) => position));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(seen).toEqual(all.map(({ position }) => position));
    }
    await sealing;
    reader.close();
    await backend.close();
  });

  it('disk space of what was sealed and trimmed is used again, so that a bounded log is a bounded file', async () => {
    const backend = make();
    await backend.open();
    const sizes: number[] = [];
    for (let position = 1; position < 6000;) {
      const segments = all.map((segment, index): Segment => ({
        ...segment,
        position: position + index,
        span: 1,
      }));
      position += segments.length;
      await backend.commit({ segments });
      while (await backend.seal(position - 50));
      await backend.trim(position - 300);
      sizes.push(select<{ page_count: number }>('PRAGMA page_count')[0]?.page_count ?? 0);
    }
    await backend.close();
    expect(sizes.at(-1)).toBeLessThanOrEqual(Math.max(...sizes.slice(0, 15)));
  });
});
