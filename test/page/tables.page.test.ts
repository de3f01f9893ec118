import { expect, test } from 'vitest';
import { describePage } from './support/browser.ts';
import { served } from './support/nodes.ts';

/** Text that would do harm wherever it was taken for something else than text. */
const HOSTILE = [
  '<img src=x onerror="document.title=1">',
  '"><script>document.title=1</script>',
  "javascript:document.title='1'",
  '{{constructor.constructor("document.title=1")()}}',
  '\u202Egnp.exe',
  'a\u0000b\r\nc',
  'x'.repeat(1000),
  '../../v1/tables',
  '?key=1&key=2#/health',
];

describePage('tables', (open) => {
  test('are listed with their rows, who wrote each and when, and show what is written meanwhile', async () => {
    const { node, address } = await served();
    const hosts = node.table('hosts', { key: 'addr', value: 'count' });
    hosts.set('10.0.0.1', 7);
    const page = await open(address, 'tables/hosts');
    const row = page.getByRole('row', { name: /10\.0\.0\.1/ });
    await row.waitFor();
    expect(await row.innerText()).toMatch(/10\.0\.0\.1\s+7\s+one\s+\d\d:\d\d:\d\d/);
    hosts.set('10.0.0.2', 12);
    await page.getByRole('row', { name: /10\.0\.0\.2/ }).waitFor();
    await page.getByText('2 rows, as of position').waitFor();
  });

  test('are sorted by a column, up and down and as before, and searched', async () => {
    const { node, address } = await served();
    const hosts = node.table('hosts', { key: 'string', value: 'count' });
    for (const [key, value] of [
      ['b', 2],
      ['c', 1],
      ['a', 3],
    ] as const)
      hosts.set(key, value);
    const page = await open(address, 'tables/hosts');
    const keys = page.locator('.grid-body .grid-row .cell:first-child');
    const shows = (expected: string): Promise<void> =>
      expect.poll(async () => (await keys.allInnerTexts()).join(''), { timeout: 30_000 }).toBe(expected);
    await shows('bca');
    await page.getByRole('button', { name: /value/ }).click();
    await shows('cba');
    await page.getByRole('button', { name: /value/ }).click();
    await shows('abc');
    await page.getByRole('button', { name: /value/ }).click();
    await shows('bca');
    await page.getByRole('searchbox').fill('A');
    await shows('a');
    await page.getByRole('searchbox').fill('nothing like it');
    await page.getByText('No key or value contains “nothing like it”').waitFor();
  });

  test('are written: a new row, a changed one and one that is removed, each with its life', async () => {
    const { node, address } = await served();
    const ports = node.table('ports', { key: ['addr', 'port'], value: { type: 'count', as: 'exact' } });
    const page = await open(address, 'tables/ports');
    await page.getByText('This table has no rows').waitFor();
    await page.getByRole('link', { name: 'New row' }).click();
    await page.getByLabel('Key 1 (addr)').fill('10.0.0.1');
    await page.getByLabel('Key 2 (port)').fill('53/udp');
    await page.getByLabel('Value (count)').fill('-1');
    await page.getByRole('button', { name: 'Write the row' }).click();
    await page.getByText('A value of type count is a whole number from 0 on').waitFor();
    await page.getByLabel('Value (count)').fill('18446744073709551615');
    await page.getByRole('button', { name: 'Write the row' }).click();
    await page.getByText('Life of this row').waitFor();
    expect(ports.get(['10.0.0.1', '53/udp'])).toBe(18_446_744_073_709_551_615n);
    await page.getByLabel('Value (count)').fill('5');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('.life-entry').nth(1).waitFor();
    expect(ports.get(['10.0.0.1', '53/udp'])).toBe(5);
    const newest = (): Promise<string> => page.locator('.life-entry').first().innerText();
    await expect.poll(newest).toMatch(/changed[\s\S]*18446744073709551615[\s\S]*→[\s\S]*5/);
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByText('There is no row under this key at present').waitFor();
    expect(ports.size).toBe(0);
    await expect.poll(newest).toMatch(/removed[\s\S]*5[\s\S]*no row/);
  });

  test('are not written over what somebody else has written since', async () => {
    const { node, address } = await served();
    const hosts = node.table('hosts', { key: 'string', value: 'string' });
    hosts.set('a', 'mine');
    const page = await open(address, `tables/hosts?key=${encodeURIComponent('"a"')}`);
    await page.getByLabel('Value (string)').fill('over it');
    hosts.set('a', 'theirs');
    await page.getByText('The row was written by somebody else since you began').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('ROW_DIFFERS').waitFor();
    expect(hosts.get('a')).toBe('theirs');
    await page.getByRole('button', { name: 'Begin from the new row' }).click();
    await expect.poll(() => page.getByLabel('Value (string)').inputValue()).toBe('theirs');
  });

  test('show hostile text as text, in keys, values and names', async () => {
    const { node, address } = await served();
    const name = 'hostile';
    const hostile = node.table(name, { key: 'string', value: 'string' });
    for (const text of HOSTILE) hostile.set(text, text);
    const page = await open(address, 'tables');
    await page.getByRole('heading', { name }).waitFor();
    await page.getByText(`${HOSTILE.length} rows`).waitFor();
    for (let row = 0; row < HOSTILE.length; row++) {
      await page.locator(`#row-${row}`).click();
      await page.locator('.row-life .life-entry').waitFor();
      await page.getByRole('link', { name: 'Close the row' }).click();
    }
    expect(await page.locator('.grid img, .grid script, .grid b, .table-title b').count()).toBe(0);
    expect(await page.title()).toBe('Tables · one');
    const shown = await page.locator('.grid-body').innerText();
    expect(shown).toContain('⟨U+202E⟩gnp.exe');
    expect(shown).toContain('a⟨U+0000⟩b⟨U+000D⟩⟨U+000A⟩c');
  });

  test('are walked through with keys alone', async () => {
    const { node, address } = await served();
    const hosts = node.table('hosts', { key: 'count', value: 'count' });
    for (let key = 0; key < 500; key++) hosts.set(key, key);
    const page = await open(address, 'tables/hosts');
    await page.getByText('500 rows').waitFor();
    await page.getByRole('grid').focus();
    await page.keyboard.press('End');
    await page.locator('#row-499').waitFor();
    await page.keyboard.press('ArrowUp');
    await page.locator('#row-498.active').waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: '498' }).waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.locator('.row-life').count()).toBe(0);
  });
});
