import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runExample } from './run-example.ts';

const folder = new URL('../../examples/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.ts'));

test('there are examples', () => {
  expect(files.length).toBeGreaterThanOrEqual(8);
});

test.concurrent.each(files)('%s ends by itself, and its own checks hold', async (file) => {
  const { code, stdout, stderr } = await runExample(file);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).not.toBe('');
});
