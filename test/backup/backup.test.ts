import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { createBackup, openLogFile, restoreBackup, verifyFiles } from 'tablecast';
import { expect, test } from 'vitest';
import { lockFile } from '../../src/backends/sqlite/lock.ts';
import { databaseOf, filledDirectory, hosts, opened, temporary } from './support.ts';

test('a backup taken while a node writes is one moment of it, with all that was flushed before', async () => {
  const parent = temporary();
  const node = await opened({ directory: join(parent, 'data') });
  const table = node.table('hosts', hosts);
  for (let n = 1; n <= 3000; n++) table.set(`10.0.${n >> 8}.${n % 256}`, n);
  await node.flush();
  let written = 3000;
  const ending = new AbortController();
  const writer = (async () => {
    while (!ending.signal.aborted) {
      // Always two keys with one number: a torn picture would show two numbers.
      written += 1;
      node.batch(() => table.set('10.1.0.1', written).set('10.1.0.2', written));
      await node.flush();
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  for (let round = 0; round < 5; round++) {
    const before = written - 1;
    const target = join(parent, `backup-${round}`);
    const summary = await createBackup({ file: databaseOf(join(parent, 'data')), target });
    const after = written;
    const log = await openLogFile(databaseOf(target));
    const rows = log.rows('hosts');
    log.close();
    const [one, other] = [rows.get('10.1.0.1') as number | undefined, rows.get('10.1.0.2')];
    expect(one).toBe(other);
    expect(one ?? 3000).toBeGreaterThanOrEqual(before);
    expect(one ?? 3000).toBeLessThanOrEqual(after);
    expect(rows.get('10.0.0.1')).toBe(1);
    expect(summary).toMatchObject({
      directory: target,
      node: 'a',
      tables: [{ name: 'hosts', rows: rows.size }],
    });
    expect(await verifyFiles(target)).toMatchObject({ kind: 'backup', damages: [] });
  }
  ending.abort();
  await writer;
  expect(written).toBeGreaterThan(3010);
});

test('a backup is three files that can be read alone, and stay as they are when they are', async () => {
  const parent = temporary();
  const directory = await filledDirectory(parent);
  const target = join(parent, 'backup');
  await createBackup({ file: databaseOf(directory), target });
  const names = ['SHA256SUMS', 'a.tablecast.db', 'manifest.json'];
  expect(readdirSync(target).toSorted()).toEqual(names);
  const before = names.map((name) => readFileSync(join(target, name)));
  await verifyFiles(target);
  const log = await openLogFile(databaseOf(target));
  expect(log.rows('hosts').size).toBe(70);
  log.close();
  expect(readdirSync(target).toSorted()).toEqual(names);
  expect(names.map((name) => readFileSync(join(target, name)))).toEqual(before);
  expect(readdirSync(parent).toSorted()).toEqual(['backup', 'data']);
});

test('the sums are those of sha256sum', async () => {
  const parent = temporary();
  const target = join(parent, 'backup');
  await createBackup({ file: databaseOf(await filledDirectory(parent)), target });
  const checked = execFileSync('sha256sum', ['-c', 'SHA256SUMS'], { cwd: target, encoding: 'utf8' });
  expect(checked).toBe('a.tablecast.db: OK\nmanifest.json: OK\n');
});

test('nothing that exists is overwritten, by a backup or by a restore, not even an empty directory', async () => {
  const parent = temporary();
  const directory = await filledDirectory(parent);
  const target = join(parent, 'backup');
  await createBackup({ file: databaseOf(directory), target });
  mkdirSync(join(parent, 'empty'));
  writeFileSync(join(parent, 'file'), 'mine');
  for (const taken of ['backup', 'empty', 'file', 'data']) {
    const refused = { code: 'OPTION_INVALID', message: expect.stringContaining('exists already') as string };
    await expect(
      createBackup({ file: databaseOf(directory), target: join(parent, taken) }),
    ).rejects.toMatchObject(refused);
    await expect(restoreBackup({ backup: target, directory: join(parent, taken) })).rejects.toMatchObject(
      refused,
    );
  }
  expect(readFileSync(join(parent, 'file'), 'utf8')).toBe('mine');
  expect(readdirSync(join(parent, 'empty'))).toEqual([]);
  await expect(
    createBackup({ file: databaseOf(directory), target: join(parent, 'not', 'mounted') }),
  ).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  expect(existsSync(join(parent, 'not'))).toBe(false);
});

test('of two backups to one target at one time one is made and the other refused', async () => {
  const parent = temporary();
  const file = databaseOf(await filledDirectory(parent));
  const target = join(parent, 'backup');
  const results = await Promise.allSettled([createBackup({ file, target }), createBackup({ file, target })]);
  const reasons = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  expect(reasons).toMatchObject([{ code: 'BACKEND_IN_USE' }]);
  expect((await verifyFiles(target)).damages).toEqual([]);
  expect(readdirSync(parent).toSorted()).toEqual(['backup', 'data']);
});

/** What a killed backup left beside its target. */
function leftover(target: string): string {
  const path = `${target}.0123456789ab.partial`;
  mkdirSync(path);
  for (const name of ['a.tablecast.db', 'a.tablecast.db-journal', 'unfinished.lock'])
    writeFileSync(join(path, name), '');
  return path;
}

test('what a killed process left is removed by the next backup to that target', async () => {
  const parent = temporary();
  const file = databaseOf(await filledDirectory(parent));
  const target = join(parent, 'backup');
  leftover(target);
  await createBackup({ file, target });
  expect(readdirSync(parent).toSorted()).toEqual(['backup', 'data']);
  expect((await verifyFiles(target)).damages).toEqual([]);
});

test('nothing that stands beside the target under any name is emptied, followed or written to', async () => {
  const parent = temporary();
  const file = databaseOf(await filledDirectory(parent));
  const backup = join(parent, 'first');
  await createBackup({ file, target: backup });
  const precious = join(parent, 'precious');
  mkdirSync(precious);
  writeFileSync(join(precious, 'thesis.txt'), 'years of work');
  for (const make of [
    (target: string) => createBackup({ file, target }),
    (target: string) => restoreBackup({ backup, directory: target }),
  ]) {
    const target = join(parent, 'made');
    const others = [`${target}.partial`, `${target}.0123456789ab.partial`, `${target}.ba9876543210.partial`];
    symlinkSync(precious, others[0] as string);
    symlinkSync(precious, others[1] as string);
    mkdirSync(others[2] as string);
    writeFileSync(join(others[2] as string, 'thesis.txt'), 'years of work');
    await make(target);
    for (const place of [precious, ...others])
      expect(readFileSync(join(place, 'thesis.txt'), 'utf8')).toBe('years of work');
    for (const place of [target, ...others]) rmSync(place, { recursive: true });
    mkdirSync(`${target}.partial`);
    writeFileSync(join(`${target}.partial`, 'a.tablecast.db'), 'not of a killed process');
    await make(target);
    expect(readdirSync(`${target}.partial`)).toEqual(['a.tablecast.db']);
    rmSync(`${target}.partial`, { recursive: true });
    rmSync(target, { recursive: true });
    symlinkSync(join(parent, 'nowhere'), target);
    await expect(make(target)).rejects.toMatchObject({ code: 'OPTION_INVALID' });
    rmSync(target);
  }
  expect(readdirSync(parent).toSorted()).toEqual(['data', 'first', 'precious']);
});

test('what another process is filling is left to it', async () => {
  const parent = temporary();
  const file = databaseOf(await filledDirectory(parent));
  const target = join(parent, 'backup');
  const other = leftover(target);
  rmSync(join(other, 'unfinished.lock'));
  const lock = lockFile(join(other, 'unfinished'), 'another backup');
  await createBackup({ file, target });
  expect(readdirSync(other)).toContain('a.tablecast.db');
  lock.release();
});

test('a database that is not there, or that nobody wrote, is refused and leaves nothing', async () => {
  const parent = temporary();
  const notes = join(parent, 'notes.txt');
  writeFileSync(notes, 'no database '.repeat(500));
  await expect(createBackup({ file: join(parent, 'a.db'), target: join(parent, 'b') })).rejects.toMatchObject(
    {
      code: 'OPTION_INVALID',
    },
  );
  await expect(createBackup({ file: notes, target: join(parent, 'b') })).rejects.toMatchObject({
    code: 'BACKEND_FOREIGN',
  });
  expect(readdirSync(parent)).toEqual(['notes.txt']);
});
