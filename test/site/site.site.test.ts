/** The built site in a browser: from a disk, and from any folder of a server. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Browser, type Page, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { deadLinks, requestsElsewhere } from '../../site/check.ts';
import { CHROMIUM } from '../page/support/browser.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const dist = path.join(root, 'site/dist');

function pagesIn(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.html'));
}

/** Pages that are found from one by following links. */
function reached(first: string): ReadonlySet<string> {
  const found = new Set([first]);
  for (const page of found) {
    const html = readFileSync(path.join(dist, page), 'utf8');
    for (const [, target = ''] of html.matchAll(/\shref="([^"#:]+\.html)(?:#[^"]*)?"/g))
      found.add(path.join(path.dirname(page), target));
  }
  return found;
}

describe('the pages', () => {
  it('are those of the documents, and each is found from the first one', () => {
    const documents = readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => path.join('docs', name.replace(/\.md$/, '.html')));
    const all = reached('docs/README.html');
    expect(documents.filter((page) => !all.has(page))).toEqual([]);
  });

  it('have no link that leads nowhere, and load nothing from elsewhere', () => {
    const pages = pagesIn(dist).map((page) => path.join(dist, page));
    expect([...deadLinks(dist, pages), ...requestsElsewhere(pages)]).toEqual([]);
  });
});

describe('the check of links', () => {
  function check(html: string): readonly string[] {
    const folder = mkdtempSync(path.join(tmpdir(), 'tablecast-site-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(path.join(folder, 'sub'));
    writeFileSync(path.join(folder, 'there.html'), '<h2 id="known">Known</h2>');
    const page = path.join(folder, 'page.html');
    writeFileSync(page, html);
    const pages = [page, path.join(folder, 'there.html')];
    return [...deadLinks(folder, pages), ...requestsElsewhere(pages)];
  }

  it.each([
    'there.html',
    'there.html#known',
    '#here" id="here',
    'https://example.org/',
    'mailto:a@example.org',
  ])('takes %s', (target) => expect(check(`<a href="${target}">`)).toEqual([]));

  it.each(['gone.html', 'there.html#unknown', '#nowhere', 'sub', '/there.html', '../page.html'])(
    'finds %s',
    (target) => expect(check(`<a href="${target}">`)).toHaveLength(1),
  );

  it.each([
    '<script src="https://cdn.example/x.js">',
    '<img src="//cdn.example/x.png">',
    '<link href="http://a/b.css">',
  ])('finds what a page would load from another machine: %s', (tag) => expect(check(tag)).toHaveLength(1));
});

/** Serves the site below a folder of a server, as if it were one of many there. */
async function served(): Promise<Server> {
  const server = createServer(({ url = '' }, response) => {
    const { pathname } = new URL(url, 'http://localhost');
    const types: Record<string, string> = {
      '.html': 'text/html',
      '.js': 'text/javascript',
      '.css': 'text/css',
    };
    try {
      const body = readFileSync(path.join(dist, decodeURI(pathname).replace(/^\/some\/folder/, '')));
      response
        .setHeader('content-type', types[path.extname(pathname)] ?? 'application/octet-stream')
        .end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

describe.skipIf(CHROMIUM === undefined)('in a browser', () => {
  let browser: Browser;
  let server: Server;
  const bases: Record<'disk' | 'server', string> = { disk: pathToFileURL(dist).href, server: '' };

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: String(CHROMIUM), args: ['--no-sandbox'] });
    server = await served();
    const address = server.address();
    bases.server = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/some/folder`;
  });
  afterAll(async () => {
    await browser.close();
    server.close();
  });

  /** A window that notes what is asked of others, or fails. */
  async function open(base: string, width: number): Promise<{ page: Page; wrong: string[] }> {
    const page = await browser.newPage({ viewport: { width, height: 800 } });
    onTestFinished(() => page.close());
    const wrong: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(base) && !request.url().startsWith('data:')) wrong.push(request.url());
    });
    page.on('requestfailed', (request) => {
      // From a disk the reference has its icons in the page, having tried their file first.
      if (!request.url().endsWith('/icons.svg')) wrong.push(`failed: ${request.url()}`);
    });
    page.on('pageerror', ({ message }) => wrong.push(message));
    await page.goto(`${base}/index.html`);
    await page.waitForURL(/docs\/README\.html$/);
    return { page, wrong };
  }

  it.each(['disk', 'server'] as const)(
    'is read and searched from a %s, and asks nobody else',
    async (from) => {
      const { page, wrong } = await open(bases[from], 1280);
      await page.getByRole('searchbox').fill('KEY_INVALID');
      await page.locator('.site-search a', { hasText: 'KEY_INVALID' }).first().click();
      await page.waitForURL(/docs\/errors\/KEY_INVALID\.html/);
      await page.locator('h2', { hasText: 'Remedy' }).waitFor();
      await page.locator('.VPSidebar a', { hasText: 'Interface' }).click();
      await page.waitForURL(/api\/index\.html$/);
      await page.locator('a', { hasText: 'openNode' }).first().waitFor();
      expect(wrong).toEqual([]);
    },
  );

  it('has its menu on a small screen', async () => {
    const { page, wrong } = await open(bases.disk, 400);
    await page.locator('.VPLocalNav .menu').click();
    await page.locator('.VPSidebar a', { hasText: 'Running it' }).click();
    await page.waitForURL(/docs\/operations\.html$/);
    expect(wrong).toEqual([]);
  });
});
