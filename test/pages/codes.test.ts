import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ERRORS, fromFailure } from '../../src/errors.ts';
import { ERROR_CODES, NODE_EVENT_CODES } from '../../src/index.ts';
import { logLine } from '../../src/cli/event-log.ts';
import { run as command } from '../cli/support/command.ts';
import { programsOf } from './page-program.ts';

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));

const byName = (one: string, other: string): number => (one < other ? -1 : 1);

function namesIn(folder: string): readonly string[] {
  const names = readdirSync(docs + folder).map((name) => name.replace(/\.md$/, ''));
  return names.filter((name) => name !== 'README').toSorted(byName);
}

const kinds = [
  ['errors', ERROR_CODES],
  ['events', NODE_EVENT_CODES],
] as const;

describe.each(kinds)('docs/%s', (folder, codes) => {
  it('has a page for every code, and no other; its list names each once', () => {
    expect(namesIn(folder)).toEqual(codes.toSorted(byName));
    const list = readFileSync(`${docs}${folder}/README.md`, 'utf8');
    const listed = Array.from(list.matchAll(/^\| \[`([^`]+)`\]\(\1\.md\) \| \S/gm), ([, code = '']) => code);
    expect(listed.toSorted(byName)).toEqual(codes.toSorted(byName));
  });

  it.each(codes)('%s says what happened, why, what to do, and shows it', (code) => {
    const page = readFileSync(`${docs}${folder}/${code}.md`, 'utf8');
    const headings = Array.from(page.matchAll(/^#+ .+$/gm), ([heading]) => heading);
    const details = folder === 'errors' ? ['## Details'] : [];
    expect(headings).toEqual([`# ${code}`, '## Cause', '## Remedy', ...details, '## Example']);
    for (const part of page.split(/^#+ .+$/m).slice(1)) expect(part.trim().length, part).toBeGreaterThan(7);
    const [, shown = ''] = /^```text\n([\s\S]+?)^```$/m.exec(page) ?? [];
    expect(shown.trim()).not.toBe('');
  });
});

it.each(ERROR_CODES)('the details that %s lists are those of the catalogue', (code) => {
  const page = readFileSync(`${docs}errors/${code}.md`, 'utf8');
  const rows = page.matchAll(
    /^\| `(\w+)` +\| (text|number|boolean|number or text) +\| (always|where known) +\| \S/gm,
  );
  const listed = Array.from(rows, ([, name, kind, there]) => [name, there === 'always' ? kind : `${kind}?`]);
  expect(Object.fromEntries(listed)).toEqual(ERRORS[code]);
});

it.each(ERROR_CODES)('the example of %s ends with that error', (code) => {
  const [program] = programsOf(readFileSync(`${docs}errors/${code}.md`, 'utf8'));
  expect(program?.says).toContain(code);
});

it.each(NODE_EVENT_CODES)('the example of %s waits for that event', (code) => {
  const [program] = programsOf(readFileSync(`${docs}events/${code}.md`, 'utf8'));
  if (program !== undefined) expect(program.code).toContain(`event.code === '${code}'`);
});

describe('the way from a message to its page', () => {
  it('stands on every error', () => {
    for (const code of ERROR_CODES) {
      const error = fromFailure({ code, message: 'm', hint: 'h', details: {}, retryable: false });
      expect(error.help).toBe(`npx tablecast explain ${code}`);
    }
  });

  it('stands in the log at what a person has to see to, and in one line', () => {
    const event = { code: 'table-refused', message: 'No.' } as const;
    expect(logLine({ ...event, severity: 'error' }, 'text')).toMatch(/No\..*tablecast explain table-refused/);
    expect(logLine({ ...event, severity: 'info' }, 'text')).not.toContain('explain');
    expect(logLine({ code: 'closing', severity: 'error', message: 'No.' }, 'text')).not.toContain('explain');
    expect(logLine({ ...event, severity: 'error', message: 'y'.repeat(1e6) }, 'text').length).toBe(16_384);
  });

  it('is what the command prints last, and has as JSON', async () => {
    const [words, json] = await Promise.all([
      command(['get', 'hosts', 'x', '--peer', 'ws://127.0.0.1:1']),
      command(['get', 'hosts', 'x', '--peer', 'ws://127.0.0.1:1', '--json']),
    ]);
    expect(words.stderr.trimEnd().split('\n').at(-1)).toBe('tablecast explain PEER_UNREACHABLE');
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { help: 'tablecast explain PEER_UNREACHABLE' } });
  });
});

describe('tablecast explain', () => {
  it('prints the page, however the code is written, and lists all', async () => {
    const [page, event, list] = await Promise.all([
      command(['explain', 'key_invalid']),
      command(['explain', 'table-refused', '--json']),
      command(['explain']),
    ]);
    const text = readFileSync(`${docs}errors/KEY_INVALID.md`, 'utf8');
    expect(page).toMatchObject({ code: 0, stderr: '' });
    expect(page.stdout.startsWith(text.trimEnd())).toBe(true);
    expect(JSON.parse(event.stdout)).toMatchObject({ kind: 'event', code: 'table-refused' });
    const listed = list.stdout.trimEnd().split('\n');
    expect(listed.map((line) => line.split(/ +/)[1])).toEqual([
      ...ERROR_CODES.toSorted(byName),
      ...NODE_EVENT_CODES.toSorted(byName),
    ]);
  });

  it('says which code was probably meant, and ends with 2', async () => {
    const { code, stderr } = await command(['explain', 'table-refuse']);
    expect(code).toBe(2);
    expect(stderr).toContain('Did you mean table-refused?');
  });
});
