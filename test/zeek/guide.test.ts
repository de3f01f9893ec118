/** The guide for those who come from `&backend` is done as it stands, against the stand-in or a real Zeek. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { afterEach, expect, test, vi } from 'vitest';
import { commandLine, type Started, start, temporary } from '../cli/support/command.ts';
import { isAsSaid } from '../pages/as-said.ts';
import { freePort } from '../support/free-port.ts';
import { GuideZeek, StandInOfGuide, type ZeekOfGuide } from './guide-zeek.ts';
import { cleanUp, later, sorted, until } from './support.ts';

const binary = process.env['ZEEK_BINARY'];
const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(root, 'docs/guides/zeek-in-ten-minutes.md'), 'utf8');

vi.setConfig({ testTimeout: 120_000 });
afterEach(cleanUp);

/** A block of the page: its language, the file that it is, its text. */
interface Block {
  readonly language: string;
  readonly file: string | undefined;
  readonly text: string;
}

const steps = page.slice(page.indexOf('## 1.'));
const blocks = Array.from(
  steps.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm),
  ([, language = '', file, text = '']): Block => ({ language, file, text: text.trimEnd() }),
);

/** The old store of the page, in Broker's binary form: an address is 16 bytes behind a 6, a text its length behind a 5. */
function makeOldStore(folder: string): void {
  mkdirSync(folder);
  const database = new Database(join(folder, '___sync_store_Site::blocked.sqlite'));
  database.exec('CREATE TABLE meta(key text primary key, value text)');
  database.exec('CREATE TABLE store(key blob primary key, value blob, expiry integer)');
  for (const [at, why] of ['a botnet', 'a worm'].entries()) {
    const address = [6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, at + 1];
    const text = [5, why.length, ...Buffer.from(why)];
    database.prepare('INSERT INTO store VALUES (?, ?, NULL)').run(Buffer.from(address), Buffer.from(text));
  }
  database.close();
}

/** Does what the page says, one block after the other. */
class Reader {
  readonly folder: string = temporary();
  readonly ports: ReadonlyMap<string, number>;
  readonly #zeek: ZeekOfGuide;
  readonly #env: Readonly<Record<string, string>>;
  #printed = '';
  #running: Started | undefined;

  constructor(zeek: ZeekOfGuide, ports: ReadonlyMap<string, number>) {
    this.#zeek = zeek;
    this.ports = ports;
    const bin = join(this.folder, 'bin');
    mkdirSync(bin);
    const tablecast = join(bin, 'tablecast');
    writeFileSync(tablecast, `#!/bin/sh\nexec ${commandLine([]).join(' ')} "$@"\n`);
    chmodSync(tablecast, 0o755);
    this.#env = {
      PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
      TABLECAST: root,
      TABLECAST_PEER: `ws://127.0.0.1:${ports.get('47760') ?? 0}/tablecast`,
      NO_COLOR: '1',
    };
    makeOldStore(join(this.folder, 'stores'));
  }

  async read({ language, file, text }: Block): Promise<void> {
    if (file !== undefined) writeFileSync(join(this.folder, file), this.#withPorts(text));
    else if (language === 'sh') this.#printed = await this.#run(text);
    else if (language === 'text') await this.#compare(text);
    else throw new Error(`nobody does ${language}`);
  }

  #withPorts(text: string): string {
    return [...this.ports].reduce((all, [from, to]) => all.replaceAll(from, String(to)), text);
  }

  async #run(line: string): Promise<string> {
    if (line === 'zeek site.zeek &') return this.#zeek.start(this.folder).then(() => '');
    if (line.startsWith('zeek '))
      return this.#zeek.check(this.folder, line.split(' ').slice(1)).then(() => '');
    if (!line.endsWith(' &')) return this.#shell(line);
    const [, ...words] = line.slice(0, -2).split(' ');
    this.#running = start(words, { cwd: this.folder });
    return '';
  }

  #shell(line: string): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile('sh', ['-c', line], { cwd: this.folder, env: this.#env }, (error, stdout, stderr) => {
        if (error === null) resolve(`${stdout}${stderr}`.trimEnd());
        else reject(new Error(`${line}: ${stderr}`, { cause: error }));
      });
    });
  }

  async #compare(said: string): Promise<void> {
    if (this.#running === undefined || this.#printed !== '') {
      if (!isAsSaid(said, this.#printed))
        throw new Error(`the page says ${said}, printed is ${this.#printed}`);
      return;
    }
    // Of what runs on, the lines come in their time.
    for (const line of said.split('\n')) await this.#running.printed(line.replaceAll('…', '').trim());
  }
}

test('the guide is done as it stands, and Zeek has the old rows and the new one, also when it starts anew', async () => {
  const zeek: ZeekOfGuide = binary === undefined ? await StandInOfGuide.of(page) : await GuideZeek.of(binary);
  later(() => zeek.stop());
  const ports = new Map([
    ['27759', zeek.port],
    ['47760', await freePort()],
  ]);
  const reader = new Reader(zeek, ports);
  const seen: unknown[] = [];
  const holds = async (rows: readonly (readonly [string, string])[]) => {
    await until(
      async () => JSON.stringify(sorted(await zeek.rows())) === JSON.stringify(rows),
      'Zeek to have them',
    );
    seen.push(rows.length);
  };
  const old = [
    ['10.0.0.1', 'a botnet'],
    ['10.0.0.2', 'a worm'],
  ] as const;
  const all = [...old, ['10.0.0.9', 'a scanner']] as const;
  for (const block of blocks) {
    await reader.read(block);
    if (block.text.includes('zeek-refilled')) await holds(old);
    if (block.text.startsWith('tablecast set')) await holds(all);
  }
  await holds(all);
  expect([seen, zeek.starts]).toEqual([[2, 3, 3], 2]);
});
