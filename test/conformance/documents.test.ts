import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { NODE_EVENT_CODES } from '../../src/events.ts';
import { faultsOf } from '../support/type-check.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.startsWith('api'))
    .map((name) => path.join('docs', name)),
];

function read(name: string): string {
  return readFileSync(path.join(root, name), 'utf8');
}

/** Text without code, in which brackets are no links. */
function prose(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '');
}

/** Names of the headings of a page, as links to them spell them. */
function anchors(text: string): Set<string> {
  const headings = text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm);
  return new Set(
    Array.from(headings, ([, heading]) =>
      (heading ?? '')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function codeBlocks(text: string, language: string): string[] {
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'));
  return Array.from(blocks, ([, block]) => block ?? '');
}

describe('the documents', () => {
  it('link to nothing that is not there', () => {
    const dead: string[] = [];
    for (const page of pages) {
      for (const [, target = ''] of prose(read(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [file = '', anchor] = target.split('#');
        const found = file === '' ? page : path.join(path.dirname(page), file);
        const missing =
          !existsSync(path.join(root, found)) || (anchor !== undefined && !anchors(read(found)).has(anchor));
        if (missing) dead.push(`${page}: ${target}`);
      }
    }
    expect(dead).toEqual([]);
  });

  it('name no script that package.json does not have', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const unknown: string[] = [];
    for (const page of pages) {
      for (const [, name = ''] of read(page).matchAll(/npm run ([a-z][\w:-]*)/g)) {
        if (!(name in scripts)) unknown.push(`${page}: ${name}`);
      }
    }
    expect(unknown).toEqual([]);
  });

  it('explain every event, and no other', () => {
    const [, section = ''] = /## What to watch\n([\s\S]*?)\n## /.exec(read('docs/operations.md')) ?? [];
    const firstCells = Array.from(section.matchAll(/^\| (\[`[^|]+) \|/gm), ([, cell]) => cell).join(' ');
    const documented = Array.from(firstCells.matchAll(/`([a-z-]+)`/g), ([, code = '']) => code);
    expect(documented.toSorted()).toEqual(NODE_EVENT_CODES.toSorted());
  });
});

describe('docs/architecture.md', () => {
  // Folders: test/package/rooms.test.ts.
  it('says of every file that lies loose in the sources what it is, and of no other', () => {
    const page = read('docs/architecture.md');
    const [, files = ''] = /\| file of `src` \|.*\n\|---.*\n([\s\S]*?)\n\n/.exec(page) ?? [];
    const cells = Array.from(files.matchAll(/^\| (`[^|]+) \|/gm), ([, cell]) => cell).join(' ');
    const named = Array.from(cells.matchAll(/`([^`]+)`/g), ([, name = '']) => name);
    const there = readdirSync(`${root}src`, { withFileTypes: true }).filter((entry) => entry.isFile());
    expect(named.toSorted()).toEqual(there.map(({ name }) => name).toSorted());
  });
});

describe('the TypeScript in README.md', () => {
  const blocks = codeBlocks(read('README.md'), 'ts');

  it('is there, and passes the type checker as strictly as the sources', () => {
    expect(blocks).not.toHaveLength(0);
    expect(faultsOf(blocks)).toEqual([]);
  });

  it('runs as it stands, and goes on where it was when run again', () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'tablecast-readme-'));
    const scratch = path.join(root, 'tmp');
    mkdirSync(scratch, { recursive: true });
    const file = path.join(mkdtempSync(path.join(scratch, 'readme-')), 'hello.ts');
    try {
      writeFileSync(file, blocks[0] ?? '');
      const run = (): string => {
        const { stdout, stderr } = spawnSync(
          process.execPath,
          ['--import', path.join(root, 'scripts/typescript.mjs'), file],
          {
            cwd: directory,
            env: { ...process.env, TSX_TSCONFIG_PATH: path.join(root, 'tsconfig.json') },
            encoding: 'utf8',
            timeout: 180_000,
          },
        );
        expect(stderr).toBe('');
        return stdout;
      };
      expect(run()).toMatch(/^here 1\nnew 10\.0\.0\.1 undefined -> 1 by one@[0-9a-z]+\n$/);
      expect(run()).toMatch(/^here 2\n[\s\S]*10\.0\.0\.1 .* -> 2 by one@[0-9a-z]+\n$/);
    } finally {
      rmSync(directory, { recursive: true });
      rmSync(path.dirname(file), { recursive: true });
    }
  });
});
