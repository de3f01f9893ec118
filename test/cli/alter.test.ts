import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type MapTable, type TableNode, openNode } from 'tablecast';
import { expect, onTestFinished, test } from 'vitest';
import { run, start, temporary } from './support/command.ts';

interface Running {
  readonly node: TableNode;
  readonly peer: readonly string[];
  readonly old: MapTable<string, number | bigint>;
  readonly new: MapTable<string, string>;
}

/** A node that has the table of before and its successor. */
async function open(): Promise<Running> {
  const node = await openNode({ id: 'hub', listen: { port: 0 } });
  onTestFinished(() => node.close());
  return {
    node,
    peer: ['--peer', node.address as string],
    old: node.table('hits', { key: 'addr', value: 'count' }),
    new: node.table('hits2', { key: 'addr', value: 'string' }),
  };
}

/** Resolves when a table shows a value. */
async function shown(table: MapTable<string>, key: string, value: unknown): Promise<void> {
  if (table.get(key) === value) return;
  await new Promise<void>((resolve) => {
    const watching = table.changes.subscribe(() => {
      if (table.get(key) !== value) return;
      watching.unsubscribe();
      resolve();
    });
  });
}

test('alter keeps a table and its successor alike, also over a kill of the command', async () => {
  const it = await open();
  it.old.set('10.0.0.1', 1);
  it.new.set('10.0.0.2', '2');
  const command = ['alter', 'hits', 'hits2', '--directory', temporary(), ...it.peer];
  const first = start(command);
  await first.printed('1 row went into hits2, 1 into hits');
  it.old.set('10.0.0.3', 3);
  await shown(it.new, '10.0.0.3', '3');
  first.process.kill('SIGKILL');
  await first.finished;
  it.old.delete('10.0.0.1');
  it.new.set('10.0.0.3', '30');
  const second = start(command);
  await shown(it.old, '10.0.0.3', 30);
  expect([...it.new.keys()].toSorted()).toEqual(['10.0.0.2', '10.0.0.3']);
  expect([...it.old.keys()].toSorted()).toEqual(['10.0.0.2', '10.0.0.3']);
  await second.printed('went into');
  second.process.kill('SIGINT');
  expect(await second.finished).toMatchObject({ code: 0 });
});

test('alter --dry-run lists what cannot go over, and writes nothing', async () => {
  const it = await open();
  it.old.set('10.0.0.1', 1);
  it.new.set('10.0.0.2', 'two');
  const { code, stdout } = await run(['alter', 'hits', 'hits2', '--dry-run', ...it.peer]);
  expect(code).toBe(1);
  expect(stdout).toContain('hits2 "10.0.0.2" cannot go over: "two" is no count');
  expect(stdout).toContain('1 row would go into hits2, 0 into hits');
  expect([it.old.size, it.new.size]).toEqual([1, 1]);
});

test('alter carries by functions of a module', async () => {
  const it = await open();
  const file = join(temporary(), 'map.mjs');
  writeFileSync(
    file,
    `export const up = ({ key, value }) => ({ key, value: value + ' hits' });
     export const down = ({ key, value }) => ({ key, value: Number.parseInt(value) });`,
  );
  it.old.set('10.0.0.1', 1);
  it.new.set('10.0.0.2', '2 hits');
  const done = await run(['alter', 'hits', 'hits2', '--once', '--module', file, ...it.peer]);
  expect(done).toMatchObject({ code: 0 });
  expect([it.new.get('10.0.0.1'), Number(it.old.get('10.0.0.2'))]).toEqual(['1 hits', 2]);
});

test('alter says what is wrong', async () => {
  const it = await open();
  it.node.table('sets', { key: 'addr' });
  const directory = ['--directory', temporary()];
  const [forgetful, unknown, apart, same, module] = await Promise.all([
    run(['alter', 'hits', 'hits2', ...it.peer]),
    run(['alter', 'hits', 'hits3', ...directory, ...it.peer]),
    run(['alter', 'hits', 'sets', '--once', ...it.peer]),
    run(['alter', 'hits', 'hits', '--once', ...it.peer]),
    run(['alter', 'hits', 'hits2', '--once', '--module', 'nowhere.js', ...it.peer]),
  ]);
  expect(forgetful.stderr).toMatch(/Without --directory/);
  expect(unknown.stderr).toMatch(/no table "hits3"/);
  expect(apart.stderr).toMatch(/A value of hits is count, and one of sets none/);
  expect(same.stderr).toMatch(/cannot be carried into itself/);
  expect(module.stderr).toMatch(/nowhere\.js cannot be loaded/);
  expect([forgetful, unknown, apart, same, module].map(({ code }) => code)).toEqual([2, 2, 2, 2, 2]);
});
