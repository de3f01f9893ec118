import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openNode } from 'tablecast';
import { expect, onTestFinished, test } from 'vitest';
import { commandLine, run, temporary } from './support/command.ts';
import { endProcess } from '../support/end-process.ts';

test('a wrong flag and a wrong command end with 2 and say what was meant', async () => {
  const [flag, command, version] = await Promise.all([
    run(['get', 'hosts', '10.0.0.1', '--jsn']),
    run(['stauts']),
    run(['--version']),
  ]);
  expect(flag.code).toBe(2);
  expect(flag.stderr).toContain('Did you mean --json?');
  expect(flag.stderr).toContain('tablecast get --help');
  expect(command.code).toBe(2);
  expect(command.stderr).toContain('Did you mean status?');
  expect(version.code).toBe(0);
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+/);
});

test('wrong use is told as JSON where JSON is asked for, like every other error', async () => {
  const [flag, argument, command] = await Promise.all([
    run(['get', 'hosts', '10.0.0.1', '--json', '--frob']),
    run(['set', '--json']),
    run(['stauts', '--json']),
  ]);
  for (const { code, stderr } of [flag, argument, command]) {
    expect(code).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'OPTION_INVALID' } });
  }
  expect(JSON.parse(flag.stderr)).toMatchObject({
    error: { message: "unknown option '--frob'", hint: 'Try tablecast get --help.' },
  });
});

test('an argument of a few words says which, in our words', async () => {
  const { code, stderr } = await run(['switch-mode', 'visits', 'newest']);
  expect(code).toBe(2);
  expect(stderr).toContain("<mode> is one of naive, lww, automerge, not 'newest'.");
});

test('an output that cannot be written ends the command with 4 and says why', async () => {
  const full = spawnSync('sh', ['-c', '"$@" > /dev/full', 'sh', ...commandLine(['--help'])], {
    encoding: 'utf8',
  });
  expect(full.status).toBe(4);
  expect(full.stderr).toContain('the output cannot be written (');
  expect(full.stderr).not.toContain('    at ');
});

test('an error that nobody can be told ends the command with its own code all the same', async () => {
  const words = ['sh', ...commandLine(['log', '--file', '/nowhere/a.tablecast.db'])];
  // The reader of the errors is gone before there is one.
  const child = spawn('sh', ['-c', 'sleep 0.2; exec "$@"', ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => endProcess(child));
  child.stderr.destroy();
  expect(await once(child, 'exit')).toEqual([2, null]);
});

test('a user without a name, as in a container, joins nodes', async () => {
  const node = await openNode({ id: 'a', listen: { port: 0 } });
  onTestFinished(() => node.close());
  node.table('hosts', { key: 'addr', value: 'count' });
  const nameless = `import os from 'node:os'; import { syncBuiltinESMExports } from 'node:module';
    os.userInfo = () => { throw new Error('ENOENT'); }; syncBuiltinESMExports();`;
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(nameless)}` };
  const words = ['set', 'hosts', '10.0.0.1', '5', '--peer', node.address ?? ''];
  expect(await run(words, { env })).toMatchObject({ code: 0, stderr: '' });
});

test('a peer that is not there is told at once, in words or JSON, never with a stack', async () => {
  const [words, json] = await Promise.all([
    run(['get', 'hosts', '10.0.0.1', '--peer', 'ws://127.0.0.1:1']),
    run(['set', 'hosts', '10.0.0.1', '1', '--peer', 'ws://127.0.0.1:1', '--json']),
  ]);
  expect(words.code).toBe(3);
  expect(words.stderr).toContain('cannot reach ws://127.0.0.1:1/tablecast: nothing listens there');
  expect(words.stderr).toContain('--peer');
  expect(words.stderr).not.toContain('    at ');
  expect(json.code).toBe(3);
  expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'PEER_UNREACHABLE' } });
});

test('a peer that accepts and says nothing is given up after the timeout', async () => {
  const server = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const result = await run(['get', 'hosts', 'x', '--peer', `ws://127.0.0.1:${port}`, '--timeout', '300ms']);
  expect(result.code).toBe(3);
  expect(result.stderr).toContain('did not answer within 300 ms');
});

test('flags go before the environment, which goes before the file; secrets are masked', async () => {
  const directory = temporary();
  const file = join(directory, 'tablecast.json');
  const tables = { hosts: { key: 'addr', value: 'count', writeExpire: '1h' } };
  const content = { id: 'file', directory: 'data', peers: ['ws://a:1'], auth: { token: 'secret' }, tables };
  writeFileSync(file, JSON.stringify(content));
  const table = ['--table', 'seen key=addr,port backend=sqlite'];
  const result = await run(['run', '--check-config', '--id', 'flag', ...table], {
    cwd: directory,
    env: { TABLECAST_ID: 'environment', TABLECAST_PEERS: 'ws://b:2,ws://c:3' },
  });
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(result.stdout).not.toContain('secret');
  expect(JSON.parse(result.stdout)).toMatchObject({
    source: 'tablecast.json',
    id: 'flag',
    directory: join(directory, 'data'),
    listen: { port: 47760 },
    peers: ['ws://b:2', 'ws://c:3'],
    auth: { token: '***' },
    tables: {
      hosts: { key: 'addr', value: 'count', backend: 'memory', mode: 'naive', writeExpire: 3_600_000 },
      seen: { key: ['addr', 'port'], backend: 'sqlite' },
    },
  });
});

test('a port in use, a database in use and a wrong configuration are refused with the remedy', async () => {
  const directory = temporary();
  const node = await openNode({ id: 'a', directory, listen: { port: 0 } });
  onTestFinished(() => node.close());
  const { port } = new URL(node.address ?? '');
  const file = join(directory, 'tablecast.json');
  writeFileSync(file, JSON.stringify({ id: 'a', directroy: 'data' }));
  const [taken, database, config] = await Promise.all([
    run(['run', '--id', 'b', '--listen', port]),
    run(['run', '--id', 'a', '--listen', '0', '--directory', directory]),
    run(['run', '--config', file]),
  ]);
  expect(taken.code).toBe(3);
  expect(taken.stderr).toContain(port);
  expect(database.code).toBe(4);
  expect(database.stderr).toContain('in use');
  expect(config.code).toBe(2);
  expect(config.stderr).toContain("directroy is not an option. Did you mean 'directory'?");
});

test('a configuration that a node would refuse is refused when it is checked', async () => {
  const directory = temporary();
  const file = join(directory, 'tablecast.json');
  const check = async (content: object): Promise<string> => {
    writeFileSync(file, JSON.stringify({ id: 'a', directory: 'data', ...content }));
    const { code, stderr } = await run(['run', '--check-config', '--config', file]);
    return `${code} ${stderr}`;
  };
  const credentials = [{ name: 'w', token: 'abc', nodes: ['bad name!'] }];
  const zeek = (type: string) => ({
    url: 'ws://127.0.0.1:1',
    tables: { 'A::b': { type, backend: 'sqlite' } },
  });
  expect(await check({ auth: { credentials } })).toMatch(/^2 .*auth\.credentials\.0\.nodes/);
  expect(await check({ zeek: zeek('table[addr] of') })).toMatch(/^2 .*The Zeek type has/);
  expect(await check({ peers: ['http://a'] })).toMatch(/^2 .*is no ws:\/\/ or wss:\/\/ URL/);
  expect(await check({ zeek: zeek('table[addr] of count'), peers: ['ws://a:1'] })).toBe('0 ');
});
