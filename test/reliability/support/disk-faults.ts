import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Fault, shimmed } from './disk-shim.ts';
import type { FaultOutcome } from './fault-session.ts';

/** What the cases showed together. */
export interface FaultReport {
  /** Every call of the session, each in every way. */
  all: number;
  cases: number;
  /** Cases in which the call was made. */
  reached: number;
  refusedToOpen: number;
  poisoned: number;
  recovered: number;
  readonly problems: string[];
}

interface Line {
  readonly all?: number;
  readonly fault?: Fault;
  readonly outcome?: FaultOutcome;
}

/** Runs up to `cases` sessions in one process under the shim. */
export function failDiskCalls(
  parts: { readonly shim: string; readonly program: string },
  options: { readonly cases: number; readonly offset: number },
): FaultReport {
  const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const directory = realpathSync(mkdtempSync(join(base, 'tablecast-faults-')));
  const report = {
    all: 0,
    cases: 0,
    reached: 0,
    refusedToOpen: 0,
    poisoned: 0,
    recovered: 0,
    problems: [] as string[],
  };
  try {
    const args = [parts.program, directory, String(options.cases), String(options.offset)];
    const output = execFileSync(process.execPath, args, {
      env: shimmed(parts.shim, directory),
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 1 << 28,
    });
    for (const text of output.toString().split('\n')) {
      if (text !== '') add(report, JSON.parse(text) as Line);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return report;
}

function add(report: FaultReport, { all, fault, outcome }: Line): void {
  if (all !== undefined) report.all = all;
  if (fault === undefined || outcome === undefined) return;
  report.cases++;
  if (outcome.hits > 0) report.reached++;
  if (!outcome.opened) report.refusedToOpen++;
  if (outcome.poisoned) report.poisoned++;
  if (outcome.recovered) report.recovered++;
  const name = `${fault.kind} ${fault.nth} ${fault.errno} ${fault.mode}`;
  for (const problem of outcome.problems) report.problems.push(`${name}: ${problem}`);
}
