import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type Operation, openNode } from '../../src/index.ts';

it('while a disk is full, writes to it are refused, all reads and streams go on, and memory tables take writes', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-full-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const node = await openNode({ id: 'full', directory, limits: { maxFileBytes: 1024 * 1024 } });
  onTestFinished(() => node.close().catch(() => undefined));
  const onDisk = node.table('on-disk', { key: 'count', value: 'string', backend: 'sqlite' });
  const inMemory = node.table('in-memory', { key: 'count', value: 'count' });
  const operations: Operation[] = [];
  node.log.operations().subscribe((operation) => operations.push(operation));
  const follower = node.log.follow({ table: 'in-memory' });
  let told = 0;
  onDisk.changes.subscribe(() => told++);
  inMemory.changes.subscribe(() => told++);

  let written = 0;
  const fill = async (): Promise<never> => {
    for (;;) {
      onDisk.set(written, 'x'.repeat(20_000));
      written++;
      await node.flush();
    }
  };
  await expect(fill()).rejects.toMatchObject({ code: 'BACKEND_FULL', retryable: true });
  expect(() => onDisk.set(0, 'one more')).toThrow(expect.objectContaining({ code: 'BACKEND_FULL' }));

  expect(written).toBeGreaterThan(10);
  expect(onDisk.size).toBe(written);
  expect(onDisk.get(written - 1)).toHaveLength(20_000);
  inMemory.set(1, 5);
  expect(inMemory.get(1)).toBe(5);
  expect(told).toBe(written + 1);
  expect(await follower.next()).toMatchObject({ value: { table: 'in-memory', key: 1, value: 5 } });
  await expect.poll(() => operations.filter(({ table }) => table === 'in-memory')).toHaveLength(1);
  expect(operations.filter(({ table }) => table === 'on-disk').length).toBeGreaterThanOrEqual(written - 1);
  await follower.return?.();
});
