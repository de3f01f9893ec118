import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { endProcess } from '../../support/end-process.ts';
import { builtCommand } from './built-command.ts';

const main = await builtCommand();

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly process: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Resolves with the first output so far that holds the text; rejects when the command ends without it. */
  printed(text: string): Promise<string>;
}

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  /** What a shell does before it becomes the command, such as `ulimit -f 4096`. */
  readonly shell?: string;
}

/** A directory that goes with the test. */
export function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-cli-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** The words that start the command. */
export function commandLine(args: readonly string[]): readonly string[] {
  return [process.execPath, main, ...args];
}

/** Starts the command in a process of its own, without the variables of this one that it would read. */
export function start(args: readonly string[], { env = {}, cwd, input, shell }: Surroundings = {}): Started {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('TABLECAST_'));
  const direct = commandLine(args);
  const [program, ...words] =
    shell === undefined ? direct : ['sh', '-c', `${shell}; exec "$@"`, 'sh', ...direct];
  const child = spawn(program as string, words, {
    env: { ...Object.fromEntries(inherited), NO_COLOR: '1', ...env },
    cwd: cwd ?? tmpdir(),
  });
  // A command may end without reading all of it.
  child.stdin.on('error', () => undefined).end(input ?? '');
  // Of a test that failed half-way, nothing may stay behind.
  onTestFinished(() => endProcess(child));
  const output = { stdout: '', stderr: '' };
  const waiting = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      for (const look of waiting) look();
    });
  }
  const finished = new Promise<Finished>((resolve) => {
    child.on('close', (code) => resolve({ code, ...output }));
  });
  const printed = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        if (!output.stdout.includes(text) && !output.stderr.includes(text)) return;
        waiting.delete(look);
        resolve(output.stdout);
      };
      waiting.add(look);
      void finished.then((result) => reject(new Error(`ended without "${text}": ${JSON.stringify(result)}`)));
      look();
    });
  return { process: child, finished, printed };
}

/** Runs the command to its end. */
export function run(args: readonly string[], surroundings?: Surroundings): Promise<Finished> {
  return start(args, surroundings).finished;
}

export interface RunningNode extends Started {
  readonly address: string;
}

/** Starts `tablecast run` on a free port and waits until it listens; it is killed when the test ends. */
export async function startNode(args: readonly string[], surroundings?: Surroundings): Promise<RunningNode> {
  const node = start(['run', '--listen', '0', '--json', ...args], surroundings);
  const printed = await node.printed('"code":"started"');
  const line = printed.split('\n').find((text) => text.includes('"code":"started"')) ?? '{}';
  const { details } = JSON.parse(line) as { details: { address: string } };
  return { ...node, address: details.address };
}
