import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';

const folder = fileURLToPath(new URL('../../dist/page/', import.meta.url));
const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => ({ name: entry.name, bytes: readFileSync(`${entry.parentPath}/${entry.name}`) }));

/** Everything together, as it travels. */
const MOST_BYTES = 150_000;

test('the page is shipped built, with everything under 150 kB', () => {
  expect(files.map(({ name }) => name.replace(/-[\w-]{8}\./, '.')).toSorted()).toEqual([
    'icon.svg',
    'index.css',
    'index.html',
    'index.js',
  ]);
  const sizes = files.map(({ bytes }) => brotliCompressSync(bytes).length);
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(MOST_BYTES);
});

test('the page loads nothing from elsewhere, and has nothing inline', () => {
  const page = files.find(({ name }) => name === 'index.html')?.bytes.toString() ?? '';
  const loaded = Array.from(page.matchAll(/(?:src|href)="([^"]+)"/g), ([, address = '']) => address);
  expect(loaded).not.toHaveLength(0);
  expect(loaded.filter((address) => !address.startsWith('./'))).toEqual([]);
  expect(page).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
  const style = files.find(({ name }) => name.endsWith('.css'))?.bytes.toString() ?? '';
  expect(style).not.toMatch(/url\(|@import/);
});
