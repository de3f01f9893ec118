import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CHROMIUM } from './browser.ts';

/** Builds the page for the tests in a browser, or says why there are none. */
export async function setup(): Promise<void> {
  if (CHROMIUM === undefined) {
    process.stdout.write(
      'The tests of the page were left out: no Chromium was found. Install it (Debian: apt-get install chromium), or name it in CHROMIUM.\n',
    );
    return;
  }
  const script = fileURLToPath(new URL('../../../scripts/build-page.mjs', import.meta.url));
  await promisify(execFile)(process.execPath, [script]);
}
