import { fileURLToPath } from 'node:url';
import { spawn } from 'node:child_process';
import type { Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { describePage } from './support/browser.ts';
import { served } from './support/nodes.ts';
import { endProcess } from '../support/end-process.ts';

const AXE = fileURLToPath(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url));

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

/** Loads a page again, so that axe may run in it: by the browser's own tools, which the policy of the page does not bind. */
async function forAxe(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('Page.setBypassCSP', { enabled: true });
  await page.reload();
  await page.locator('main h1').first().waitFor();
}

/** What axe finds wrong with a page, as it stands. */
async function faults(page: Page): Promise<readonly string[]> {
  await page.addScriptTag({ path: AXE });
  const { violations } = await page.evaluate<AxeResult>('axe.run()');
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** Loads a page again, and waits until it hears of conflicts: the node tells those that come from then on. */
async function untilHearing(page: Page): Promise<void> {
  const begun = page.waitForResponse((response) => response.url().endsWith('/v1/conflicts'));
  await page.reload();
  await begun;
}

/** Starts another process with a node that dials. */
function startNode(id: string, peer: string): { kill(): void } {
  const program = `
    const { openNode } = await import('./src/index.ts');
    const node = await openNode({ id: '${id}', peers: ['${peer}'] });
    node.table('hosts', { key: 'addr', value: 'count' });
    setInterval(() => undefined, 1000);
  `;
  const args = ['--import', './scripts/typescript.mjs', '--input-type=module', '--eval', program];
  const child = spawn(process.execPath, args, {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: 'ignore',
  });
  onTestFinished(() => endProcess(child));
  return { kill: () => void child.kill('SIGKILL') };
}

describePage('the views', (open) => {
  test('of the cluster show a node that is killed, in words and in the drawing, and its return', async () => {
    const { node, address } = await served();
    node.table('hosts', { key: 'addr', value: 'count' });
    const first = startNode('two', String(node.address));
    const page = await open(address, 'cluster');
    const card = page.locator('.node-card', { hasText: 'two' });
    await card.getByText('connected').waitFor();
    first.kill();
    await page.getByText('two is gone for').waitFor();
    await card.getByText('waiting').waitFor();
    startNode('two', String(node.address));
    await card.getByText('connected').waitFor();
    await expect.poll(() => page.getByText('two is gone for').count(), { timeout: 30_000 }).toBe(0);
  });

  test('say that the node itself gives no answer, and go on when it is back', async () => {
    const { node, address } = await served();
    node.table('hosts', { key: 'addr' });
    const page = await open(address, 'cluster');
    await page.getByRole('heading', { name: 'Cluster' }).waitFor();
    await node.close();
    await page.getByText('one gives no answer').waitFor();
    await served({ http: { port: Number(new URL(address).port) } });
    await expect.poll(() => page.getByText('one gives no answer').count(), { timeout: 60_000 }).toBe(0);
    await page.getByText('ready', { exact: true }).waitFor();
  });

  test('of time draw what was written, show a table at a moment and what differs to another', async () => {
    const { node, address } = await served();
    const hosts = node.table('hosts', { key: 'string', value: 'count' });
    hosts.set('a', 1);
    await node.flush();
    hosts.set('a', 2).set('b', 3);
    const page = await open(address, 'time');
    await page.getByLabel('Along').selectOption('position');
    const scrubber = page.getByRole('slider');
    await scrubber.focus();
    await page.keyboard.press('Home');
    await page.getByText('1 row once position 1 was applied').waitFor();
    await page.getByRole('button', { name: 'Compare from here' }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Back to now' }).click();
    await page.getByText('2 rows differ between position 1 and 3').waitFor();
    expect(await page.locator('.difference').allInnerTexts()).toEqual([
      expect.stringMatching(/changed\s+a\s+1\s+→\s+2/),
      expect.stringMatching(/added\s+b\s+no row\s+→\s+3/),
    ]);
    expect(await page.locator('.chart canvas').count()).toBe(1);
  });

  test('of conflicts show both sides, repair with a preview, and switch the mode with what it costs', async () => {
    const { node, address } = await served();
    const other = await served({ id: 'two', peers: [String(node.address)] });
    const here = node.table('rules', { key: 'string', value: 'string' });
    const there = other.node.table('rules', { key: 'string', value: 'string' });
    const page = await open(address, 'conflicts/rules');
    await untilHearing(page);
    await page.getByText('None since this page was opened').waitFor();
    await page.getByText('hold the same rows').waitFor();
    // At once on both, before either has heard of the other: each takes what arrives, and they exchange values.
    await expect.poll(() => page.locator('.chip').innerText()).toContain('alike');
    here.set('rule', 'ours');
    there.set('rule', 'theirs');
    await page.getByText('stands, of two').waitFor();
    await page.getByText('two (1 key) holds other rows than one').waitFor();
    await page.getByText('Two writes met, of two and of one').waitFor();
    await page.getByRole('button', { name: 'Repair …' }).click();
    await page.getByRole('radio', { name: /^two/ }).check();
    const planned = page.getByRole('region', { name: 'What the repair will write' });
    await expect
      .poll(() => planned.innerText(), { timeout: 30_000 })
      .toMatch(/rule\s+theirs\s+ours on two\s+ours/);
    await page.getByRole('button', { name: 'Write 1 key' }).click();
    await page.getByText('hold the same rows').waitFor();
    expect([here.get('rule'), there.get('rule')]).toEqual(['ours', 'ours']);
    await page.getByRole('button', { name: 'Switch the mode …' }).click();
    await page.getByText('are what every node goes on from').waitFor();
    await page.getByRole('button', { name: 'Switch to lww' }).click();
    await expect.poll(() => [here.mode, there.mode], { timeout: 30_000 }).toEqual(['lww', 'lww']);
  });

  test('of conflicts have the newest 100 since the page was opened, whatever it showed', async () => {
    const { node, address } = await served();
    const other = await served({ id: 'two', peers: [String(node.address)] });
    const here = node.table('rules', { key: 'string', value: 'string' });
    const there = other.node.table('rules', { key: 'string', value: 'string' });
    here.set('first', 'row');
    await expect.poll(() => there.size).toBe(1);
    const page = await open(address, 'cluster');
    await untilHearing(page);
    await page.getByText('Nothing is wrong').waitFor();
    const meet = (key: string): void => {
      here.set(key, 'ours');
      there.set(key, 'theirs');
    };
    meet('rule');
    await page.getByText('Table rules has diverged').waitFor();
    await page.goto(`${address}/#/conflicts/rules`);
    const told = page.getByRole('region', { name: 'Conflicts, as they happen' }).getByRole('listitem');
    await expect.poll(() => told.allInnerTexts(), { timeout: 30_000 }).toHaveLength(1);
    await page.goto(`${address}/#/health`);
    await page.getByText('peer-connected').waitFor();
    for (let at = 0; at < 120; at++) meet(`rule ${at}`);
    await expect.poll(() => here.get('rule 119')).toBe('theirs');
    await page.goto(`${address}/#/conflicts/rules`);
    await expect.poll(() => told.first().innerText(), { timeout: 30_000 }).toContain('rule 119');
    expect(await told.count()).toBe(100);
  });

  test('of health tell events with what they say, and charts in words', async () => {
    const { node, address } = await served();
    await served({ id: 'two', peers: [String(node.address)] });
    const page = await open(address, 'health');
    await page.getByText('peer-connected').waitFor();
    await page.getByRole('img', { name: /Memory of the process\. Latest: .*MiB/ }).waitFor();
    await page.getByLabel('Show').selectOption('error');
    await page.getByText('No event of this kind').waitFor();
  });

  test.each([
    ['cluster', false],
    ['tables/hosts?key=%2210.0.0.1%22', false],
    ['tables/hosts?new=', true],
    ['time', true],
    ['conflicts/hosts', false],
    ['health', true],
  ])('are found without fault by axe: %s, dark %s', async (place, dark) => {
    const { node, address } = await served();
    node.table('hosts', { key: 'addr', value: 'count' }).set('10.0.0.1', 1);
    const page = await open(address, place, { dark });
    await forAxe(page);
    expect(await faults(page)).toEqual([]);
  });

  test.each([
    ['Repair …', 'What the repair will write', false],
    ['Repair …', 'What the repair will write', true],
    ['Switch the mode …', 'Switch the mode of hosts', false],
    ['Switch the mode …', 'Switch the mode of hosts', true],
  ])('are found without fault by axe while a dialog is open: %s, %s, dark %s', async (button, name, dark) => {
    const { node, address } = await served();
    const other = await served({ id: 'two', peers: [String(node.address)] });
    const [here, there] = [node, other.node].map((one) =>
      one.table('hosts', { key: 'addr', value: 'count' }),
    );
    here?.set('10.0.0.1', 1);
    await expect.poll(() => there?.size).toBe(1);
    here?.set('10.0.0.2', 1);
    there?.set('10.0.0.2', 2);
    await expect.poll(() => here?.get('10.0.0.2')).toBe(2);
    const page = await open(address, 'conflicts/hosts', { dark });
    await forAxe(page);
    await page.getByRole('button', { name: button }).click();
    if (button === 'Repair …') await page.getByRole('radio', { name: /^two/ }).check();
    await page.getByRole('dialog').getByText(name).first().waitFor();
    expect(await faults(page)).toEqual([]);
  });

  test.each([400, 1000, 2000])('fit a window %i pixels wide', async (width) => {
    const { node, address } = await served();
    node.table('a_table_with_a_name_that_is_rather_long_for_a_column', {
      key: ['addr', 'port'],
      value: 'string',
    });
    const page = await open(address, 'cluster', { width });
    for (const view of ['cluster', 'tables', 'time', 'conflicts', 'health']) {
      await page.goto(`${address}/#/${view}`);
      await page.locator('main h1').first().waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    }
  });
});
