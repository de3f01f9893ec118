// npm run campaign:followed-log -- --seconds 90 --seed 1
// A log grows, is rotated, packed and cut, while `tablecast import --follow` is killed and started again: in the end
// every row is in the table. One rotation at a time while nothing follows: of two, the log between is not read, as told.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { SeededRandom } from '../../src/simulation/seeded-random.ts';
import { temporaryDirectory } from '../../test/backends/support/places.ts';
import { builtCommand } from '../../test/cli/support/built-command.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '90' }, seed: { type: 'string', default: '1' } },
});
const main = await builtCommand();
const scratch = temporaryDirectory();
const at = (name: string): string => join(scratch.path, name);
const log = at('hosts.log');
const base = ['--directory', scratch.path, '--id', 'sensor'];
const declare = ['--declare', 'key=addr value=count', '--key', 'host', '--value', 'n'];
const words = ['import', 'hosts', log, '--follow', '--place', at('place'), ...base, ...declare];
const random = new SeededRandom(Number(values.seed));
const upTo = (most: number): number => random.between(0, most - 1);
const placeSchema = v.object({ inode: v.string(), offset: v.number() });

const done = { rows: 0, kills: 0, stops: 0, rotations: 0, packed: 0, cuts: 0 };
let told = '';
let generation = 0;
let child: ChildProcess | undefined;

function begin(): void {
  const header = `#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\thosts\n#open\t${generation++}\n`;
  writeFileSync(log, `${header}#fields\thost\tn\n#types\taddr\tcount\n`);
}

function write(path: string, count: number): void {
  const rows = Array.from({ length: count }, () => {
    const n = done.rows++;
    return `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}\t${n}\n`;
  });
  appendFileSync(path, rows.join(''));
}

function place(): v.InferOutput<typeof placeSchema> | undefined {
  try {
    return v.parse(placeSchema, JSON.parse(readFileSync(at('place'), 'utf8')));
  } catch {
    return undefined;
  }
}

const isInLog = (): boolean => place()?.inode === String(statSync(log, { bigint: true }).ino);

/** Waits until all that was written is in the table. */
async function caughtUp(): Promise<void> {
  write(log, 1);
  const deadline = Date.now() + 60_000;
  while (!isInLog() || place()?.offset !== statSync(log).size) {
    if (Date.now() > deadline) throw new Error(`it does not follow: ${told}`);
    await sleep(20);
  }
}

async function follow(): Promise<void> {
  child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (told += text));
  await caughtUp();
}

async function end(signal: NodeJS.Signals): Promise<void> {
  if (child === undefined) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
  child = undefined;
}

function rotate(): void {
  const name = at(`hosts-${String(generation).padStart(5, '0')}.log`);
  renameSync(log, name);
  write(name, upTo(20));
  begin();
  done.rotations++;
  if (upTo(2) === 0) return;
  execFileSync('gzip', [name]);
  done.packed++;
}

async function step(): Promise<void> {
  write(log, upTo(200));
  await sleep(upTo(60));
  // Where the place is not in this log yet, it was rotated already.
  if (upTo(15) === 0 && isInLog()) rotate();
  if (child === undefined) {
    if (upTo(10) === 0) await follow();
    return;
  }
  const what = upTo(120);
  if (what === 0) {
    await caughtUp();
    begin();
    done.cuts++;
  } else if (what < 4) {
    const isKilled = upTo(2) === 0;
    await end(isKilled ? 'SIGKILL' : 'SIGTERM');
    done[isKilled ? 'kills' : 'stops']++;
  }
}

try {
  begin();
  await follow();
  const until = Date.now() + Number(values.seconds) * 1000;
  while (Date.now() < until) await step();
  if (child === undefined) await follow();
  await caughtUp();
  await end('SIGTERM');
  const exported = execFileSync(process.execPath, [main, 'export', 'hosts', ...base], { maxBuffer: 2 ** 28 });
  const have = new Set(exported.toString().trim().split('\n').slice(1));
  const missing = done.rows - have.size;
  console.log(`${JSON.stringify(done)}: ${missing} rows missing`);
  if (missing !== 0 || /may have been written|is gone/.test(told)) {
    console.log(told);
    process.exitCode = 1;
  }
} finally {
  child?.kill('SIGKILL');
  scratch.remove();
}
