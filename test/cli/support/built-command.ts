import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';
import options from '../../../tsup.config.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const cache = join(root, 'node_modules', '.cache');
const PREFIX = 'tablecast-command-';
const DAY_MS = 86_400_000;

/**
 * Gives the path of the command, built from the sources as they are: it starts in a quarter of the time that the
 * sources take. It is built once, by whoever comes first; of two at once, one build is used.
 */
export async function builtCommand(): Promise<string> {
  const place = join(cache, `${PREFIX}${sourcesHash()}`);
  if (!existsSync(place)) await buildAt(place);
  return join(place, 'dist', 'cli', 'main.js');
}

async function buildAt(place: string): Promise<void> {
  mkdirSync(cache, { recursive: true });
  removeOld();
  const directory = mkdtempSync(join(cache, `${PREFIX}new-`));
  cpSync(join(root, 'package.json'), join(directory, 'package.json'));
  // The command prints pages of the documents, which lie beside it in the package.
  symlinkSync(join(root, 'docs'), join(directory, 'docs'));
  await build({
    ...options,
    outDir: join(directory, 'dist'),
    dts: false,
    silent: true,
    config: false,
    clean: false,
  });
  try {
    renameSync(directory, place);
  } catch {
    // Somebody else was faster, with the same sources.
    rmSync(directory, { recursive: true });
  }
}

function removeOld(): void {
  for (const name of readdirSync(cache)) {
    const path = join(cache, name);
    if (!name.startsWith(PREFIX) || Date.now() - statSync(path).mtimeMs < DAY_MS) continue;
    rmSync(path, { recursive: true, force: true });
  }
}

function sourcesHash(): string {
  const hash = createHash('sha256');
  const names = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).toSorted();
  for (const name of [
    ...names.filter((file) => file.endsWith('.ts')).map((file) => join('src', file)),
    'package.json',
  ]) {
    hash.update(`${name}\n`).update(readFileSync(join(root, name)));
  }
  return hash.digest('hex').slice(0, 16);
}
