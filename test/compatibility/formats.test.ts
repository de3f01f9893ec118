import { createHash } from 'node:crypto';
import { cpSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { firstValueFrom, toArray } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Log, type LogFile, type TableNode, openLogFile, openNode } from '../../src/index.ts';
import { temporaryDirectory } from '../backends/support/places.ts';
import { exactly } from '../../src/schema/exactly.ts';

/** One folder per release, written by test/fixtures/formats/write.ts in a checkout of it. */
const fixtures = fileURLToPath(new URL('../fixtures/formats/', import.meta.url));
const releases = readdirSync(fixtures, { withFileTypes: true }).filter((entry) => entry.isDirectory());

interface Expected {
  readonly position: number;
  readonly rows: Readonly<Record<string, unknown>>;
  readonly log: string;
  readonly first: readonly unknown[];
}

const text = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part));

/** Every operation, as the release that wrote it told of it. */
async function linesOf(log: Pick<Log | LogFile, 'operations' | 'position'>): Promise<string[]> {
  const operations = await firstValueFrom(log.operations({ until: log.position }).pipe(toArray()));
  return operations.map(({ position, table, origin, sequence, kind, key, value, time }) =>
    text([position, table, origin, sequence, kind, key ?? null, value ?? null, time]),
  );
}

function rowsOf(node: TableNode, expected: Expected): unknown {
  const tables = node.tables;
  return JSON.parse(
    text(
      Object.fromEntries(
        Object.keys(expected.rows).map((name) => [
          name,
          [...((tables.get(name) ?? []) as Iterable<unknown>)],
        ]),
      ),
    ),
  );
}

function declareAll(node: TableNode, file: LogFile): void {
  for (const [name, declaration] of file.tables) node.table(name, exactly(declaration));
}

let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => directory.remove());

const cases = releases.flatMap(({ name: release }) =>
  readdirSync(join(fixtures, release), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => [release, name] as const),
);

describe.each(cases)('a directory that release %s wrote (%s)', (release, name) => {
  const expected = JSON.parse(
    readFileSync(join(fixtures, release, name, 'expected.json'), 'utf8'),
  ) as Expected;

  function place(): string {
    cpSync(join(fixtures, release, name), directory.path, { recursive: true });
    return join(directory.path, 'fixture.tablecast.db');
  }

  async function requireLog(log: Pick<Log | LogFile, 'operations' | 'position'>): Promise<void> {
    const lines = await linesOf(log);
    expect(lines.slice(0, 100).map((line) => JSON.parse(line))).toEqual(expected.first);
    expect(createHash('sha256').update(lines.join('\n')).digest('hex')).toBe(expected.log);
  }

  it('is read as a log file, and left as it is', async () => {
    const path = place();
    const before = readFileSync(path);
    const file = await openLogFile(path);
    expect(file).toMatchObject({ nodeId: 'fixture', position: expected.position });
    await requireLog(file);
    for (const [table, rows] of Object.entries(expected.rows))
      expect(file.rows(table).size).toBe((rows as unknown[]).length);
    file.close();
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('is opened, with all rows, the whole log and its numbering, and goes on', async () => {
    const path = place();
    const file = await openLogFile(path);
    let node = await openNode({ id: 'fixture', directory: directory.path });
    declareAll(node, file);
    file.close();
    expect(rowsOf(node, expected)).toEqual(expected.rows);
    await requireLog(node.log);
    const scores = node.table('scores', { key: 'string', value: 'double', backend: 'sqlite' });
    scores.set('today', 1);
    await node.close();
    node = await openNode({ id: 'fixture', directory: directory.path });
    expect(node.table('scores', { key: 'string', value: 'double', backend: 'sqlite' }).get('today')).toBe(1);
    expect((await linesOf(node.log)).length).toBeGreaterThan(expected.first.length);
    await node.close();
    const connection = new Database(path, { readonly: true });
    expect(connection.pragma('user_version', { simple: true })).toBe(2);
    connection.close();
  });
});

it('a file that was opened by a later version says so to an earlier one', async () => {
  cpSync(join(fixtures, '0.1.0', 'closed'), directory.path, { recursive: true });
  const connection = new Database(join(directory.path, 'fixture.tablecast.db'));
  connection.pragma('user_version = 99');
  connection.close();
  await expect(openNode({ id: 'fixture', directory: directory.path })).rejects.toMatchObject({
    code: 'BACKEND_NEWER',
    message: expect.stringContaining('format 99'),
  });
});
