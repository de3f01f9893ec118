import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { completionScript } from '../../src/cli/completion.ts';
import { program } from '../../src/cli/program.ts';
import { run, temporary } from './support/command.ts';

const root = program('0.0.0');

/** Asks a real bash what it would complete. */
function completed(script: string, words: readonly string[]): string[] {
  const directory = temporary();
  const file = join(directory, 'tablecast.bash');
  writeFileSync(file, script);
  const text = `source ${file}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _tablecast; printf '%s\\n' "\${COMPREPLY[@]}"; complete -p tablecast`;
  return execFileSync('bash', ['--norc', '-c', text], { encoding: 'utf8' }).trimEnd().split('\n');
}

test('bash completes commands and the options of each, and file names where neither fits', async () => {
  const { code, stdout } = await run(['completion', 'bash']);
  expect(code).toBe(0);
  expect(stdout).toBe(completionScript(root, 'bash'));
  const keepsFiles = 'complete -o default -F _tablecast tablecast';
  expect(completed(stdout, ['tablecast', 'sta'])).toEqual(['status', keepsFiles]);
  expect(completed(stdout, ['tablecast', 'set', 'hosts', '--pe'])).toEqual(['--peer', '--peers', keepsFiles]);
  expect(completed(stdout, ['tablecast', 'import', 'conn'])).toEqual(['', keepsFiles]);
  const all = completed(stdout, ['tablecast', '']);
  for (const command of root.commands) expect(all).toContain(command.name());
});

test('each script names every command and option there is', () => {
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    const script = completionScript(root, shell);
    for (const command of root.commands) {
      expect(script).toContain(command.name());
      for (const { long, hidden } of command.options) {
        if (long !== undefined && !hidden)
          expect(script).toContain(shell === 'fish' ? `-l ${long.slice(2)}` : long);
      }
    }
  }
});

for (const shell of ['zsh', 'fish'] as const) {
  const isInstalled = spawnSync(shell, ['--version']).error === undefined;
  test.skipIf(!isInstalled)(`${shell} reads its script without an error`, () => {
    const file = join(temporary(), 'script');
    writeFileSync(file, completionScript(root, shell));
    const { status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });
}

test('another shell is refused, with those there are', async () => {
  const { code, stderr } = await run(['completion', 'csh']);
  expect(code).toBe(2);
  expect(stderr).toContain('bash, zsh, fish');
});
