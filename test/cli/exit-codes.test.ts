import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBackup, openNode } from 'tablecast';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { EXIT, reportFailure } from '../../src/cli/failure.ts';
import { program } from '../../src/cli/program.ts';

/** A command of the program in this process: what it ends with, and what it says of that. */
async function ended(args: readonly string[]): Promise<{ code: unknown; error: string }> {
  let error = '';
  const spies = [
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      error += String(text);
      return true;
    }),
    vi.spyOn(process.stdout, 'write').mockReturnValue(true),
  ];
  const before = process.exitCode;
  try {
    process.exitCode = undefined;
    await program('0').parseAsync(args, { from: 'user' });
    return { code: process.exitCode ?? 0, error };
  } catch (failure) {
    return { code: reportFailure(failure, true), error };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}

/** Nobody listens there. */
const NOBODY = 'ws://127.0.0.1:9';
const ALSO_NOBODY = 'ws://127.0.0.1:10';
const asking = [
  'status',
  'get t k',
  'set t k v',
  'add t k',
  'increment t k',
  'delete t k',
  'clear t',
  'switch-mode t lww',
  'alter t u --once',
  'touch t k',
  'undo t --origin a --since 0',
  `diff t --with ${ALSO_NOBODY}`,
  `repair t --with ${ALSO_NOBODY} --from a`,
  'keys t',
  'tail t',
  'export t',
  'project t --to TARGET',
  'query VALUES(1)',
  'peers',
  'history t k',
  'conflicts t',
];
/** Commands that neither ask a node nor read or write a file. */
const APART = new Set(['completion', 'explain']);
const commands = program('0')
  .commands.map((command) => command.name())
  .filter((name) => !APART.has(name));

/** What each command reads, by whichever option; `FILE` stands for it. */
const reading: Readonly<Record<string, readonly string[]>> = {
  log: ['log --file FILE'],
  replay: ['replay --file FILE'],
  export: ['export t --file FILE'],
  backup: ['backup TARGET --file FILE'],
  restore: ['restore FILE --directory TARGET'],
  verify: ['verify FILE'],
  compare: ['compare FILE'],
  inspect: [`inspect ${NOBODY} --token-file FILE`],
  import: [
    'import t FILE --directory TARGET --id a --declare key=string',
    'import --broker-store FILE --directory TARGET --id a',
    'import --storage FILE --directory TARGET --id a',
    'import rows --broker-store STORE --zeek-tables FILE --directory TARGET --id a',
  ],
  run: [
    'run --check-config --config FILE',
    'run --check-config --token-file FILE',
    'run --check-config --tls-ca FILE',
  ],
  ...Object.fromEntries(
    asking.map((words) => [words.split(' ')[0], [`${words} --peer ${NOBODY} --token-file FILE`]]),
  ),
};

/** What each command writes; `TARGET` stands for it. */
const writing: readonly string[] = [
  'backup TARGET --file DATABASE',
  'restore BACKUP --directory TARGET',
  'export rows --file DATABASE --output TARGET',
  'compare --html TARGET --rows 1',
  'project rows --file DATABASE --to TARGET',
];

let place: string;
let names: Readonly<Record<string, string>>;

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'tablecast-exit-'));
  const data = join(place, 'data');
  const node = await openNode({ id: 'a', directory: data });
  node.table('rows', { key: 'string', backend: 'sqlite' }).add('x');
  await node.close();
  const [database, backup] = [join(data, 'a.tablecast.db'), join(place, 'backup')];
  await createBackup({ file: database, target: backup });
  names = { DATABASE: database, BACKUP: backup, TARGET: join(place, 'target'), STORE: database };
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

const wordsOf = (text: string, more: Readonly<Record<string, string>> = {}): string[] => {
  return text.split(' ').map((word) => more[word] ?? names[word] ?? word);
};
const lines = Object.values(reading).flat();

test('the tables of this test name every command', () => {
  const named = new Set([...lines, ...writing].map((line) => line.split(' ')[0]));
  expect(commands.filter((command) => !named.has(command))).toEqual([]);
});

describe('the same mistake ends every command with the same code', () => {
  test.each(lines)('a file that is not there: %s', async (line) => {
    const absent = join(place, 'absent');
    const { code, error } = await ended(wordsOf(line, { FILE: absent }));
    expect([code, error]).toEqual([EXIT.usage, expect.stringContaining('absent')]);
    const behind = await ended(wordsOf(line, { FILE: join(names['DATABASE'] ?? '', 'absent') }));
    expect([behind.code, behind.error]).toEqual([EXIT.usage, expect.stringContaining('absent')]);
  });

  test.each(lines)('a file that is there and cannot be read: %s', async (line) => {
    const loop = join(place, 'loop');
    rmSync(loop, { force: true });
    symlinkSync(loop, loop);
    const { code, error } = await ended(wordsOf(line, { FILE: loop }));
    expect([code, error]).toEqual([EXIT.failed, expect.stringContaining('ELOOP')]);
  });

  test.each(writing)('a place without a directory for it: %s', async (line) => {
    const { code, error } = await ended(wordsOf(line, { TARGET: join(place, 'no', 'target') }));
    expect([code, error]).toEqual([EXIT.usage, expect.stringContaining('There is no directory')]);
  });

  test.each([
    'export rows --file DATABASE --output DATABASE',
    'compare --html DATABASE --rows 1',
    'compare LOG --html LOG --rows 1',
    'project rows --file DATABASE --to DATABASE',
  ])('an output in the place of what is read, or of a database: %s', async (line) => {
    const log = join(place, 'x.log');
    writeFileSync(log, 'k\n1\n');
    const before = ['DATABASE', 'LOG'].map((name) =>
      readFileSync(name === 'LOG' ? log : String(names[name])),
    );
    const { code } = await ended(wordsOf(line, { LOG: log }));
    expect(code).toBe(EXIT.usage);
    expect([readFileSync(String(names['DATABASE'])), readFileSync(log)]).toEqual(before);
  });

  test.each(writing.slice(0, 2))('a target that is there already: %s', async (line) => {
    const { code } = await ended(wordsOf(line, { TARGET: names['BACKUP'] ?? '' }));
    expect(code).toBe(EXIT.usage);
  });

  test.each(commands)('an option that there is not: %s', async (command) => {
    const { code, error } = await ended([command, '--no-such-option']);
    expect([code, error]).toEqual([EXIT.usage, expect.stringContaining(`tablecast ${command} --help`)]);
  });

  test.each(asking)('a node that is not there: %s', async (line) => {
    const { code } = await ended([...wordsOf(line), '--peer', NOBODY]);
    expect(code).toBe(EXIT.unreachable);
  });

  test.each(asking)('an address that is none: %s', async (line) => {
    const { code } = await ended([...wordsOf(line), '--peer', 'ftp://127.0.0.1:9']);
    expect(code).toBe(EXIT.usage);
  });

  test.each([
    'log',
    'replay',
    'backup TARGET',
    'export t --directory DATABASE',
    'project t --to TARGET --id a',
  ])('half a name of a database: %s', async (line) =>
    expect((await ended(wordsOf(line))).code).toBe(EXIT.usage),
  );
});
