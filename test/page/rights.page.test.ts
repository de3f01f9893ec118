import { expect, test } from 'vitest';
import { describePage } from './support/browser.ts';
import { served } from './support/nodes.ts';

const SECRET_TABLE = 'payroll_of_everybody';

describePage('a credential', (open) => {
  const auth = {
    credentials: [
      { name: 'reader', token: 'reads', nodes: ['reader'], read: ['hosts'], write: [] },
      { name: 'operator', token: 'all', nodes: ['operator'] },
    ],
  };

  test('is asked for; with a wrong one nothing is seen, with the right one what it may read', async () => {
    const { node, address } = await served({ auth });
    node.table('hosts', { key: 'string' }).add('a');
    const page = await open(address, 'tables');
    await page.getByText('This node wants to know who looks').waitFor();
    await page.getByLabel('Token of a credential').fill('no such secret');
    await page.getByRole('button', { name: 'Look' }).click();
    await page.getByText('This node wants to know who looks').waitFor();
    await page.getByLabel('Token of a credential').fill('all');
    await page.getByRole('button', { name: 'Look' }).click();
    await page.getByRole('heading', { name: 'hosts' }).waitFor();
    await page.getByText('as operator').waitFor();
  });

  test('of a reader sees no name of another table in any answer or view, and offers nothing to write', async () => {
    const { node, address } = await served({ auth });
    node.table('hosts', { key: 'string', value: 'count' }).set('a', 1);
    const secret = node.table(SECRET_TABLE, { key: 'string', value: 'count' });
    secret.set('chief', 1);
    const answers: string[] = [];
    const page = await open(address, 'cluster', { token: 'reads' });
    page.on('response', (response) => {
      if (response.headers()['content-type']?.includes('json') !== true) return;
      response.text().then(
        (text) => answers.push(text),
        () => undefined,
      );
    });
    for (const view of ['cluster', 'tables', 'time', 'conflicts', 'health', `tables/${SECRET_TABLE}`]) {
      await page.goto(`${address}/#/${view}`);
      await page.locator('main h1, main .empty').first().waitFor();
      secret.set(view, 2);
      const shown = await page.locator('body').innerText();
      expect(shown.replaceAll(`tables/${SECRET_TABLE}`, '')).not.toContain(SECRET_TABLE);
    }
    await page.getByText('No table of this name').waitFor();
    await page.goto(`${address}/#/tables/hosts?key=${encodeURIComponent('"a"')}`);
    await page.getByText('Your credential may read this table and not write it').waitFor();
    expect(await page.getByRole('link', { name: 'New row' }).count()).toBe(0);
    await expect.poll(() => answers.length, { timeout: 30_000 }).toBeGreaterThan(10);
    expect(answers.filter((text) => text.includes(SECRET_TABLE) && !text.includes('NOT_FOUND'))).toEqual([]);
  });
});
