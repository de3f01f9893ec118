/** Every example on the pages of errors, events, recipes and guides is run, and comes to what its page says. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { NODE_EVENT_CODES } from '../../src/index.ts';
import { faultsOf } from '../support/type-check.ts';
import { cleanUp as forgetNodes } from '../zeek/support.ts';
import { isAsSaid } from './as-said.ts';
import { cleanUp, programsOf, run } from './page-program.ts';
import { PRODUCERS } from './told.ts';

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));
const FOLDERS = ['errors', 'events', 'recipes', 'guides'].filter((folder) => existsSync(docs + folder));

const pages = FOLDERS.flatMap((folder) =>
  readdirSync(path.join(docs, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join(folder, name)),
);
const SHOWN_TO_COPY = /^(?:recipes|guides)\b/;
const read = (page: string): string => readFileSync(path.join(docs, page), 'utf8');

afterAll(cleanUp);
afterEach(forgetNodes);

describe.each(pages.filter((page) => programsOf(read(page)).length > 0))('%s', (page) => {
  it.each(programsOf(read(page)).map((program, index) => [index + 1, program] as const))(
    'program %d prints what the page says',
    async (_, program) => {
      const printed = await run(program);
      expect(isAsSaid(program.says ?? '', printed), printed).toBe(true);
    },
  );
});

it('what is shown to be copied passes the type checker as strictly as the sources', () => {
  const programs = pages.filter((page) => SHOWN_TO_COPY.test(page)).flatMap((page) => programsOf(read(page)));
  expect(programs.length).toBeGreaterThan(15);
  expect(faultsOf(programs.map(({ code }) => code))).toEqual([]);
});

describe('an event that no short program brings about', () => {
  const without = NODE_EVENT_CODES.filter((code) => programsOf(read(`events/${code}.md`)).length === 0);

  it.each(without)('%s is told as its page shows it', async (code) => {
    const [, says = ''] = /^```text\n([\s\S]*?)\n```$/m.exec(read(`events/${code}.md`)) ?? [];
    const event = (await PRODUCERS[code]?.())?.find((one) => one.code === code);
    expect(event).toBeDefined();
    const printed = `${event?.severity} ${event?.message}`;
    expect(isAsSaid(says, printed), printed).toBe(true);
  });
});

describe('what a page says is printed', () => {
  it('has to be all of it, with … for what is another at each run, within a line', () => {
    expect(isAsSaid('port … is taken', 'port 4711 is taken')).toBe(true);
    expect(isAsSaid('port … is taken', 'port 4711 is taken\nand more')).toBe(false);
    expect(isAsSaid('a … b', 'a 1\n2 b')).toBe(false);
    expect(isAsSaid('(1 + 1)', '(1 + 1)')).toBe(true);
    expect(isAsSaid('', 'anything')).toBe(false);
  });
});
