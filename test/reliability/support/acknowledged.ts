import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Key,
  type Value,
  createBackup,
  openLogFile,
  openNode,
  verifyFiles,
} from '../../../src/index.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

/** What happens while a command is at work. */
export type Trouble = 'none' | 'full' | 'gone' | 'killed';

/** What came of a campaign. */
export interface AcknowledgementReport {
  cases: number;
  /** Commands that ended with 0, and those that did not. */
  succeeded: number;
  refused: number;
  /** What was said to have happened and had not, or the other way about. */
  readonly problems: string[];
}

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

interface Rows {
  readonly rows: ReadonlyMap<Key, Value>;
  readonly members: ReadonlyMap<Key, Value>;
}

/** A command that writes through a running node, and whether what it wrote is there. */
interface Write {
  readonly name: string;
  readonly words: readonly string[];
  readonly stands: (there: Rows) => boolean;
}

/** Rows of the node before each case, and of the file that is imported. */
const KEPT = 200;
const IMPORTED = 3000;
const FIRST_IMPORTED = 1_000_000;
/** Longer than the file has room for, under the limit below. */
const FILLING = 12_000;
/** In units of the shell, 512 bytes or a kilobyte: no file becomes longer. */
const LIMIT = 'ulimit -f 1024';
const SLOWEST_KILL_MS = 1500;

/** Runs every command of the command line into trouble, and compares what it said with what is there afterwards. */
export class Acknowledged {
  readonly #program: string;
  readonly #place: string;
  readonly #random: SeededRandom;
  readonly #report: AcknowledgementReport = { cases: 0, succeeded: 0, refused: 0, problems: [] };
  readonly #children = new Set<ChildProcess>();

  /** `program` is the built command line, `place` an empty directory. */
  constructor(program: string, place: string, seed: number) {
    this.#program = program;
    this.#place = place;
    this.#random = new SeededRandom(seed);
  }

  /** Each command in each trouble, so many times. */
  async run(rounds: number): Promise<AcknowledgementReport> {
    try {
      await this.#prepare();
      for (let round = 0; round < rounds; round++) {
        for (const write of this.#writes()) {
          for (const trouble of ['none', 'full', 'gone', 'killed'] as const)
            await this.#write(write, trouble);
        }
        for (const trouble of ['none', 'full', 'killed'] as const) {
          await this.#importOffline(trouble);
          await this.#export(trouble);
          await this.#directory('backup', trouble);
          await this.#directory('restore', trouble);
        }
        await this.#unread();
      }
    } finally {
      for (const child of this.#children) child.kill('SIGKILL');
    }
    return this.#report;
  }

  async #prepare(): Promise<void> {
    const node = await openNode({ id: 'n', directory: join(this.#place, 'kept') });
    const table = node.table('rows', { key: 'count', value: 'string', backend: 'sqlite' });
    const members = node.table('members', { key: 'count', backend: 'sqlite' });
    for (let key = 1; key <= KEPT; key++) table.set(key, `kept ${key}`);
    members.add(1);
    await node.close();
    const file = databaseIn(join(this.#place, 'kept'));
    await createBackup({ file, target: join(this.#place, 'good') });
    this.#rowsFile('rows.jsonl', IMPORTED, 40);
    this.#rowsFile('filling.jsonl', FILLING, 200);
  }

  #rowsFile(name: string, count: number, length: number): void {
    const lines = Array.from({ length: count }, (_, index) => {
      return JSON.stringify({ key: FIRST_IMPORTED + index, value: 'y'.repeat(length) });
    });
    writeFileSync(join(this.#place, name), `${lines.join('\n')}\n`);
  }

  #writes(): readonly Write[] {
    return [
      { name: 'set', words: ['set', 'rows', '900', 'late'], stands: ({ rows }) => rows.get(900) === 'late' },
      { name: 'add', words: ['add', 'members', '900'], stands: ({ members }) => members.has(900) },
      { name: 'delete', words: ['delete', 'rows', '1'], stands: ({ rows }) => !rows.has(1) },
      {
        name: 'import',
        words: ['import', 'rows', join(this.#place, 'rows.jsonl')],
        stands: ({ rows }) => importedIn(rows) === IMPORTED,
      },
    ];
  }

  /** A command against a running node, which is then killed. */
  async #write({ name, words, stands }: Write, trouble: Trouble): Promise<void> {
    const directory = this.#fresh();
    const node = await this.#node(directory, trouble === 'full' ? LIMIT : 'true');
    const peer = ['--peer', node.address];
    if (trouble === 'full') {
      const filled = await this.#command(['import', 'rows', join(this.#place, 'filling.jsonl'), ...peer]);
      if (filled.code === 0) this.#problem('filling', trouble, 'ended with 0 although there was no room');
    }
    if (trouble === 'gone') rmSync(databaseIn(directory));
    const running = this.#start([...words, ...peer]);
    const ended = endOf(running);
    if (trouble === 'killed') await Promise.race([this.#sometime(), ended]);
    if (trouble === 'killed') node.process.kill('SIGKILL');
    const { code, stderr } = await ended;
    node.process.kill('SIGKILL');
    await node.ended;
    this.#count(code);
    const there = await rowsIn(directory);
    if (code === 0 && !stands(there)) this.#problem(name, trouble, 'ended with 0, and it is not there');
    if (code !== 0 && trouble === 'none') this.#problem(name, trouble, `ended with ${code}: ${stderr}`);
    const said = standingIn(stderr);
    const standing = importedIn(there.rows);
    if (name === 'import' && said > standing)
      this.#problem(name, trouble, `${said} rows stand, it said; ${standing} do`);
  }

  async #importOffline(trouble: Trouble): Promise<void> {
    const directory = this.#fresh();
    const file = join(this.#place, trouble === 'full' ? 'filling.jsonl' : 'rows.jsonl');
    const rows = trouble === 'full' ? FILLING : IMPORTED;
    const words = ['import', 'rows', file, '--directory', directory, '--id', 'n'];
    const { code, stderr } = await this.#troubled(words, trouble);
    const standing = importedIn((await rowsIn(directory)).rows);
    if (code === 0 && standing !== rows)
      this.#problem('import --directory', trouble, `0, and ${standing} of ${rows} stand`);
    if (code === 0 && trouble === 'full')
      this.#problem('import --directory', trouble, 'ended with 0 without room');
    const said = standingIn(stderr);
    if (said > standing)
      this.#problem('import --directory', trouble, `${said} rows stand, it said; ${standing} do`);
  }

  async #export(trouble: Trouble): Promise<void> {
    const place = this.#empty('export');
    const output = join(place, 'rows.csv');
    writeFileSync(output, 'before\n');
    const file = databaseIn(join(this.#place, 'kept'));
    // The rows are some kilobytes: less room than that.
    const words = ['export', 'rows', '--file', file, '--output', output];
    const { code } = await this.#troubled(words, trouble, 'ulimit -f 2');
    const content = readFileSync(output, 'utf8');
    const whole = content.split('\n').length === KEPT + 2;
    if (code === 0 && !whole) this.#problem('export', trouble, 'ended with 0 and not all of it is there');
    if (!whole && content !== 'before\n') this.#problem('export', trouble, 'left half of a file');
    if (trouble !== 'killed' && readdirSync(place).length !== 1)
      this.#problem('export', trouble, 'left another file');
  }

  /** A command that makes a directory: all of it, or none. */
  async #directory(name: 'backup' | 'restore', trouble: Trouble): Promise<void> {
    const place = this.#empty(name);
    const target = join(place, 'target');
    const words =
      name === 'backup'
        ? ['backup', target, '--file', databaseIn(join(this.#place, 'kept'))]
        : ['restore', join(this.#place, 'good'), '--directory', target];
    const { code } = await this.#troubled(words, trouble, 'ulimit -f 16');
    const made = existsSync(target);
    if (code === 0 && !made) this.#problem(name, trouble, 'ended with 0 and made nothing');
    if (code !== 0 && code !== null && made)
      this.#problem(name, trouble, `ended with ${code} and left something`);
    if (code === 0 && trouble === 'full') this.#problem(name, trouble, 'ended with 0 without room');
    if (!made) return;
    const { damages } = await verifyFiles(target);
    if (damages.length > 0) this.#problem(name, trouble, `left damage: ${damages[0]?.problem}`);
  }

  /** What is printed has been printed, or the command says that it has not. */
  async #unread(): Promise<void> {
    const kept = join(this.#place, 'kept');
    const node = await this.#node(this.#fresh(), 'true');
    const peer = ['--peer', node.address];
    const file = ['--file', databaseIn(kept)];
    const prints = [
      ['get', 'rows', '2', ...peer],
      ['set', 'rows', '2', 'x', '--json', ...peer],
      ['add', 'members', '2', '--json', ...peer],
      ['delete', 'rows', '2', '--json', ...peer],
      ['import', 'rows', join(this.#place, 'rows.jsonl'), '--json', ...peer],
      ['keys', 'rows', ...peer],
      ['status', ...peer],
      ['tail', 'rows', '--rows', '--count', '0', ...peer],
      ['export', 'rows', ...file],
      ['log', ...file],
      ['replay', ...file],
      ['verify', kept],
      ['backup', join(this.#empty('printed'), 'backup'), ...file],
      ['restore', join(this.#place, 'good'), '--directory', join(this.#empty('printed'), 'restored')],
      ['compare', '--rows', '20', '--json'],
      ['run', '--check-config', '--id', 'n'],
    ];
    for (const words of prints) {
      const { code } = await endOf(this.#start(words, 'exec > /dev/full'));
      this.#count(code);
      if (code !== 4)
        this.#problem(words[0] ?? '', 'none', `ended with ${code} although nothing could be printed`);
    }
    node.process.kill('SIGKILL');
    await node.ended;
  }

  /** A command without a node, in trouble of its own. */
  async #troubled(words: readonly string[], trouble: Trouble, limit = LIMIT): Promise<Ended> {
    const running = this.#start(words, trouble === 'full' ? limit : 'true');
    const ended = endOf(running);
    if (trouble === 'killed') {
      await Promise.race([this.#sometime(), ended]);
      running.kill('SIGKILL');
    }
    const result = await ended;
    this.#count(result.code);
    if (result.code !== 0 && trouble === 'none')
      this.#problem(words[0] ?? '', trouble, `ended with ${result.code}: ${result.stderr}`);
    return result;
  }

  async #node(directory: string, shell: string) {
    const tables = ['rows key=count value=string backend=sqlite', 'members key=count backend=sqlite'];
    const words = ['run', '--id', 'n', '--directory', directory, '--listen', '0', '--json'];
    const child = this.#start([...words, ...tables.flatMap((table) => ['--table', table])], shell);
    const ended = endOf(child);
    const address = await new Promise<string>((resolve, reject) => {
      let text = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
        const found = /"address":"(ws:[^"]+)"/.exec(text)?.[1];
        if (found !== undefined) resolve(found);
      });
      void ended.then(({ code, stderr }) => reject(new Error(`the node ended with ${code}: ${stderr}`)));
    });
    return { process: child, address, ended };
  }

  #command(words: readonly string[]): Promise<Ended> {
    return endOf(this.#start(words));
  }

  /** Starts the command line; the shell does something first and becomes it. */
  #start(words: readonly string[], shell = 'true'): ChildProcess {
    const direct = [process.execPath, this.#program, ...words];
    const child = spawn('sh', ['-c', `${shell}; exec "$@"`, 'sh', ...direct], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], NO_COLOR: '1' },
      cwd: this.#place,
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  #sometime(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, this.#random.next() * SLOWEST_KILL_MS));
  }

  #fresh(): string {
    const directory = this.#empty('data');
    cpSync(join(this.#place, 'kept'), directory, { recursive: true });
    return directory;
  }

  #empty(name: string): string {
    const path = join(this.#place, name);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
    return path;
  }

  #count(code: number | null): void {
    this.#report.cases++;
    if (code === 0) this.#report.succeeded++;
    else this.#report.refused++;
  }

  #problem(command: string, trouble: Trouble, what: string): void {
    this.#report.problems.push(`${command}, ${trouble}: ${what}`);
  }
}

function databaseIn(directory: string): string {
  return join(directory, 'n.tablecast.db');
}

/** What a start would find. */
async function rowsIn(directory: string): Promise<Rows> {
  const file = databaseIn(directory);
  if (!existsSync(file)) return { rows: new Map(), members: new Map() };
  const log = await openLogFile(file);
  try {
    const [rows, members] = [await log.stateAt({ table: 'rows' }), await log.stateAt({ table: 'members' })];
    return { rows, members };
  } finally {
    log.close();
  }
}

function importedIn(rows: ReadonlyMap<Key, Value>): number {
  return Array.from(rows.keys()).filter((key) => Number(key) >= FIRST_IMPORTED).length;
}

/** How many rows a failed import says to stand; none where it says nothing. */
function standingIn(stderr: string): number {
  return Number(/Of \d+ rows written (\d+) stand for certain/.exec(stderr)?.[1] ?? 0);
}

async function endOf(child: ChildProcess): Promise<Ended> {
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  child.stdout?.resume();
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr: stderr.slice(0, 500) };
}
