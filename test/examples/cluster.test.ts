import { execSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { DemonstrationServer } from '../../examples/cluster/nats-server.ts';
import { missing } from '../nats/server.ts';
import { RunningExample, runExample } from './run-example.ts';

const CLUSTER = 'cluster/main.ts';
/** The demonstration makes its directory in here, so that what it leaves behind can be seen. */
const place = mkdtempSync(join(tmpdir(), 'tablecast-test-'));

afterAll(() => rmSync(place, { recursive: true, force: true }));

function start(args: readonly string[]): RunningExample {
  return new RunningExample(CLUSTER, args, { TMPDIR: place });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('the cluster demonstration', () => {
  test('kills a worker, brings it back, and ends with every node, replay and count equal', async () => {
    const running = start(['--rows', '3000', '--seconds', '2', '--contested']);
    const { code, stdout, stderr } = await running.finished;
    expect(stderr).toBe('');
    expect(stdout).toMatch(/3,000 rows, a generated sample/);
    expect(stdout).toMatch(/worker-1 +killed at row [\d,]+ \(SIGKILL\)/);
    expect(stdout).toMatch(/worker-1 +recovered [\d,]+ rows from its log of [\d,]+ operations in \d+ ms/);
    expect(stdout).toMatch(/worker-1 +caught up [\d,]+ operations of the others in \d+ ms/);
    expect(stdout).toMatch(/contested: 3 keys differ/);
    expect(stdout).toMatch(/yes +every node has the same rows/);
    expect(stdout).toMatch(/yes +each node's log, replayed into fresh tables, gives its live rows/);
    expect(stdout).toMatch(/yes +rows and counts are those of one undisturbed process/);
    expect(code).toBe(0);
    const commands = Array.from(stdout.matchAll(/^ +(node .+)$/gm), ([, command = '']) => command);
    expect(commands).toHaveLength(2);
    for (const command of commands)
      expect(execSync(command, { encoding: 'utf8', stdio: 'pipe' })).not.toBe('');
    const directory = /rm -r (\S+)/.exec(stdout)?.[1] ?? '';
    expect(readdirSync(directory).toSorted()).toEqual(['manager', 'sample-dns.log', 'worker-1', 'worker-2']);
  });

  test('Ctrl-C ends every process and removes the directory', async () => {
    const running = start(['--rows', '20000', '--seconds', '60']);
    const [, directory = ''] = await running.printed(/^data +(\S+),/m);
    await running.printed(/[1-9]\d* of 20,000 rows/);
    const pids = Array.from(running.stdout.matchAll(/pid (\d+)/g), ([, pid]) => Number(pid));
    expect(pids).toHaveLength(3);
    expect(pids.every(isRunning)).toBe(true);
    running.signal('SIGINT');
    const { code, stderr } = await running.finished;
    expect(stderr).toBe('');
    expect(code).toBe(130);
    expect(pids.some(isRunning)).toBe(false);
    expect(existsSync(directory)).toBe(false);
  });

  test('a killed coordinator leaves no process behind', async () => {
    const running = start(['--seconds', '60']);
    await running.printed(/[1-9]\d* of 20,000 rows/);
    const pids = Array.from(running.stdout.matchAll(/pid (\d+)/g), ([, pid]) => Number(pid));
    running.signal('SIGKILL');
    await running.finished;
    await expect.poll(() => pids.some(isRunning)).toBe(false);
  });
});

test.skipIf(missing !== undefined)('the server of the demonstration leaves nothing behind', async () => {
  const directory = join(place, 'nats');
  const server = await DemonstrationServer.start(directory);
  expect(existsSync(directory)).toBe(true);
  await server.close();
  await server.close();
  expect([existsSync(directory), isRunning(server.pid)]).toEqual([false, false]);
});

describe('what the demonstration cannot use', () => {
  function fileWith(name: string, text: string): string {
    const path = join(place, name);
    writeFileSync(path, text);
    return path;
  }

  test.concurrent.each([
    ['a missing file', () => ['/does/not/exist.log'], /exist\.log: cannot be read[^]*Check the path/],
    ['an empty file', () => [fileWith('empty.log', '')], /has no rows[^]*Give a Zeek log/],
    ['a log without hosts', () => [fileWith('names.log', '{"name":"x"}\n')], /names a host[^]*Use a log of/],
    ['a wrong flag', () => ['--bogus'], /unknown option '--bogus'[^]*--help/],
    ['a wrong number', () => ['--rows', 'many'], /whole number from 100/],
  ])('%s is refused with what to do', async (_, args, message) => {
    const { code, stderr } = await runExample(CLUSTER, args());
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
  });

  test('a NATS server that is not installed is said, with what to do', async () => {
    const running = new RunningExample(CLUSTER, ['--nats'], { PATH: place });
    const { code, stderr } = await running.finished;
    expect(stderr).toMatch(/nats-server: it is not on the PATH[^]*Install nats-server/);
    expect(code).toBe(1);
  });

  test('--help says what there is', async () => {
    const { code, stdout } = await runExample(CLUSTER, ['--help']);
    expect(stdout).toMatch(/Usage: npm start -- \[options\] \[log\]/);
    expect(code).toBe(0);
  });
});
