import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { matchesAny } from '../../src/access/patterns.ts';
import { type SetTable, type TableNode, openNode } from '../../src/index.ts';
import { NodeUnderAttack } from '../reliability/support/fake-peer.ts';
import { sendRuns, setRun } from './support.ts';

const directories: string[] = [];
const nodes: TableNode[] = [];

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()));
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-inputs-'));
  directories.push(directory);
  return directory;
}

async function open(options: Parameters<typeof openNode>[0]): Promise<TableNode> {
  const node = await openNode(options);
  nodes.push(node);
  return node;
}

const PATHS = ['../evil', '..\\evil', '/etc/passwd', 'a/b', 'a\u0000b', '.', '..', 'C:\\x', 'a\nb', ' '];
const SQL = [
  `'; DROP TABLE segments; --`,
  `" OR 1=1 --`,
  `a'b`,
  'sqlite_master',
  `x"; ATTACH 'evil.db' AS e; --`,
];

describe('names made to be paths (S15)', () => {
  it('name no node and no table, and make no file', async () => {
    const directory = newDirectory();
    const place = join(directory, 'data');
    const node = await open({ id: 'safe', directory: place });
    for (const name of PATHS) {
      await expect(openNode({ id: name, directory: place })).rejects.toMatchObject({
        code: 'OPTION_INVALID',
      });
      expect(() => node.table(name, { key: 'string', backend: 'sqlite' })).toThrow(
        expect.objectContaining({ code: 'DECLARATION_INVALID' }),
      );
    }
    expect(readdirSync(directory)).toEqual(['data']);
    expect(readdirSync(place).every((file) => file.startsWith('safe.tablecast.db'))).toBe(true);
  });
});

describe('text made to be SQL (S16)', () => {
  it('is data: refused as a name, kept as a key and a value, through a restart', async () => {
    const directory = newDirectory();
    const declaration = { key: 'string', value: 'string', backend: 'sqlite' } as const;
    let node = await open({ id: 'a', directory });
    for (const text of SQL.slice(0, 3)) expect(() => node.table(text, declaration)).toThrow('name');
    let table = node.table('sqlite_master', declaration);
    for (const text of SQL) table.set(text, text);
    await node.close();
    node = await open({ id: 'a', directory });
    table = node.table('sqlite_master', declaration);
    expect([...table]).toEqual(SQL.map((text) => [text, text]));
    expect(readdirSync(directory).filter((file) => file.includes('evil'))).toEqual([]);
  });
});

describe('frames that are sent again (S6)', () => {
  it('change nothing, in any number and from anybody', async () => {
    const target = await NodeUnderAttack.open({ id: 'victim' });
    const seen = target.node.table('seen', { key: 'string' }) as SetTable;
    const changes: string[] = [];
    seen.changes.subscribe(({ kind, key }) => changes.push(`${kind} ${String(key)}`));
    const author = target.connect();
    author.greet('author');
    const first = setRun({ table: 'seen', origin: 'author@1', keys: ['a', 'b'] });
    sendRuns(author, first);
    seen.delete('a');
    const replayer = target.connect();
    replayer.greet('replayer');
    for (const peer of [author, replayer, author]) sendRuns(peer, first, first);
    await setImmediate();
    expect([...seen]).toEqual(['b']);
    expect(changes).toEqual(['new a', 'new b', 'removed a']);
    // A recorded hello opens a session of its own and takes nobody's operations away.
    const again = target.connect();
    again.greet('author');
    await setImmediate();
    expect([...seen]).toEqual(['b']);
    await target.close();
  });
});

describe('patterns of rights (S20)', () => {
  it('are exact names and beginnings, never expressions, and take time in proportion to their length', () => {
    expect(matchesAny(['a.*'], 'abc')).toBe(false);
    expect(matchesAny(['a.*'], 'a.c')).toBe(true);
    expect(matchesAny(['(a+)+$'], `${'a'.repeat(64)}b`)).toBe(false);
    expect(matchesAny([], 'a')).toBe(false);
    expect(matchesAny(['*'], '__proto__')).toBe(true);
    const name = fc.string({ maxLength: 20 });
    fc.assert(
      fc.property(name, name, (stem, rest) => {
        expect(matchesAny([`${stem}*`], stem + rest)).toBe(true);
        expect(matchesAny([stem], stem + rest)).toBe(
          rest === '' && !stem.endsWith('*') ? true : stem.endsWith('*'),
        );
      }),
      { interruptAfterTimeLimit: 3000 },
    );
  });
});
