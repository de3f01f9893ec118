import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { plantedBugs } from '../../scripts/campaigns/planted-bug-list.ts';

const at = (path: string): URL => new URL(`../../${path}`, import.meta.url);

// A gate plants only a sample of them: what a change of the sources took the place from is seen here at once.
test('each bug that is planted has a name of its own, its places in the sources, and tests that are there', () => {
  const names = plantedBugs.map(({ name }) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  const gone = plantedBugs.filter(({ edits }) =>
    edits.some(({ file, find }) => readFileSync(at(file), 'utf8').split(find).length !== 2),
  );
  expect(gone.map(({ name }) => name)).toEqual([]);
  const missing = plantedBugs.flatMap(({ tests }) => tests).filter((file) => !existsSync(at(file)));
  expect(missing).toEqual([]);
});
