import { expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { describePage } from './support/browser.ts';
import { served } from './support/nodes.ts';

const ROWS = 1_000_000;
/** Elements of the page while it shows a table, whatever the table holds. */
const MOST_ELEMENTS = 1500;

/** Bytes of JavaScript's objects in the page, once what is not used was let go. */
async function heap(page: Page): Promise<number> {
  return page.evaluate<number>('gc(), performance.memory.usedJSHeapSize');
}

describePage('a large table', (open) => {
  test('of a million rows is scrolled to its end, searched and sorted, with few elements at a time', async () => {
    const { node, address } = await served({ limits: { maxMemoryLogBytes: 1_048_576 } });
    const table = node.table('numbers', { key: 'count', value: 'double' });
    for (let key = 0; key < ROWS; key++) {
      table.set(key, ROWS - key);
      // The log of each burst goes before the next comes.
      if (key % 50_000 === 0) await node.flush();
    }
    const page = await open(address, 'tables/numbers');
    await page.getByText('1,000,000 rows').waitFor();
    await page.getByRole('grid').focus();
    await page.keyboard.press('End');
    await page.locator('#row-999999').getByText('999999').waitFor();
    await page.keyboard.press('Home');
    await page.locator('#row-0').waitFor();
    await page.locator('.grid').evaluate('element => { element.scrollTop = element.scrollHeight / 2; }');
    await page
      .locator('.grid-body .grid-row', { hasText: /^50\d{4}|^49\d{4}/ })
      .first()
      .waitFor();
    await page.getByRole('button', { name: /value/ }).click();
    await page.locator('.grid').evaluate('element => { element.scrollTop = 0; }');
    await page.locator('#row-0').getByText('999999').waitFor();
    await page.getByRole('searchbox').fill('77777');
    await page.getByText(/^\d+ rows with “77777”/).waitFor();
    expect(await page.evaluate('document.querySelectorAll("*").length')).toBeLessThan(MOST_ELEMENTS);
  });

  test('and one that is written all the time leave the memory of the page as it is', async () => {
    const { node, address } = await served();
    const table = node.table('busy', { key: 'count', value: 'count' });
    let written = 0;
    const write = (): void => {
      for (let count = 0; count < 1000; count++) table.set(written++ % 5000, written);
    };
    write();
    const page = await open(address, 'tables/busy');
    await page.locator('#row-0').waitFor();
    const sizes: number[] = [];
    for (let round = 0; round < 16; round++) {
      write();
      await page.goto(`${address}/#/${['tables/busy', 'time', 'conflicts', 'health'][round % 4] ?? ''}`);
      await page.locator('main h1').first().waitFor();
      const looked = page.waitForResponse((response) => response.url().endsWith('/v1/metrics'));
      await looked;
      if (round % 4 === 3) sizes.push(await heap(page));
    }
    // The first round is for what is made once: code, charts, pages of rows.
    expect((sizes.at(-1) ?? 0) / (sizes[1] ?? 1)).toBeLessThan(1.5);
  });
});
