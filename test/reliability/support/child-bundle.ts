import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Programs built from the sources, so that a child process starts in a fraction of the time. */
export interface ChildBundle {
  /** Path of the program built from an entry. */
  program(name: string): string;
  remove(): void;
}

/** Builds programs of this folder, by name without extension, with the writing thread beside them. */
export function bundleChildren(names: readonly string[]): Promise<ChildBundle> {
  const entry: Record<string, string> = { worker: join(root, 'src/backends/sqlite/worker.ts') };
  for (const name of names) entry[name] = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  return bundlePrograms(entry);
}

/** Builds programs, by name and the path of their source. */
export async function bundlePrograms(entry: Record<string, string>): Promise<ChildBundle> {
  // Inside the project, because the dependencies stay outside of the bundle and are looked up from there.
  const cache = join(root, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, 'tablecast-reliability-'));
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  await build({
    entry,
    outDir: directory,
    format: 'esm',
    target: 'node20',
    splitting: true,
    silent: true,
    config: false,
    clean: false,
    tsconfig: join(root, 'tsconfig.json'),
    removeNodeProtocol: false,
  });
  return {
    program: (name) => join(directory, `${name}.js`),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
