// npm run campaign:page-load -- --seconds 600 --rate 10000
// Whether the memory of the page stays flat while a table is written; needs `npm run build` and Chromium.
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { openNode } from 'tablecast';
import { type Sample, slopeOfSecondHalf } from './slope.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    rate: { type: 'string', default: '10000' },
  },
});
const seconds = Number(values.seconds);
const rate = Number(values.rate);
const SAMPLES = 40;
/** What the page's heap may grow by in a second, in the second half of the time, in bytes. */
const MOST_SLOPE = 10_000;
/** What is looked at in turns, half a sample each. */
const VIEWS = ['tables/busy', 'cluster', 'tables/busy', 'time', 'conflicts', 'health'];
const browserPath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

const node = await openNode({ id: 'busy', http: { port: 0 } });
const table = node.table('busy', { key: 'string', value: 'count' });
let written = 0;
const began = performance.now();
const elapsed = (): number => (performance.now() - began) / 1000;

async function write(): Promise<void> {
  while (elapsed() < seconds) {
    const due = Math.min(written + rate / 10, elapsed() * rate);
    while (written < due) table.set(`k${written % 5000}`, written++);
    await wait(1);
  }
}

const writing = write();
const args = ['--no-sandbox', '--disable-dev-shm-usage', '--js-flags=--expose-gc'];
const browser = await chromium.launch({ executablePath: browserPath, args });
const samples: Sample[] = [];
try {
  const page = await browser.newPage();
  await page.goto(`${node.httpAddress ?? ''}/#/tables/busy`);
  for (let looked = 0; elapsed() < seconds; looked++) {
    await page.goto(`${node.httpAddress ?? ''}/#/${VIEWS[looked % VIEWS.length] ?? ''}`);
    await page.locator('main h1').first().waitFor();
    await wait((seconds * 1000) / SAMPLES);
    const bytes = await page.evaluate<number>('gc(), performance.memory.usedJSHeapSize');
    samples.push([elapsed(), bytes]);
  }
} finally {
  await browser.close();
}
await writing;
await node.close();
const grown = slopeOfSecondHalf(samples);
console.log(`${written} operations in ${seconds} s, ${samples.length} looks at ${new Set(VIEWS).size} views`);
console.log(
  `heap of the page ${samples.map(([, bytes]) => (bytes / 1e6).toFixed(1)).join(' ')} MB, slope of the second half ${(grown / 1000).toFixed(2)} kB a second`,
);
if (grown > MOST_SLOPE) process.exitCode = 1;
