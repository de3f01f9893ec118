import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openNode } from 'tablecast';
import { json, makeStorage } from '../zeek/protocol/storage-files.ts';
import { run, temporary } from './support/command.ts';

const slow = { timeout: 60_000 };
const past = 1;
const future = Math.round(Date.now() / 1000) + 3600;
const yes = json('true');

test(
  'every table of a folder of the storage framework is imported, and what is not is said',
  slow,
  async () => {
    const folder = temporary();
    const known = join(folder, 'known');
    mkdirSync(known);
    makeStorage(join(known, 'hosts.sqlite'), {
      zeekknownhosts: [
        [json('"10.0.0.1"'), yes, future],
        [json('"10.0.0.2"'), yes, past],
        [json('"10.0.0.3"'), yes, 0],
      ],
    });
    const service = (host: string) => json(`{"host":"${host}","p":{"port":443,"proto":"tcp"},"serv":"ssl"}`);
    makeStorage(join(known, 'services.sqlite'), {
      zeekknownservices: [
        [service('10.0.0.1'), yes, 0],
        [service('ten'), yes, 0],
        [json(String.raw`{"host":"10.0.0.4","p":{"port":1,"proto":"tcp"},"serv":"\\xff"}`), yes, 0],
      ],
    });
    makeStorage(
      join(known, 'site.sqlite'),
      { lists: [[json('"a"'), json('[1]'), 0]], counts: [[json('"a"'), json('7'), 0]] },
      'CREATE TABLE notes(text)',
    );
    writeFileSync(join(known, 'torn.sqlite'), readFileSync(join(known, 'hosts.sqlite')).subarray(0, 5000));
    const before = readFileSync(join(known, 'hosts.sqlite'));
    const into = ['--directory', join(folder, 'data'), '--id', 'a'];
    const done = await run(['import', '--storage', known, ...into]);
    expect(done.code).toBe(4);
    expect(done.stderr).toContain('zeekknownhosts: 2 rows imported, 1 expired\n');
    expect(done.stderr).toContain(
      String.raw`zeekknownservices: 2 rows imported, 0 expired, 1 with \x in a text, 1 that cannot be read left out`,
    );
    expect(done.stderr).toContain("left out: The key's column 1 is not what the serializer writes of addr.");
    expect(done.stderr).toContain('counts: 1 row imported, 0 expired\n');
    expect(done.stderr).toContain('site.sqlite does not say of which type the rows of lists are; give it.');
    expect(done.stderr).toContain('notes is no table of the storage framework, left out');
    expect(done.stderr).toContain('torn.sqlite is damaged');
    expect(readFileSync(join(known, 'hosts.sqlite'))).toEqual(before);
    const node = await openNode({ id: 'a', directory: join(folder, 'data') });
    onTestFinished(() => node.close());
    const hosts = node.table('zeekknownhosts', { key: 'addr', backend: 'sqlite' });
    expect([...hosts]).toEqual(['10.0.0.1', '10.0.0.3']);
    const services = node.table('zeekknownservices', { key: ['addr', 'port', 'string'], backend: 'sqlite' });
    expect([...services]).toEqual([
      ['10.0.0.1', '443/tcp', 'ssl'],
      ['10.0.0.4', '1/tcp', String.raw`\xff`],
    ]);
  },
);

test(
  'one table goes under the name given, with its type; with --strict a bad row lets none in',
  slow,
  async () => {
    const folder = temporary();
    const file = makeStorage(join(folder, 'site.sqlite'), {
      seen: [
        [json('{"host":"10.0.0.1","at":1.5}'), json('{"n":5,"of":["a"]}'), 0],
        [json('{"host":"10.0.0.2","at":2.0}'), json('{"n":"five","of":[]}'), 0],
      ],
    });
    const node = await openNode({ id: 'a', listen: { port: 0 } });
    onTestFinished(() => node.close());
    const seen = node.table('Site::seen', { key: ['addr', 'time'], value: 'record', complexValues: true });
    const types = ['K=record { host: addr; at: time; }', 'R=record { n: count; of: set[string]; }'];
    const typed = ['--type', 'table[K] of R', ...types.flatMap((text) => ['--types', text])];
    const to = ['--peer', node.address ?? '', '--json'];
    const words = ['import', 'Site::seen', '--storage', file, ...typed, ...to];
    const strict = await run([...words, '--strict']);
    expect([strict.code, JSON.parse(strict.stderr).error.code, seen.size]).toEqual([2, 'VALUE_INVALID', 0]);
    const done = await run(words);
    expect(done.code).toBe(0);
    expect(JSON.parse(done.stdout)).toMatchObject({ table: 'Site::seen', rows: 1, damaged: 1 });
    expect([...seen]).toEqual([[['10.0.0.1', 1_500_000_000n], { n: 5, of: ['a'] }]]);
  },
);

test('of several tables one is imported by its own name, and not under another', slow, async () => {
  const folder = temporary();
  const file = makeStorage(join(folder, 'site.sqlite'), {
    one: [[json('1'), yes, 0]],
    two: [[json('2'), yes, 0]],
  });
  const into = ['--directory', join(folder, 'data'), '--id', 'a'];
  const [several, second] = await Promise.all([
    run(['import', 'three', '--storage', file, ...into]),
    run(['import', 'two', '--storage', file, '--directory', join(folder, 'second'), '--id', 'a']),
  ]);
  expect([several.code, several.stderr]).toEqual([2, expect.stringContaining('has 2 stores')]);
  expect([second.code, second.stderr]).toEqual([0, 'two: 1 row imported, 0 expired\n']);
});
