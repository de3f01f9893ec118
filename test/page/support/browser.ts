import { existsSync } from 'node:fs';
import { type Browser, type Page, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest';

/** The browser the tests run in; undefined where there is none. */
export const CHROMIUM: string | undefined = [
  process.env['CHROMIUM'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== '' && existsSync(path));

/** What a test may want of its window. */
export interface Wanted {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  readonly token?: string;
}

/** Opens a window of a browser on the page of a node, at one of its places such as `tables/hosts`. */
export type Open = (address: string, place?: string, wanted?: Wanted) => Promise<Page>;

/** Describes what the page does in a browser; left out where there is none. */
export function describePage(title: string, tests: (open: Open) => void): void {
  // oxlint-disable-next-line vitest/valid-title -- It is a string: the tests of a page give it.
  describe.skipIf(CHROMIUM === undefined)(title, () => {
    let browser: Browser | undefined;
    beforeAll(async () => {
      // Without a sandbox of its own, which containers do not allow: it sees nothing but this machine's pages.
      const args = ['--no-sandbox', '--disable-dev-shm-usage', '--js-flags=--expose-gc'];
      browser = await chromium.launch({ ...(CHROMIUM !== undefined && { executablePath: CHROMIUM }), args });
    });
    afterAll(() => browser?.close());
    tests((address, place, wanted) => openPage(browser as Browser, { address, place, wanted }));
  });
}

interface Where {
  readonly address: string;
  readonly place: string | undefined;
  readonly wanted: Wanted | undefined;
}

async function openPage(browser: Browser, { address, place = '', wanted = {} }: Where): Promise<Page> {
  const { width = 1280, height = 800, dark = false, token } = wanted;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const wrong: string[] = [];
  page.on('pageerror', ({ message }) => wrong.push(message));
  page.on('console', (message) => {
    // Chromium tells of every answer that is no success; what they mean is up to each test.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      wrong.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(address)) wrong.push(`asked elsewhere: ${request.url()}`);
  });
  onTestFinished(async () => {
    await context.close();
    expect(wrong, 'what went wrong in the browser').toEqual([]);
  });
  if (token !== undefined) {
    await page.addInitScript(`sessionStorage.setItem('tablecast-token', ${JSON.stringify(token)})`);
  }
  await page.goto(`${address}/#/${place}`);
  return page;
}
