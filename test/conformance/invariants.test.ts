import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const architecture = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
const listed = Array.from(architecture.matchAll(/^\| (INV-\d+) \|/gm), ([, name]) => name as string);

/** Invariants that files of a folder name, by name, with the files; this one is left out. */
function namedIn(folder: string): ReadonlyMap<string, readonly string[]> {
  const named = new Map<string, string[]>();
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((name) => name.endsWith('.ts') && !name.endsWith('invariants.test.ts')))
    for (const [name] of readFileSync(join(root, folder, file), 'utf8').matchAll(/\bINV-\d+\b/g))
      named.set(name, [...(named.get(name) ?? []), join(folder, file)]);
  return named;
}

const invariants = { src: namedIn('src'), test: namedIn('test') };

test('the invariants of docs/architecture.md are numbered from 1 on', () => {
  expect(listed.length).toBeGreaterThan(5);
  expect(listed).toEqual(listed.map((_, at) => `INV-${at + 1}`));
});

test.each(listed)('%s is named by code that keeps it and by a test that attacks it', (name) => {
  expect(invariants.src.get(name), `${name} in src`).toBeDefined();
  expect(invariants.test.get(name), `${name} in test`).toBeDefined();
});

test('code and tests name no invariant that is not listed', () => {
  for (const named of Object.values(invariants))
    for (const [name, files] of named) expect(listed, `${name} in ${files.join(', ')}`).toContain(name);
});
