import { mkdtempSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { builtCommand } from '../../test/cli/support/built-command.ts';

/**
 * Makes a program of a campaign start as one that a user runs: it is bundled, and imports the package as it is built from
 * these sources. From the sources themselves a process of a node begins with 3 s of processor time instead of half a
 * second. Returns the file.
 */
export async function builtChild(source: URL): Promise<string> {
  const dist = dirname(dirname(await builtCommand()));
  const file = join(mkdtempSync(join(dist, 'campaign-')), 'child.mjs');
  await build({
    entryPoints: [fileURLToPath(source)],
    outfile: file,
    bundle: true,
    format: 'esm',
    packages: 'external',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
    plugins: [
      {
        name: 'built-package',
        setup: (plugin) => {
          const path = pathToFileURL(join(dist, 'index.js')).href;
          plugin.onResolve({ filter: /\/src\/index\.ts$/ }, () => ({ path, external: true }));
        },
      },
    ],
  });
  return file;
}
