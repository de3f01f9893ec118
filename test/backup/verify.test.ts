import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { createBackup, openLogFile, restoreBackup, verifyFiles } from 'tablecast';
import { expect, test } from 'vitest';
import { sqliteBackend } from '../../src/backends/sqlite/sqlite-backend.ts';
import { systemEnvironment } from '../../src/system-environment.ts';
import { alter } from '../backends/support/raw.ts';
import { runsWithin } from '../support/runs-within.ts';
import { databaseOf, filledDirectory, hosts, openInline, opened, temporary } from './support.ts';

async function problemsOf(path: string): Promise<readonly string[]> {
  return (await verifyFiles(path)).damages.map(({ file, problem }) => `${file}: ${problem}`);
}

test('a changed byte anywhere in a backup is found, whatever it was changed to', async () => {
  const parent = temporary();
  const backup = join(parent, 'backup');
  await createBackup({ file: databaseOf(await filledDirectory(parent)), target: backup });
  const files = ['SHA256SUMS', 'a.tablecast.db', 'manifest.json'];
  const contents = new Map(files.map((name) => [name, readFileSync(join(backup, name))]));
  const damage = fc.record({
    name: fc.constantFrom(...files),
    where: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    mask: fc.integer({ min: 1, max: 255 }),
  });
  await fc.assert(
    fc.asyncProperty(
      damage,
      runsWithin(3000, async ({ name, where, mask }) => {
        const bytes = Buffer.from(contents.get(name) as Buffer);
        const at = Math.floor(where * bytes.length);
        bytes[at] = (bytes[at] as number) ^ mask;
        writeFileSync(join(backup, name), bytes);
        expect(await problemsOf(backup), `${name} at ${at}`).not.toEqual([]);
        writeFileSync(join(backup, name), contents.get(name) as Buffer);
      }),
    ),
    { numRuns: 120 },
  );
  expect(await problemsOf(backup)).toEqual([]);
});

test('in a database without sums a changed byte is found, or changes nothing', async () => {
  const parent = temporary();
  const file = databaseOf(await filledDirectory(parent));
  const sound = readFileSync(file);
  const contentOf = async (): Promise<string> => {
    const log = await openLogFile(file);
    const tables = Array.from(log.tables.keys(), (name) => [name, [...log.rows(name)]]);
    log.close();
    return JSON.stringify([log.nodeId, log.position, tables]);
  };
  const before = await contentOf();
  let found = 0;
  // Every page, at its head, in its middle and at its end.
  for (let page = 0; page < sound.length; page += 4096) {
    for (const at of [page + 3, page + 62, page + 2048, page + 4090]) {
      const bytes = Buffer.from(sound);
      bytes[at] = (bytes[at] as number) ^ (1 << (at % 7));
      writeFileSync(file, bytes);
      const problems = await problemsOf(file).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'BACKEND_NEWER' });
        return ['of a later format'];
      });
      if (problems.length > 0) found += 1;
      else expect(await contentOf(), `byte ${at}`).toBe(before);
    }
  }
  expect(found).toBeGreaterThan(10);
});

test('a file that was cut short, is missing, or is no part of the backup is named', async () => {
  const parent = temporary();
  const backup = join(parent, 'backup');
  await createBackup({ file: databaseOf(await filledDirectory(parent)), target: backup });
  const damaged = async (name: string, change: (file: string) => void): Promise<readonly string[]> => {
    const copy = join(parent, name);
    cpSync(backup, copy, { recursive: true });
    change(copy);
    return problemsOf(copy);
  };
  const short = await damaged('short', (copy) => {
    writeFileSync(databaseOf(copy), readFileSync(databaseOf(copy)).subarray(0, 8192));
  });
  expect(short[0]).toBe('a.tablecast.db: its SHA-256 is not the one in SHA256SUMS');
  expect(await damaged('gone', (copy) => rmSync(databaseOf(copy)))).toEqual([
    'a.tablecast.db: the database is missing',
  ]);
  expect(await damaged('unsummed', (copy) => rmSync(join(copy, 'SHA256SUMS')))).not.toEqual([]);
  expect(await damaged('unsaid', (copy) => rmSync(join(copy, 'manifest.json')))).toHaveLength(1);
  expect(await damaged('more', (copy) => writeFileSync(`${databaseOf(copy)}-wal`, 'x'))).toContain(
    'a.tablecast.db-wal: it is no part of the backup',
  );
});

test.each([
  ['another node', { node: '../../etc/x' }],
  ['no node at all', { node: '__proto__' }],
  ['a position that is none', { position: -1 }],
  ['tables that are none', { tables: [{ name: 'hosts', rows: '70' }] }],
  ['an unknown member', { more: 1 }],
])('a manifest with %s is refused, and names no file', async (_, change) => {
  const parent = temporary();
  const backup = join(parent, 'backup');
  await createBackup({ file: databaseOf(await filledDirectory(parent)), target: backup });
  const file = join(backup, 'manifest.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...manifest, ...change }));
  const [problem, ...others] = await problemsOf(backup);
  expect(others).toEqual([]);
  expect(problem).toContain('manifest.json');
});

test.each(['manifest.json', 'a.tablecast.db', 'SHA256SUMS'])(
  'a device in the place of %s is named, and not read without end',
  async (name) => {
    const parent = temporary();
    const backup = join(parent, 'backup');
    await createBackup({ file: databaseOf(await filledDirectory(parent)), target: backup });
    rmSync(join(backup, name));
    symlinkSync('/dev/zero', join(backup, name));
    expect((await problemsOf(backup)).join()).toMatch(/no regular file|its SHA-256 is not/);
    await expect(restoreBackup({ backup, directory: join(parent, 'restored') })).rejects.toMatchObject({
      code: 'BACKEND_DAMAGED',
    });
  },
);

test('a backup of a later format is refused, not called damaged', async () => {
  const parent = temporary();
  const backup = join(parent, 'backup');
  await createBackup({ file: databaseOf(await filledDirectory(parent)), target: backup });
  const file = join(backup, 'manifest.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"format": 1', '"format": 2'));
  await expect(verifyFiles(backup)).rejects.toMatchObject({ code: 'BACKEND_NEWER' });
});

test('the directory of a running node is looked through without disturbing it', async () => {
  const directory = temporary();
  const node = await opened({ directory });
  const table = node.table('hosts', hosts);
  table.set('10.0.0.1', 1);
  await node.flush();
  const [found] = await Promise.all([
    verifyFiles(directory),
    (async () => {
      for (let n = 0; n < 20; n++) {
        table.set('10.0.0.2', n);
        await node.flush();
      }
    })(),
  ]);
  expect(found).toMatchObject({ kind: 'directory', damages: [], databases: [{ node: 'a' }] });
  expect(table.get('10.0.0.2')).toBe(19);
});

test('a segment whose bytes were changed is named by its position', async () => {
  const directory = await filledDirectory(temporary());
  alter(databaseOf(directory), (connection) => {
    connection.exec('UPDATE segments SET bytes = zeroblob(length(bytes)) WHERE position = 12');
  });
  const [problem] = await problemsOf(directory);
  expect(problem).toMatch(/^a\.tablecast\.db: .*position 12 does not match its checksum/);
});

test('operations that are missing in the middle are named, although every checksum is right', async () => {
  const directory = await filledDirectory(temporary());
  alter(databaseOf(directory), (connection) => {
    connection.exec('DELETE FROM segments WHERE position = 12');
  });
  const [problem] = await problemsOf(directory);
  expect(problem).toMatch(/position 23.*table hosts: operations 11 to 20 of a@\w+ are missing/);
});

test('a checkpoint that does not say what the log says is found, although every checksum is right', async () => {
  const parent = temporary();
  // Two databases of one node with equal operations but for one value: their checkpoints fit each other's place.
  for (const value of [1, 2]) {
    const directory = join(parent, String(value));
    const environment = {
      ...systemEnvironment,
      random: () => 0.5,
      now: () => 1e12,
    };
    const node = await openInline({ id: 'a', directory }, { environment, checkpointAfter: 1 });
    const table = node.table('hosts', hosts);
    for (let n = 0; n < 100; n++) table.set(`10.0.0.${n}`, n);
    table.set('10.0.0.7', value);
    await node.close();
    expect(await problemsOf(directory)).toEqual([]);
  }
  const other = databaseOf(join(parent, '2'));
  alter(databaseOf(join(parent, '1')), (connection) => {
    connection.exec(`ATTACH '${other}' AS other`);
    expect(connection.prepare('SELECT count(*) FROM checkpoints').pluck().get()).toBeGreaterThan(0);
    connection.exec('DELETE FROM checkpoints; DELETE FROM checkpoint_chunks');
    connection.exec('INSERT INTO checkpoints SELECT * FROM other.checkpoints');
    connection.exec('INSERT INTO checkpoint_chunks SELECT * FROM other.checkpoint_chunks');
  });
  const [problem] = await problemsOf(join(parent, '1'));
  expect(problem).toContain('table hosts: its checkpoint and the log behind it give 100 rows');
});

test('a log without its beginning is looked through from its checkpoints, and a gap behind them is found', async () => {
  const directory = join(temporary(), 'data');
  const first = await openInline({ id: 'a', directory }, { checkpointAfter: 1 });
  const table = first.table('hosts', hosts);
  for (let n = 0; n < 100; n++) table.set(`10.0.0.${n}`, n);
  await first.close();
  const file = databaseOf(directory);
  const backend = sqliteBackend({ file, durability: 'commit', owner: 'a', inline: true });
  const { checkpoints } = await backend.open();
  const position = Math.min(...checkpoints.map((checkpoint) => checkpoint.position));
  await backend.trim(position);
  await backend.close();
  expect(await verifyFiles(directory)).toMatchObject({ damages: [], databases: [{ trimmedTo: position }] });
  const second = await openInline({ id: 'a', directory });
  for (let n = 0; n < 3; n++) {
    second.table('hosts', hosts).set('10.0.0.1', 1000 + n);
    await second.flush();
  }
  await second.close();
  const after = await verifyFiles(directory);
  expect(after).toMatchObject({
    damages: [],
    databases: [{ operations: 3, tables: [{ name: 'hosts', rows: 100 }] }],
  });
  await createBackup({ file, target: join(directory, '..', 'backup') });
  expect(await problemsOf(join(directory, '..', 'backup'))).toEqual([]);
  alter(file, (connection) => {
    connection.exec('DELETE FROM segments WHERE position = (SELECT min(position) FROM segments)');
  });
  expect((await problemsOf(directory))[0]).toMatch(/operations 101 to 101 of a@\w+ are missing/);
});

test('sealed segments are looked through like others, also in a backup, and damage in them is named', async () => {
  const directory = await filledDirectory(temporary());
  const file = databaseOf(directory);
  const before = await verifyFiles(directory);
  const backend = sqliteBackend({
    file,
    durability: 'commit',
    owner: 'a',
    inline: true,
    limits: { blockBytes: 512 },
  });
  const { lastPosition } = await backend.open();
  while (await backend.seal(lastPosition));
  await backend.close();
  alter(file, (connection) => {
    expect(connection.prepare('SELECT count(*) FROM sealed').pluck().get()).toBeGreaterThan(0);
  });
  expect(await verifyFiles(directory)).toEqual(before);
  await createBackup({ file, target: join(directory, '..', 'backup') });
  expect(await problemsOf(join(directory, '..', 'backup'))).toEqual([]);
  alter(file, (connection) => {
    connection.exec('UPDATE sealed SET bytes = zeroblob(length(bytes))');
  });
  expect((await problemsOf(directory))[0]).toMatch(/position \d+ does not match its checksum/);
});

test('a torn end is damage of a copy, which a node would cut off at its start', async () => {
  const directory = await filledDirectory(temporary());
  alter(databaseOf(directory), (connection) => {
    connection.exec(
      'UPDATE segments SET bytes = zeroblob(length(bytes)) WHERE position = (SELECT max(position) FROM segments)',
    );
  });
  expect((await problemsOf(directory))[0]).toContain('the last segment does not match its checksum');
});

test('what is no backup and no directory of a node cannot be verified', async () => {
  const directory = temporary();
  await expect(verifyFiles(directory)).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  await expect(verifyFiles(join(directory, 'none'))).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  const node = await openInline({ id: 'a', directory });
  await node.close();
  expect(await verifyFiles(databaseOf(directory))).toMatchObject({ kind: 'file', damages: [] });
});

test('a path that cannot be looked at is told as what it is', async () => {
  const path = join(temporary(), 'a'.repeat(5000));
  const failed = { code: 'BACKEND_FAILED', message: expect.stringContaining('ENAMETOOLONG') as string };
  await expect(verifyFiles(path)).rejects.toMatchObject(failed);
  await expect(createBackup({ file: path, target: path })).rejects.toMatchObject(failed);
  await expect(restoreBackup({ backup: path, directory: path })).rejects.toMatchObject(failed);
});
