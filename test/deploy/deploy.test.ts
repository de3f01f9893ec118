import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { readConfigFile } from '../../src/cli/config-file.ts';
import { program } from '../../src/cli/program.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const deploy = join(root, 'deploy');
const units = readdirSync(deploy).filter((name) => /\.(service|timer)$/.test(name));
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

function read(name: string): string {
  return readFileSync(join(deploy, name), 'utf8');
}

/** The units with a program that exists, because systemd looks for it. */
function unitsHere(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-deploy-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const name of units) {
    writeFileSync(join(directory, name), read(name).replaceAll('/usr/local/bin/tablecast', process.execPath));
  }
  return directory;
}

test.skipIf(!hasSystemd)('systemd takes the units without a word', () => {
  const directory = unitsHere();
  for (const name of units) {
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(directory, name)], {
      encoding: 'utf8',
    });
    expect([name, status, stderr]).toEqual([name, 0, '']);
  }
});

test.skipIf(!hasSystemd)('systemd rates the services as well confined', () => {
  const directory = unitsHere();
  for (const name of units.filter((unit) => unit.endsWith('.service'))) {
    // 0 is no exposure, 10 all of it; the threshold is in tenths.
    const args = ['security', '--offline=true', '--no-pager', '--threshold=20', join(directory, name)];
    const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    expect(status, stdout).toBe(0);
  }
});

test('units call commands and flags that there are, and give a node the time that it may take to end', () => {
  const commands = new Map(program('0').commands.map((command) => [command.name(), command]));
  const calls = units.flatMap((name) => read(name).match(/^ExecStart=.*$/gm) ?? []);
  expect(calls).toHaveLength(2);
  for (const call of calls) {
    const [, name = '', rest = ''] = /\/usr\/local\/bin\/tablecast (\w+) (.*)$/.exec(call) ?? [];
    const known = commands.get(name)?.options.map(({ long }) => long) ?? [];
    const used = rest.match(/--[a-z-]+/g) ?? [];
    expect(used.length, call).toBeGreaterThan(0);
    for (const flag of used) expect(known, `${flag} of ${name}`).toContain(flag);
  }
  const unit = read('tablecast.service');
  expect(Number(/^TimeoutStopSec=(\d+)s$/m.exec(unit)?.[1])).toBeGreaterThan(10);
  expect(unit).toMatch(/^User=tablecast$/m);
  expect(unit).toMatch(/^ProtectSystem=strict$/m);
});

test('the example of a configuration is one, and keeps its tables where the unit lets it', () => {
  const config = readConfigFile(join(deploy, 'tablecast.json'));
  expect(config.directory).toMatch(/^\/var\/lib\/tablecast\//);
  expect(config.health).toEqual({ port: 47_761 });
  expect(read('tablecast-backup.service')).toContain(`--directory ${config.directory} `);
});

/** Instructions of a Dockerfile, continued lines joined. */
function instructions(text: string): readonly (readonly [name: string, rest: string])[] {
  return text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', rest = ''] = /^([A-Z]+) +(.*)$/.exec(line) ?? [];
      expect(name, line).not.toBe('');
      return [name, rest] as const;
    });
}

test('the image is built of files that there are, and its context holds nothing else', () => {
  const steps = instructions(read('Dockerfile'));
  const copied = steps
    .filter(([name, rest]) => name === 'COPY' && !rest.startsWith('--from'))
    .flatMap(([, rest]) => rest.split(/ +/).slice(0, -1));
  for (const path of copied) expect(existsSync(join(root, path)), path).toBe(true);
  const context = read('Dockerfile.dockerignore')
    .split('\n')
    .filter((line) => /^[^#]/.test(line));
  expect(context).toEqual(['*', ...copied.map((path) => `!${path}`)]);
});

test('the image runs without rights, has a health check that asks for readiness, and sets what the command reads', () => {
  const steps = instructions(read('Dockerfile'));
  const last = steps.slice(steps.findLastIndex(([name]) => name === 'FROM'));
  const of = (wanted: string) => last.filter(([name]) => name === wanted).map(([, rest]) => rest);
  expect(of('USER')).toEqual(['node']);
  expect(of('STOPSIGNAL')).toEqual(['SIGTERM']);
  expect(of('ENTRYPOINT')).toEqual(['["tablecast"]']);
  const [check = ''] = of('HEALTHCHECK');
  const health = /TABLECAST_HEALTH=(\S+)/.exec(of('ENV').join(' '))?.[1] ?? '';
  expect(check).toContain(`http://${health}/readyz`);
  const run = program('0').commands.find((command) => command.name() === 'run');
  const known = run?.options.map(({ envVar }) => envVar) ?? [];
  for (const [name] of of('ENV')
    .join(' ')
    .matchAll(/TABLECAST_\w+/g))
    expect(known).toContain(name);
  const script = /CMD (\[.*\])$/.exec(check)?.[1] ?? '[]';
  const [command, ...args] = JSON.parse(script) as string[];
  expect(command).toBe('node');
  // Nothing answers there: unhealthy, and not by a mistake in the script.
  const asked = args.map((text) => text.replace(health, '127.0.0.1:1'));
  expect(spawnSync(process.execPath, asked, { encoding: 'utf8' })).toMatchObject({ status: 1, stderr: '' });
});

test('the scripts in units are shell', () => {
  const [, script = ''] = /-ec '(.*)'$/m.exec(read('tablecast-backup.service')) ?? [];
  const here = script.replaceAll('$$', '$').replaceAll('%%', '%').replace('/usr/local/bin/tablecast', 'echo');
  const said = execFileSync('sh', ['-ec', here.replace(/^exec /, '')], {
    encoding: 'utf8',
    env: { ...process.env, TABLECAST_ID: 'manager' },
  });
  expect(said).toMatch(
    /^backup \/var\/backups\/tablecast\/manager-\d{8}T\d{6}Z --directory \/var\/lib\/tablecast\/data --json\n$/,
  );
});
