// What a user of 0.2 has written down somewhere: commands, options, codes, metrics, configuration. None of it goes
// without a migration note. The exported names and their members: test/package/surface.dist.test.ts.
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfigFile } from '../../src/cli/config-file.ts';
import { program } from '../../src/cli/program.ts';
import { ERROR_CODES } from '../../src/errors.ts';
import { NODE_EVENT_CODES } from '../../src/events.ts';

const at = (path: string): URL => new URL(path, import.meta.url);
const before = JSON.parse(readFileSync(at('../fixtures/public/0.2.json'), 'utf8')) as {
  readonly errors: string;
  readonly events: string;
  readonly metrics: string;
  readonly commands: Readonly<Record<string, string>>;
  readonly configuration: object;
};

test('every command of 0.2 is there, with every option', () => {
  const now = new Map(
    program('0.0.0').commands.map((command) => [
      command.name(),
      new Set(command.options.map(({ long }) => long)),
    ]),
  );
  const gone = Object.entries(before.commands).flatMap(([name, options]) =>
    options
      .split(' ')
      .filter((option) => now.get(name)?.has(option) !== true)
      .map((option) => `${name} ${option}`),
  );
  expect(Object.keys(before.commands).length).toBeGreaterThan(10);
  expect(gone).toEqual([]);
});

test('every code of an error and of an event of 0.2 is there', () => {
  expect(ERROR_CODES).toEqual(expect.arrayContaining(before.errors.split(' ')));
  expect(NODE_EVENT_CODES).toEqual(expect.arrayContaining(before.events.split(' ')));
});

test('every metric of 0.2 is there', () => {
  const folder = at('../../src/observability/');
  const code = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), 'utf8'));
  const now = new Set(code.join('\n').match(/\btablecast_\w+/g));
  expect(before.metrics.split(' ').filter((metric) => !now.has(metric))).toEqual([]);
});

test('a configuration file with every member of 0.2 is read', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-test-'));
  try {
    const file = join(directory, 'node.json');
    writeFileSync(file, JSON.stringify(before.configuration));
    const read = readConfigFile(file);
    expect(Object.keys(read)).toEqual(expect.arrayContaining(Object.keys(before.configuration)));
  } finally {
    rmSync(directory, { recursive: true });
  }
});
