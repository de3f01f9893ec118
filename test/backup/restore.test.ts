import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filter, firstValueFrom, lastValueFrom, map, toArray } from 'rxjs';
import { type TableNode, createBackup, restoreBackup } from 'tablecast';
import { expect, onTestFinished, test } from 'vitest';
import { databaseOf, filledDirectory, hosts, openInline, opened, temporary } from './support.ts';

async function originsOf(node: TableNode): Promise<readonly string[]> {
  const operations = await lastValueFrom(node.log.operations({ until: node.log.position }).pipe(toArray()));
  return [...new Set(operations.map(({ origin }) => origin))];
}

async function connected(node: TableNode): Promise<void> {
  await firstValueFrom(node.peers.pipe(filter(([peer]) => peer?.state === 'connected')));
}

test('a restored node begins a new epoch at once, says so, and keeps it from then on', async () => {
  const parent = temporary();
  const directory = await filledDirectory(parent);
  await createBackup({ file: databaseOf(directory), target: join(parent, 'backup') });
  await restoreBackup({ backup: join(parent, 'backup'), directory: join(parent, 'restored') });
  const lives: string[][] = [];
  const told: string[][] = [];
  for (let start = 0; start < 2; start++) {
    const node = await openInline({ id: 'a', directory: join(parent, 'restored') });
    const codes: string[] = [];
    node.events.subscribe(({ code }) => codes.push(code));
    const table = node.table('hosts', hosts);
    expect(table.get('10.0.0.0')).toBe(350);
    table.set('10.9.9.9', start);
    await node.flush();
    await new Promise((resolve) => setImmediate(resolve));
    lives.push([...(await originsOf(node))]);
    told.push(codes);
    await node.close();
  }
  expect(told).toEqual([['epoch-began'], []]);
  expect(lives[0]).toHaveLength(2);
  expect(lives[1]).toEqual(lives[0]);
});

test('a copy of the backup put in place by hand begins a new epoch as well', async () => {
  const parent = temporary();
  await createBackup({ file: databaseOf(await filledDirectory(parent)), target: join(parent, 'backup') });
  cpSync(join(parent, 'backup'), join(parent, 'by-hand'), { recursive: true });
  const node = await opened({ directory: join(parent, 'by-hand') });
  node.table('hosts', hosts).set('10.9.9.9', 1);
  await node.flush();
  expect(await originsOf(node)).toHaveLength(2);
});

test('a restored node that writes before it meets its peers loses nothing and overwrites nothing', async () => {
  const parent = temporary();
  const peer = await opened({ id: 'b', directory: join(parent, 'b'), listen: { port: 0 } });
  const there = peer.table('hosts', hosts);
  const problems: string[] = [];
  const watch = (node: TableNode) => {
    node.events
      .pipe(
        filter(({ code, severity }) => severity === 'error' || code === 'table-diverged'),
        map(({ code }) => code),
      )
      .subscribe((code) => problems.push(code));
  };
  watch(peer);

  const before = await openInline({ id: 'a', directory: join(parent, 'a'), peers: [peer.address ?? ''] });
  const first = before.table('hosts', hosts);
  for (let n = 1; n <= 50; n++) first.set(`10.0.0.${n}`, n);
  await before.flush();
  await createBackup({ file: databaseOf(join(parent, 'a')), target: join(parent, 'backup') });
  for (let n = 1; n <= 50; n++) first.set(`10.0.1.${n}`, n);
  first.delete('10.0.0.1');
  await before.flush();
  await expect.poll(() => there.get('10.0.1.50')).toBe(50);
  await expect.poll(() => there.has('10.0.0.1')).toBe(false);
  await before.close();

  await restoreBackup({ backup: join(parent, 'backup'), directory: join(parent, 'restored') });
  const alone = await openInline({ id: 'a', directory: join(parent, 'restored') });
  watch(alone);
  const own = alone.table('hosts', hosts);
  expect(own.size).toBe(50);
  own.set('10.0.2.1', 1);
  await alone.flush();
  await alone.close();
  // Only now it meets the peer, which knows fifty-one operations of its past that it does not.
  const after = await opened({ id: 'a', directory: join(parent, 'restored'), peers: [peer.address ?? ''] });
  watch(after);
  const table = after.table('hosts', hosts);
  await connected(after);
  await expect.poll(() => there.get('10.0.2.1')).toBe(1);
  await expect.poll(() => table.get('10.0.1.50')).toBe(50);
  await expect.poll(() => table.has('10.0.0.1')).toBe(false);
  expect(new Map(table)).toEqual(new Map(there));
  expect(table.size).toBe(100);
  expect(problems).toEqual([]);
});

test('a damaged backup, and a directory that is none, are not restored and leave nothing', async () => {
  const parent = temporary();
  const directory = await filledDirectory(parent);
  const backup = join(parent, 'backup');
  await createBackup({ file: databaseOf(directory), target: backup });
  const bytes = readFileSync(databaseOf(backup));
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 4;
  writeFileSync(databaseOf(backup), bytes);
  const target = join(parent, 'restored');
  await expect(restoreBackup({ backup, directory: target })).rejects.toMatchObject({
    code: 'BACKEND_DAMAGED',
    message: expect.stringContaining('its SHA-256 is not the one in SHA256SUMS') as string,
  });
  await expect(restoreBackup({ backup: directory, directory: target })).rejects.toMatchObject({
    code: 'BACKEND_DAMAGED',
  });
  await expect(restoreBackup({ backup: join(parent, 'none'), directory: target })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
  });
  expect(existsSync(target)).toBe(false);
  expect(existsSync(`${target}.partial`)).toBe(false);
});

test('a backup belongs to its node: another id is refused at the start', async () => {
  const parent = temporary();
  await createBackup({ file: databaseOf(await filledDirectory(parent)), target: join(parent, 'backup') });
  await restoreBackup({ backup: join(parent, 'backup'), directory: join(parent, 'restored') });
  cpSync(databaseOf(join(parent, 'restored')), databaseOf(join(parent, 'restored'), 'z'));
  const opening = openInline({ id: 'z', directory: join(parent, 'restored') });
  onTestFinished(() => opening.then((node) => node.close()).catch(() => undefined));
  await expect(opening).rejects.toMatchObject({ code: 'BACKEND_FOREIGN' });
});
