import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { filter, firstValueFrom } from 'rxjs';
import { openNode } from 'tablecast';
import { expect, onTestFinished, test } from 'vitest';
import { alter } from '../backends/support/raw.ts';
import { run, startNode, temporary } from './support/command.ts';

const hosts = { key: 'addr', value: 'count', backend: 'sqlite' } as const;

/** A directory whose database holds three rows, one commit each; `change` is made behind its back. */
async function directoryWith(change: (file: string) => void): Promise<string> {
  const directory = temporary();
  const node = await openNode({ id: 'manager', directory });
  const table = node.table('hosts', hosts);
  for (const last of [1, 2, 3]) {
    table.set(`10.0.0.${last}`, last);
    await node.flush();
  }
  await node.close();
  change(join(directory, 'manager.tablecast.db'));
  return directory;
}

test('a torn last segment is told when the node opens, and the rest is there', async () => {
  const directory = await directoryWith((file) =>
    alter(file, (connection) =>
      connection.exec(
        'UPDATE segments SET bytes = zeroblob(length(bytes)) WHERE position = (SELECT max(position) FROM segments)',
      ),
    ),
  );
  const node = await openNode({ id: 'manager', directory });
  onTestFinished(() => node.close());
  const torn = firstValueFrom(node.events.pipe(filter(({ code }) => code === 'log-torn')));
  expect(await torn).toMatchObject({ severity: 'warning', details: { tornSegments: 1 } });
  expect([...node.table('hosts', hosts)]).toEqual([
    ['10.0.0.1', 1],
    ['10.0.0.2', 2],
  ]);
});

test('a damaged database is refused with what a user of the command can do, and set aside when asked for', async () => {
  const directory = await directoryWith((file) =>
    alter(file, (connection) => connection.exec('DROP TABLE facts')),
  );
  const args = [
    '--id',
    'manager',
    '--directory',
    directory,
    '--table',
    'hosts key=addr value=count backend=sqlite',
  ];
  const database = (): Buffer => readFileSync(join(directory, 'manager.tablecast.db'));
  const before = database();
  const refused = await run(['run', '--listen', '0', ...args]);
  expect(refused.code).toBe(4);
  for (const word of [
    'manager.tablecast.db',
    'tablecast restore',
    '--failure-mode delete',
    'tablecast verify',
  ])
    expect(refused.stderr).toContain(word);
  expect(database().equals(before)).toBe(true);
  const verified = await run(['verify', directory]);
  expect(verified.code).toBe(4);
  const node = await startNode([...args, '--failure-mode', 'delete']);
  expect(await node.printed('"code":"backend-set-aside"')).toContain('manager.tablecast.db.damaged-1');
  expect(readFileSync(join(directory, 'manager.tablecast.db.damaged-1')).equals(before)).toBe(true);
});
