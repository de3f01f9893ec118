/** The guide from WebSockets to NATS is done as it stands, there and back, while every node is written to. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { missing } from '../nats/server.ts';
import { isAsSaid } from '../pages/as-said.ts';
import { freePort } from '../support/free-port.ts';
import { GuideShell } from './support/guide-shell.ts';
import { GuideWriter } from './support/guide-writer.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const main = process.env['TABLECAST_MAIN'] ?? join(root, 'dist/cli/main.js');
const page = readFileSync(join(root, 'docs/guides/websockets-to-nats.md'), 'utf8');
const blocks = Array.from(
  page.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm),
  ([, language = '', file, text = '']) => ({ language, file, text: text.trimEnd() }),
);
const HTTP = ['47780', '47781', '47782'];
const NODES = ['hub', 'worker-1', 'worker-2'];

/** A line of a node's log. */
interface Logged {
  readonly table: string;
  readonly origin: string;
  readonly sequence: number;
  readonly key: string;
}

function logged(lines: string): readonly Logged[] {
  return lines.split('\n').map((line) => JSON.parse(line) as Logged);
}

/** Does what the page says, one block after the other. */
class Reader {
  readonly folder = mkdtempSync(join(tmpdir(), 'tablecast-guide-'));
  readonly shell = new GuideShell(this.folder, [process.execPath, main]);
  readonly #ports: ReadonlyMap<string, number>;
  writers: readonly GuideWriter[] = [];
  restarts = 0;
  #look: string | undefined;

  constructor(ports: ReadonlyMap<string, number>) {
    this.#ports = ports;
  }

  async read({ language, file, text }: (typeof blocks)[number]): Promise<void> {
    const said = [...this.#ports].reduce((all, [from, to]) => all.replaceAll(from, String(to)), text);
    if (file !== undefined) writeFileSync(join(this.folder, file), `${said}\n`);
    else if (language === 'text') await this.#compare(said);
    else if (said.startsWith('tablecast peers')) this.#look = said;
    else for (const line of said.split(/(?<=^kill .*)\n/m)) await this.#type(line);
  }

  /** Types lines in. While a node is down, the others go on; once all run, somebody writes at each. */
  async #type(lines: string): Promise<void> {
    await this.shell.run(lines);
    const [, down] = /^kill \$(\w+); wait/m.exec(lines) ?? [];
    if (down !== undefined) {
      this.restarts++;
      await this.exchange((id) => id !== down.toLowerCase().replace('_', '-'));
    }
    if (lines.includes('WORKER_2=$!')) this.#beginToWrite();
  }

  #beginToWrite(): void {
    if (this.writers.length > 0) return;
    const token = readFileSync(join(this.folder, 'cluster.token'), 'utf8').trim();
    this.writers = NODES.map(
      (id, index) => new GuideWriter(id, this.#ports.get(HTTP[index] ?? '') ?? 0, token),
    );
  }

  /** What each of these nodes wrote by now comes to each of them. */
  async exchange(isAmong: (id: string) => boolean): Promise<void> {
    const all = this.writers.filter(({ id }) => isAmong(id));
    await Promise.all(
      all.flatMap((reader) =>
        all.filter(({ written }) => written > 0).map(({ id, written }) => reader.gets(id, written)),
      ),
    );
  }

  /** Looks until what is printed has these lines. */
  async #compare(said: string): Promise<void> {
    for (;;) {
      // It fails where nobody is a peer yet.
      const printed = await this.shell.run(`${this.#look ?? 'false'} || true`);
      const lines = printed.split('\n');
      if (said.split('\n').every((line) => lines.some((one) => isAsSaid(line, one)))) break;
    }
    await this.exchange(() => true);
  }

  end(): void {
    this.shell.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test.skipIf(missing !== undefined)(
  'a cluster moves to NATS and back as the guide says: nothing is lost or comes twice, no read goes back, the others go on',
  async () => {
    const ports = ['4222', '47760', '47761', '47762', ...HTTP];
    const reader = new Reader(
      new Map(await Promise.all(ports.map(async (name) => [name, await freePort()] as const))),
    );
    onTestFinished(() => reader.end());
    for (const block of blocks) await reader.read(block);
    const { writers, shell } = reader;
    await Promise.all(writers.map((writer) => writer.stop()));
    await reader.exchange(() => true);
    const counts = Object.fromEntries(writers.map(({ id, written }) => [id, written]));
    for (const writer of writers) await expect.poll(() => writer.counts()).toEqual(counts);
    expect(writers.flatMap(({ wrong }) => wrong)).toEqual([]);
    expect(reader.restarts).toBe(10);
    await shell.run('kill $HUB $WORKER_1 $WORKER_2; wait $HUB && wait $WORKER_1 && wait $WORKER_2');
    const logs: (readonly Logged[])[] = [];
    for (const id of NODES)
      logs.push(logged(await shell.run(`tablecast log --json --file data/${id}.tablecast.db`)));
    const names = logs.map((log) =>
      log.map(({ table, origin, sequence }) => `${table} ${origin} ${sequence}`).toSorted(),
    );
    for (const each of names) expect(each).toEqual([...new Set(names[0])]);
    const keys = (logs[0] ?? []).filter(({ table }) => table === 'seen').map(({ key }) => key);
    expect(keys).toHaveLength(new Set(keys).size);
  },
  900_000,
);
