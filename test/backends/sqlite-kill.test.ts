import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { sqliteBackend } from '../../src/backends/sqlite/sqlite-backend.ts';
import { temporaryDirectory } from './support/places.ts';
import { segmentAt } from './support/segments.ts';

const child = fileURLToPath(new URL('support/writer-child.ts', import.meta.url));
const loader = fileURLToPath(new URL('../../scripts/typescript.mjs', import.meta.url));
const start = (...options: string[]) =>
  spawn(process.execPath, ['--import', loader, child, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });

/** Lets a child write, kills it after so many acknowledgements, and returns the highest one. */
async function writeAndKill(file: string, durability: string, after: number): Promise<number> {
  const writer = start(file, durability);
  const ended = once(writer, 'exit');
  let acknowledged = 0;
  let count = 0;
  const lines = createInterface({ input: writer.stdout });
  for await (const line of lines) {
    acknowledged = Math.max(acknowledged, Number(line));
    count += 1;
    if (count === after) writer.kill('SIGKILL');
  }
  await ended;
  return acknowledged;
}

async function verify(file: string, acknowledged: number): Promise<void> {
  const backend = sqliteBackend({ file, durability: 'commit', owner: 'parent', inline: true });
  const recovery = await backend.open();
  expect(recovery).toMatchObject({ closedCleanly: false, tornSegments: 0 });
  expect(recovery.lastPosition).toBeGreaterThanOrEqual(acknowledged);
  let position = 0;
  while (position < recovery.lastPosition) {
    for (const segment of await backend.read(position, 1e6)) {
      position += 1;
      expect(segment.position).toBe(position);
      if (!Buffer.from(segment.bytes).equals(segmentAt(position).bytes))
        throw new Error(`segment ${position} differs`);
    }
  }
  await backend.close();
}

it.each(['commit', 'interval'])(
  'loses nothing acknowledged at %s when the process is killed while it writes, five times in a row',
  async (durability) => {
    const directory = temporaryDirectory();
    const file = join(directory.path, 'node.db');
    try {
      for (const after of [1, 40, 97, 333, 800])
        await verify(file, await writeAndKill(file, durability, after));
    } finally {
      directory.remove();
    }
  },
);

it('does not keep the process alive when idle, and an unclosed file is not called clean', async () => {
  const directory = temporaryDirectory();
  const file = join(directory.path, 'node.db');
  try {
    const writer = start(file, 'commit', 'once');
    const [code] = (await once(writer, 'exit')) as [number];
    expect(code).toBe(0);
    await verify(file, 1);
  } finally {
    directory.remove();
  }
});
