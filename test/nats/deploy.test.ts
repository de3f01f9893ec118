/** What deploy/nats has, with the server that it is for. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { Group, declaration, until } from './group.ts';
import { stored } from './operator.ts';
import { NatsServer, missing } from './server.ts';

const deploy = fileURLToPath(new URL('../../deploy/nats/', import.meta.url));
const config = join(deploy, 'nats-server.conf');
const { nats: service } = (
  parse(readFileSync(join(deploy, 'compose.yaml'), 'utf8')) as {
    readonly services: Record<
      'nats',
      { command: string[]; ports: string[]; environment: Record<string, string> }
    >;
  }
).services;

/** Gives each variable of the service the value that a user sets. */
function environmentOf(password: string): Record<string, string> {
  const values = Object.entries(service.environment);
  return Object.fromEntries(values.map(([name, value]) => [name, value.replace(/\$\{\w+:\?\}/, password)]));
}

describe.skipIf(missing !== undefined)('the configuration of a server', () => {
  it.each(['a secret', '12345', '5k'])('is taken with the password %s', (password) => {
    const args = service.command.map((arg) => arg.replace('/etc/nats/nats-server.conf', config));
    const env = { ...process.env, ...environmentOf(password) };
    const { status, stderr } = spawnSync('nats-server', ['-t', ...args], { env, encoding: 'utf8' });
    expect(stderr).toContain('is valid');
    expect(status).toBe(0);
  });

  it('needs the password', () => {
    const { status, stderr } = spawnSync('nats-server', ['-t', '-c', config], { encoding: 'utf8' });
    expect(stderr).toContain('WORKER_1_PASSWORD');
    expect(status).not.toBe(0);
  });

  it('permits what docs/nats.md says', () => {
    const docs = readFileSync(fileURLToPath(new URL('../../docs/nats.md', import.meta.url)), 'utf8');
    const subjects = [docs, readFileSync(config, 'utf8')].map((text) =>
      text.match(/"[\w$.*>-]*[.][\w$.*>-]+"/g),
    );
    expect(subjects[0]?.length).toBeGreaterThan(10);
    expect(subjects[0]).toEqual(subjects[1]?.filter((subject) => !/\d:\d/.test(subject)));
  });

  it('lets the container’s port be reached, and from this machine alone', () => {
    expect(service.command).toContain('0.0.0.0');
    expect(service.ports).toEqual(['127.0.0.1:4222:4222']);
  });

  it('gives a node all that it needs, checkpoints included, and nobody else anything', async () => {
    const text = readFileSync(config, 'utf8')
      .replace(/^(listen|http):.*$/gm, '')
      .replace(/store_dir:.*/, '');
    await using server = await NatsServer.start(text, environmentOf('12345'));
    await using group = new Group(server);
    const nats = { servers: server.url, group: 'sensors', user: 'worker-1', password: '12345' };
    const node = await group.open('worker-1', { nats });
    const table = node.table('t', declaration);
    await group.told('peer-connected');
    for (let round = 0; round < 45; round++) {
      table.set('k', `${round} ${'x'.repeat(100_000)}`);
      await node.flush({ peers: 1, timeoutMs: 60_000 });
    }
    await stored(
      server,
      { group: 'sensors', subject: 'checkpoint.>' },
      { user: nats.user, pass: nats.password },
    );
    expect(group.events.map(({ code }) => code)).not.toContain('carrier-refused');
    // As another than its user: it has the rows, and may not ask in that name in what it differs.
    const again = await group.open('reader', { nats });
    const read = again.table('t', declaration);
    await group.told('checkpoint-adopted');
    // What was written behind the checkpoint comes after it.
    await until(group.nodes, () => read.get('k') === table.get('k'));
    const refused = group.events.filter(({ code }) => code === 'carrier-refused');
    expect(refused.filter(({ severity }) => severity === 'error')).toEqual([]);
    await group.open('worker-2', { nats: { ...nats, password: '$WORKER_1_PASSWORD' } });
    await group.told('peer-refused');
  });
});

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

it.skipIf(!hasSystemd)('systemd takes the unit of the server, and rates it as well confined', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-nats-unit-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const unit = join(directory, 'nats-server.service');
  const text = readFileSync(join(deploy, 'nats-server.service'), 'utf8');
  writeFileSync(unit, text.replace('/usr/sbin/nats-server', process.execPath));
  const analyze = (...args: string[]) => spawnSync('systemd-analyze', [...args, unit], { encoding: 'utf8' });
  expect(analyze('verify', '--man=no')).toMatchObject({ status: 0, stderr: '' });
  const { status, stdout } = analyze('security', '--offline=true', '--no-pager', '--threshold=20');
  expect(status, stdout).toBe(0);
});
