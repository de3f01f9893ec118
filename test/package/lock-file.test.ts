import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface Entry {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
}

it('has for every package a checksum, so that what is installed is what was looked at', () => {
  const text = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8');
  const { packages } = JSON.parse(text) as { packages: Record<string, Entry> };
  const installed = Object.entries(packages).filter(([path, { link }]) => path !== '' && link !== true);
  expect(installed.length).toBeGreaterThan(100);
  const without = installed.filter(
    ([, { integrity }]) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ''),
  );
  expect(without.map(([path]) => path)).toEqual([]);
});
