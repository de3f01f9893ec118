// Builds the page into dist/page, unless it stands there as its sources are now: for what runs from a checkout.
import { readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const built = `${root}dist/page/index.html`;

/** When the latest of the page's sources, or what builds them, was changed. */
function latestChange() {
  const sources = readdirSync(`${root}page`, { recursive: true, encoding: 'utf8' }).map(
    (name) => `page/${name}`,
  );
  return Math.max(...[...sources, 'package-lock.json'].map((name) => statSync(`${root}${name}`).mtimeMs));
}

const madeAt = statSync(built, { throwIfNoEntry: false })?.mtimeMs ?? 0;
if (madeAt < latestChange()) {
  // It takes some seconds, once: whoever waits is told.
  console.log('The page is built first, once after each change of it …');
  const { build } = await import('vite');
  await build({ configFile: `${root}page/vite.config.ts`, logLevel: 'warn' });
}
