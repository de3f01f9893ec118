import { readFileSync } from 'node:fs';

/** The package: above `dist`, where this code is bundled to, or the checkout it is the source of. */
export const PACKAGE_ROOT: URL = new URL(import.meta.url.endsWith('.ts') ? '../../' : '../', import.meta.url);

/** The version of the package; `unknown` where a program was bundled together with it. */
export function packageVersion(): string {
  try {
    const text = readFileSync(new URL('package.json', PACKAGE_ROOT), 'utf8');
    const { name, version } = JSON.parse(text) as { readonly name: string; readonly version: string };
    return name === 'tablecast' ? version : 'unknown';
  } catch {
    return 'unknown';
  }
}
