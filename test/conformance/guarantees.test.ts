import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const text = readFileSync(path.join(root, 'docs/guarantees.md'), 'utf8');
/** What is promised, without the tables and what follows them. */
const promises = text.slice(0, text.indexOf('## The tests tested'));
const INVARIANTS = 35;

/** The paragraphs of each numbered promise: its own, and those up to the next bold one. */
function sections(): Map<number, string> {
  const found = new Map<number, string>();
  for (const part of promises.split(/^(?=\*\*)/m)) {
    const number = /^\*\*(\d+)\. /.exec(part)?.[1];
    if (number === undefined) continue;
    if (found.has(Number(number))) throw new Error(`${number} is promised twice`);
    found.set(Number(number), part);
  }
  return found;
}

/** Test files that a text names, as paths below `test`. */
function filesNamed(part: string): string[] {
  return Array.from(part.matchAll(/`([\w/-]+\.(?:test|contract)\.ts)`/g), ([, name]) => name ?? '');
}

/** Sources of all tests, with quotes as people write them. */
function allTests(): string {
  const names = readdirSync(path.join(root, 'test'), { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => /\.(?:test|contract)\.ts$/.test(name));
  return plain(files.map((name) => readFileSync(path.join(root, 'test', name), 'utf8')).join('\n'));
}

function plain(source: string): string {
  return source.replaceAll(/\\?['’]/g, '’').replaceAll(/\s+/g, ' ');
}

describe('docs/guarantees.md', () => {
  it('promises each of the 35 invariants once, in their order', () => {
    const numbers = Array.from({ length: INVARIANTS }, (_, index) => index + 1);
    expect([...sections().keys()]).toEqual(numbers);
  });

  it('names for each promise a test file that is there, and no file that is not', () => {
    const wrong: string[] = [];
    for (const [number, part] of sections()) {
      const files = filesNamed(part);
      // What stands under an earlier number may be attacked by the same test.
      const earlier = /^As \d+|there is one/im.test(part);
      if (files.length === 0 && !earlier) wrong.push(`${number} names no test`);
    }
    for (const name of filesNamed(text))
      if (!existsSync(path.join(root, 'test', name))) wrong.push(`${name} is not there`);
    expect(wrong).toEqual([]);
  });

  it('quotes titles that tests have', () => {
    const sources = allTests();
    const wrong: string[] = [];
    for (const [, title = ''] of promises.matchAll(/(?<!\*)\*([^*\n]+)\*(?!\*)/g)) {
      if (!title.includes(' ') || title.startsWith('conformance ')) continue;
      // A dot of three stands for what differs from run to run, or from one case to the next.
      const pieces = plain(title).split('…');
      if (pieces.some((piece) => !sources.includes(piece.trim()))) wrong.push(title);
    }
    expect(wrong).toEqual([]);
  });

  it('names commands that package.json has', () => {
    const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = Array.from(text.matchAll(/npm run ([\w:-]+)/g), ([, name]) => name ?? '');
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });
});
