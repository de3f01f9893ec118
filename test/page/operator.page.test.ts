import { expect, test } from 'vitest';
import type { MapTable, TableNode } from 'tablecast';
import { describePage } from './support/browser.ts';
import { served } from './support/nodes.ts';

/** A manager with two sensors that are linked as well, all with the same table. */
async function cluster() {
  const manager = await served({ id: 'manager' });
  const peers = [String(manager.node.address)];
  const first = await served({ id: 'sensor-1', peers });
  const second = await served({ id: 'sensor-2', peers: [...peers, String(first.node.address)] });
  const nodes: TableNode[] = [manager.node, first.node, second.node];
  const rules = nodes.map((node) => node.table('rules', { key: 'string', value: 'string' }));
  const [here] = rules as [MapTable<string, string>];
  here.set('ready', 'yes');
  await expect.poll(() => rules.map((table) => table.get('ready'))).toEqual(['yes', 'yes', 'yes']);
  return { address: manager.address, rules };
}

describePage('An operator who has only the page', (open) => {
  test('finds which of three nodes diverged, and why, and repairs it, with the keyboard', async () => {
    const { address, rules } = await cluster();
    const page = await open(address, 'cluster');
    await page.getByText('Nothing is wrong').waitFor();
    // Two at once, before either has heard of the other.
    rules[1]?.set('web', 'allow');
    rules[2]?.set('web', 'deny');
    const held = (): readonly unknown[] => rules.map((table) => table.get('web'));
    await page.getByText('Table rules has diverged').waitFor();
    // Who differs from the manager, and on the drawing as well.
    await page.getByText('1 key differs').first().waitFor();
    expect(await page.getByText('Table rules has diverged').innerText()).toMatch(/sensor-[12] \(1 key\)/);

    await page.getByRole('link', { name: 'Compare and repair' }).press('Enter');
    await page
      .getByText(/Two writes met, of sensor-[12] and of sensor-[12]/)
      .first()
      .waitFor();
    await page.getByRole('link', { name: 'What happened to it' }).first().press('Enter');
    const life = page.locator('.life');
    await expect
      .poll(() => life.innerText(), { timeout: 60_000 })
      .toMatch(/Conflict:[\s\S]+stands[\s\S]+lost/);
    expect(await life.innerText()).toMatch(/allow[\s\S]+deny|deny[\s\S]+allow/);

    await page.goBack();
    await page.getByRole('button', { name: 'Repair …' }).press('Enter');
    const sensor = page.getByRole('radio', { name: /^sensor-2/ });
    await sensor.focus();
    await page.keyboard.press('Space');
    await expect.poll(() => sensor.isChecked(), { timeout: 30_000 }).toBe(true);
    const stands = rules[2]?.get('web');
    const planned = page.getByRole('region', { name: 'What the repair will write' });
    await expect
      .poll(() => planned.innerText(), { timeout: 30_000 })
      .toMatch(new RegExp(`web[\\s\\S]+${stands}$`));
    await page.getByRole('button', { name: 'Write 1 key' }).press('Enter');
    await page.getByText('hold the same rows').waitFor();
    await expect.poll(held, { timeout: 30_000 }).toEqual([stands, stands, stands]);
    await page.goto(`${address}/#/cluster`);
    await page.getByText('Nothing is wrong').waitFor();
  });
});
