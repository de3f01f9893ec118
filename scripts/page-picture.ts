// Makes docs/page.png, the picture of the page in the README: node --import ./scripts/typescript.mjs scripts/page-picture.ts
// `pngquant --quality 85-100` and `optipng -o5` then make it a third of its size: the package has a limit.
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { type MapTable, type TableNode, openNode } from '../src/index.ts';

const PICTURE = fileURLToPath(new URL('../docs/page.png', import.meta.url));
const BROWSER = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const WRITES_EVERY_MS = 20;
/** So long the page looks before the picture, so that there are rates. */
const LOOKED_AT_MS = 3000;

const manager = await openNode({ id: 'manager', listen: { port: 0 }, http: { port: 0 } });
const peers = [String(manager.address)];
const workers = await Promise.all(['worker-1', 'worker-2', 'worker-3'].map((id) => openNode({ id, peers })));
const nodes: readonly TableNode[] = [manager, ...workers];
const queries = nodes.map((node) => node.table('queries', { key: 'addr', value: 'count' }));
const rules = nodes.map((node) => node.table('rules', { key: 'string', value: 'string' }));
for (const node of nodes) node.table('known_services', { key: ['addr', 'port'] });

function writeOn(index: number): void {
  const table = queries[index] as MapTable<string, number>;
  table.increment(`10.${index}.0.${Math.floor(Math.random() * 250)}`);
}

const writing = setInterval(() => nodes.forEach((_, index) => writeOn(index)), WRITES_EVERY_MS);
const browser = await chromium.launch({ executablePath: BROWSER, args: ['--no-sandbox'] });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 760 } });
  await page.goto(`${manager.httpAddress ?? ''}/#/cluster`);
  await page.locator('.node-card').nth(3).waitFor();
  // Each another one, so that whoever's arrives last, one node holds something else.
  const actions = ['allow', 'log', 'deny', 'drop'];
  rules.forEach((table, index) => table.set('rule-1', actions[index] ?? ''));
  await page.getByText('Table rules has diverged').waitFor({ timeout: 60_000 });
  await page.waitForTimeout(LOOKED_AT_MS);
  await page.screenshot({ path: PICTURE });
} finally {
  clearInterval(writing);
  await browser.close();
  await Promise.all(nodes.map((node) => node.close()));
}
