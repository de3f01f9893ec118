import { execFileSync } from 'node:child_process';
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('disk-shim.c', import.meta.url));

/** What a test says when the shim cannot be had. */
export const NO_SHIM = 'needs Linux and a C compiler, to see the disk calls of a process';

/** Compiles the shim into a directory; undefined where there is no C compiler or no LD_PRELOAD. */
export function buildShim(directory: string): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const library = join(directory, 'disk-shim.so');
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl', '-lpthread'], {
      stdio: 'ignore',
    });
    return library;
  } catch {
    return undefined;
  }
}

/** The environment in which a process runs under the shim. */
export function shimmed(library: string, directory: string, record?: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    LD_PRELOAD: library,
    TABLECAST_SHIM_DIRECTORY: directory,
    ...(record === undefined ? {} : { TABLECAST_SHIM_RECORD: record }),
  };
}

/** Kinds of disk calls the shim counts and fails: writes, truncations, syncs of files and of directories. */
export type CallKind = 'W' | 'T' | 'S' | 'D';

/** What happens to the call: its number counts from 1 from now on. */
export interface Fault {
  readonly kind: CallKind;
  readonly errno: 'EIO' | 'ENOSPC';
  readonly nth: number;
  readonly mode: 'once' | 'ever' | 'short';
}

const ERRNO = { EIO: 5, ENOSPC: 28 } as const;
const MODE = { once: 1, ever: 2, short: 3 } as const;

/** In a process under the shim: arms a fault, in place of any before it; undefined takes it away. */
export function arm(fault: Fault | undefined): void {
  const { kind, errno, nth, mode } = fault ?? { kind: 'W', errno: 'EIO', nth: 2 ** 40, mode: 'once' };
  unlinkSync(`/tablecast-shim/arm ${kind} ${ERRNO[errno]} ${nth} ${MODE[mode]}`);
}

/** In a process under the shim: calls of a kind since the last {@link arm}. */
export function callsSeen(kind: CallKind): number {
  return ask(`seen ${kind}`);
}

/** In a process under the shim: calls that were made to fail since the last {@link arm}. */
export function callsFailed(): number {
  return ask('hits');
}

function ask(question: string): number {
  try {
    unlinkSync(`/tablecast-shim/${question}`);
  } catch (error) {
    return Math.abs((error as NodeJS.ErrnoException).errno ?? 0) - 1000;
  }
  throw new Error('this process does not run under the shim');
}
