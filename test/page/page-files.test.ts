import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PageFiles } from '../../src/http/page-files.ts';

let folder = '';
let page: PageFiles;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tablecast-page-'));
  await mkdir(join(folder, 'page', 'assets'), { recursive: true });
  await writeFile(join(folder, 'secret.html'), 'outside');
  await writeFile(join(folder, 'page', 'index.html'), '<title>page</title>');
  await writeFile(join(folder, 'page', 'notes.txt'), 'of no type that is answered');
  await writeFile(join(folder, 'page', 'assets', 'index-abc.js'), 'export {};'.repeat(100));
  page = await PageFiles.read(pathToFileURL(`${join(folder, 'page')}/`));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('the page is answered at /, is asked for anew each time, and keeps a strict policy', async () => {
  const answer = page.at('/');
  expect(String(await answer?.bytes())).toBe('<title>page</title>');
  expect(answer?.headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-cache',
    'x-frame-options': 'DENY',
  });
  const policy = answer?.headers['content-security-policy'] ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("require-trusted-types-for 'script'");
  expect(policy).not.toMatch(/unsafe|https?:|\*|data:/);
});

test('a file whose name says its content is kept for ever, and comes compressed to those who take that', async () => {
  const plain = page.at('/assets/index-abc.js');
  const compressed = page.at('/assets/index-abc.js', 'gzip, br');
  expect(plain?.headers['cache-control']).toContain('immutable');
  expect(plain?.headers['content-encoding']).toBeUndefined();
  expect(compressed?.headers['content-encoding']).toBe('br');
  const [short, long] = await Promise.all([compressed?.bytes(), plain?.bytes()]);
  expect(brotliDecompressSync(short ?? Buffer.of())).toEqual(long);
  expect(short?.length).toBeLessThan(long?.length ?? 0);
});

test.each(['/../secret.html', '/secret.html', '/%2e%2e/secret.html', '/notes.txt', '/assets', '/v1', ''])(
  'nothing but files of the page is answered: %s',
  (path) => {
    expect(page.at(path)).toBeUndefined();
  },
);

test('where the page was not built there is none, and the node does without', async () => {
  const none = await PageFiles.read(pathToFileURL(`${join(folder, 'nothing')}/`));
  expect(none.isBuilt).toBe(false);
  expect(none.at('/')).toBeUndefined();
});
