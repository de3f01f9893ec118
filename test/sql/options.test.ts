import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type NodeEvent, type TableNode, openNode } from 'tablecast';

let directory: string;
let node: TableNode;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tablecast-project-'));
  node = await openNode({ id: 'n', directory });
  node.table('kept', { key: 'addr', value: 'count', backend: 'sqlite' });
  node.table('brief', { key: ['addr', 'port'] });
  node.table('t'.repeat(40), { key: 'addr', backend: 'sqlite' });
  node.table('t'.repeat(41), { key: 'addr' });
});

afterEach(async () => {
  await node.close();
  rmSync(directory, { recursive: true, force: true });
});

function to(file = 'rows.db'): string {
  return join(directory, file);
}

describe('what a projection refuses', () => {
  test.each<[what: string, tables: string | string[], options: object, message: RegExp]>([
    ['a table that is not declared', 'nothing', {}, /no table "nothing" to project/],
    ['no table', [], {}, /needs a table/],
    ['tables of both backends', ['kept', 'brief'], {}, /tables of both backends/],
    ['an option there is not', 'kept', { tables: 1 }, /Option tables/],
    ['an address of something else', 'kept', { to: 'mysql://user:secret@host/db' }, /no file and no address/],
    ['the same in capitals', 'kept', { to: 'POSTGRES://user:secret@host/db' }, /no file and no address/],
    ['one without slashes', 'kept', { to: 'postgres:user:secret@host/db' }, /no file and no address/],
    ['words for psql', 'kept', { to: 'host=db password=secret' }, /no file and no address/],
    ['a table it does not have, in into', 'kept', { into: { brief: 'x' } }, /names the table "brief"/],
    ['a long name', 't'.repeat(41), {}, /more than 40 bytes/],
    ['a long name of a column', 'kept', { columns: { kept: ['c'.repeat(41)] } }, /Option columns/],
    ['a name that is long in UTF-8', 'kept', { into: { kept: 'é'.repeat(21) } }, /Option into/],
    ['more names than columns', 'kept', { columns: { kept: ['a', 'b', 'c'] } }, /has 2 columns, and 3 names/],
    ['two columns of one name', 'kept', { columns: { kept: ['a', 'A'] } }, /name "A"/],
    ['a column of its own name', 'kept', { columns: { kept: ['_Origin'] } }, /name "_origin"/],
    [
      'the name of its own table',
      'kept',
      { into: { kept: 'tablecast_projections' } },
      /keep how far they are/,
    ],
    ['its own table in another case', 'kept', { into: { kept: 'TableCast_Projections' } }, /keep how far/],
    ['a name that SQLite has for itself', 'kept', { into: { kept: 'SQLite_kept' } }, /begin with sqlite_/],
    [
      'a history under the name of another table',
      ['kept', 't'.repeat(40)],
      { history: true, into: { ['t'.repeat(40)]: 'Kept_History' } },
      /Two tables of the target would have the name "Kept_History"/,
    ],
    ['a history of a table in memory', 'brief', { history: true }, /kept in memory/],
    [
      'a history of a table of the user',
      'kept',
      { history: true, existing: true },
      /choose history or existing/,
    ],
  ])('%s', (_, tables, options, message) => {
    expect(() => node.project(tables, { to: to(), ...options })).toThrow(message);
    expect(() => node.project(tables, { to: to(), ...options })).toThrow(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        hint: expect.stringMatching(/\./) as string,
      }) as Error,
    );
    expect(() => node.project(tables, { to: to(), ...options })).not.toThrow(/secret/);
  });

  test('names of 40 bytes are taken', async () => {
    const name = 't'.repeat(40);
    await node.project(name, { to: to(), columns: { [name]: ['c'.repeat(40)] } }).reached();
  });

  test('eight projections at a time are taken, a ninth is not; who is closed makes room', async () => {
    const projections = Array.from({ length: 8 }, (_, index) =>
      node.project('kept', { to: to(`${index}.db`) }),
    );
    expect(() => node.project('kept', { to: to('8.db') })).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED' }) as Error,
    );
    await projections[0]?.close();
    await node.project('kept', { to: to('8.db') }).reached();
  });

  test.each([
    ['a node’s own database', () => join(directory, 'n.tablecast.db'), /database of a node/],
    [
      'a file that is none of SQLite',
      () => {
        writeFileSync(to('text.db'), 'a text, and a long one. '.repeat(100));
        return to('text.db');
      },
      /SQLITE_NOTADB/,
    ],
  ])('%s as the target, and reached() rejects with it', async (_, target, message) => {
    const told = new Promise<NodeEvent>((resolve) => {
      node.events.subscribe((event) => {
        if (event.code === 'projection-failed') resolve(event);
      });
    });
    const projection = node.project('kept', { to: target() });
    await expect(projection.reached()).rejects.toThrow(message);
    expect(await told).toMatchObject({ severity: 'error', details: { retrying: false } });
    expect(projection.state).toBe('failed');
    await projection.close();
  });

  test('a module that is none, exports nothing of use, or throws', async () => {
    const modules = ['missing.mjs', 'nothing-of-use.mjs', 'throwing.mjs'].map(
      (name) => new URL(`support/${name}`, import.meta.url),
    );
    const messages = [/cannot be loaded/, /neither where nor map/, /failed at a row of kept: no such luck/];
    (node.tables.get('kept') as unknown as Map<string, number>).set('10.0.0.1', 1);
    for (const [index, module] of modules.entries())
      await expect(node.project('kept', { to: to(`${index}.db`), module }).reached()).rejects.toThrow(
        messages[index],
      );
  });

  test('a projection that is closed, or whose node is', async () => {
    const projection = node.project('kept', { to: to() });
    await Promise.all([
      expect(projection.reached(1000)).rejects.toMatchObject({ code: 'CLOSED' }),
      projection.close(),
    ]);
    await expect(projection.reached()).rejects.toMatchObject({ code: 'CLOSED' });
    await node.close();
    expect(() => node.project('kept', { to: to() })).toThrow(/closed/);
  });
});
