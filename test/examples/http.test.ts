import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type TableNode, openNode } from 'tablecast';
import { afterEach, expect, test } from 'vitest';

const example = (name: string): string =>
  fileURLToPath(new URL(`../../examples/http/${name}`, import.meta.url));

function isThere(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

/** Runs a program, and resolves with its output once it has printed so many lines. */
class Running {
  readonly #child: ChildProcess;
  readonly lines: string[] = [];
  /** Resolves with the exit code. */
  readonly over: Promise<unknown>;
  #rest = '';
  #look: () => void = () => undefined;
  #ended = false;

  constructor(program: string, args: readonly string[]) {
    this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    endings.push(() => this.end());
    this.over = new Promise((resolve) => {
      this.#child.once('close', (code) => {
        this.#ended = true;
        this.#look();
        resolve(code);
      });
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (this.#rest + text).split('\n');
      this.#rest = parts.pop() ?? '';
      this.lines.push(...parts);
      this.#look();
    });
  }

  end(): Promise<unknown> {
    this.#child.kill('SIGKILL');
    return this.over;
  }

  async printed(count: number): Promise<readonly string[]> {
    while (this.lines.length < count) {
      if (this.#ended) throw new Error(`It ended after ${this.lines.join(' | ')}`);
      await new Promise<void>((resolve) => (this.#look = resolve));
    }
    return this.lines;
  }
}

async function open(directory: string, port: number): Promise<TableNode> {
  const node = await openNode({ id: 'one', directory, http: { port } });
  node.table('known_hosts', { key: 'addr', value: 'count', backend: 'sqlite' });
  endings.push(() => node.close());
  return node;
}

function hostsOf(node: TableNode): { set(key: string, value: number): unknown } {
  return node.table('known_hosts', { key: 'addr', value: 'count', backend: 'sqlite' });
}

// In CI both programs are there: their absence is a failure.
const isNeeded = process.env['CI'] !== undefined;

test.runIf(isNeeded || isThere('python3'))(
  'ten lines of Python follow a table over a restart of the node',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tablecast-python-'));
    endings.push(() => rmSync(directory, { recursive: true, force: true }));
    const first = await open(directory, 0);
    const { port } = new URL(first.httpAddress ?? '');
    hostsOf(first).set('10.0.0.1', 1);
    const program = new Running('python3', [example('follow.py'), first.httpAddress ?? '', 'known_hosts']);
    await program.printed(1);
    hostsOf(first).set('10.0.0.2', 2);
    await program.printed(2);
    await first.close();
    const second = await open(directory, Number(port));
    hostsOf(second).set('10.0.0.3', 3);
    await program.printed(3);
    const told = program.lines.map(
      (line) => JSON.parse(line) as { position: number; key: string; value: number },
    );
    expect(told.map(({ position, key, value }) => [position, key, value])).toEqual([
      [1, '10.0.0.1', 1],
      [2, '10.0.0.2', 2],
      [3, '10.0.0.3', 3],
    ]);
  },
);

test.runIf(isNeeded || isThere('curl'))(
  'a script with curl writes a row, and misses nothing when both sides were killed and started again',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tablecast-curl-'));
    endings.push(() => rmSync(directory, { recursive: true, force: true }));
    const first = await open(directory, 0);
    const { port } = new URL(first.httpAddress ?? '');
    const follow = (value: string): Running =>
      new Running('bash', [
        example('follow.sh'),
        `http://127.0.0.1:${port}`,
        'known_hosts',
        '10.0.0.1',
        value,
        join(directory, 'last-id'),
      ]);
    const script = follow('5');
    const [written = '', told = ''] = await script.printed(2);
    expect(JSON.parse(written)).toMatchObject({ key: '10.0.0.1', value: 5, durable: true });
    expect(JSON.parse(told)).toMatchObject({ position: 1, kind: 'set', key: '10.0.0.1', value: 5 });
    // Once the second is told the id of the first is kept.
    hostsOf(first).set('10.0.0.2', 2);
    await script.printed(3);
    await script.end();
    hostsOf(first).set('10.0.0.3', 3);
    await first.close();
    const second = await open(directory, Number(port));
    hostsOf(second).set('10.0.0.4', 4);
    const again = follow('6');
    await again.printed(4);
    const later = again.lines.slice(1).map((line) => JSON.parse(line) as { key: string; position: number });
    const missed = later.filter(({ position }) => position > 2);
    expect(missed.map(({ key }) => key)).toEqual(
      ['10.0.0.3', '10.0.0.4', '10.0.0.1'].slice(0, missed.length),
    );
    expect(missed.length).toBeGreaterThanOrEqual(2);
  },
);

test.runIf(isNeeded || isThere('curl'))(
  'a script with curl ends when what comes behind its id is gone, and does not ask for ever',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tablecast-curl-'));
    endings.push(() => rmSync(directory, { recursive: true, force: true }));
    const node = await open(directory, 0);
    writeFileSync(join(directory, 'last-id'), '7@gone\n');
    const script = new Running('bash', [
      example('follow.sh'),
      node.httpAddress ?? '',
      'known_hosts',
      '10.0.0.1',
      '5',
      join(directory, 'last-id'),
    ]);
    expect(await script.over).toBe(1);
    expect(script.lines).toHaveLength(1);
  },
);
