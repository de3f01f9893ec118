import { readFileSync } from 'node:fs';

/** The package: above `dist`, where this code is bundled to, or the checkout it is the source of. */
export const PACKAGE_ROOT: URL = new URL(import.meta.url.endsWith('.ts') ? '../../' : '../', import.meta.url);

/** The version of the package. */
export function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('package.json', PACKAGE_ROOT), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}
