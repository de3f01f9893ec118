import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openSnapshot } from '../../src/backends/sqlite/snapshot.ts';
import { sqliteBackend } from '../../src/backends/sqlite/sqlite-backend.ts';
import { temporaryDirectory } from './support/places.ts';

test('a snapshot stays as of its opening, and its copy ends, while the file is written all the time', async () => {
  const directory = temporaryDirectory();
  onTestFinished(() => directory.remove());
  const file = join(directory.path, 'node.db');
  const backend = sqliteBackend({ file, durability: 'commit', owner: 'test', inline: true });
  await backend.open();
  onTestFinished(() => backend.close());
  let position = 0;
  const commit = () => {
    position += 1;
    return backend.commit({ segments: [{ position, span: 1, bytes: new Uint8Array(8000).fill(position) }] });
  };
  // More pages than one step copies.
  for (let count = 0; count < 400; count++) await commit();
  const snapshot = openSnapshot(file);
  const writing = new AbortController();
  const writer = (async () => {
    while (!writing.signal.aborted) {
      await commit();
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const copy = join(directory.path, 'copy.db');
  await snapshot.copyTo(copy);
  expect(position).toBeGreaterThan(400);
  expect(snapshot.inspect().lastPosition).toBe(400);
  expect(snapshot.read(399, 1e6)).toHaveLength(1);
  snapshot.close();
  writing.abort();
  await writer;
  const copied = openSnapshot(copy);
  onTestFinished(() => copied.close());
  expect(copied.structure()).toEqual([]);
  expect(copied.inspect()).toMatchObject({ lastPosition: 400, tornSegments: 0 });
  expect(copied.read(0, 1e9)).toHaveLength(400);
});
