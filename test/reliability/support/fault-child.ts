import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type CallKind, type Fault, arm, callsSeen } from './disk-shim.ts';
import { FaultSession } from './fault-session.ts';

/**
 * Runs sessions under the shim, each with one fault. Arguments: directory, most cases (spread evenly over
 * all of them), seed-like offset. Prints one line of JSON per case and one with the number of all cases.
 */
const [directory = '', most = '60', offset = '0'] = process.argv.slice(2);

const KINDS: readonly CallKind[] = ['W', 'T', 'S', 'D'];

async function session(fault: Fault | undefined) {
  const place = join(directory, 'case');
  mkdirSync(place);
  const outcome = await new FaultSession(place, fault).run();
  rmSync(place, { recursive: true });
  return outcome;
}

/** How many calls of each kind a session makes, its inspection left out. */
async function countCalls(): Promise<Map<CallKind, number>> {
  // Counters begin at the arming of the session and are read before the inspection arms again.
  const counts = new Map<CallKind, number>();
  const place = join(directory, 'case');
  mkdirSync(place);
  await new FaultSession(place, undefined, () => {
    for (const kind of KINDS) counts.set(kind, callsSeen(kind));
  }).run();
  rmSync(place, { recursive: true });
  return counts;
}

const faults: Fault[] = [];
for (const [kind, count] of await countCalls()) {
  for (let nth = 1; nth <= count; nth++) {
    for (const errno of ['EIO', 'ENOSPC'] as const) {
      faults.push({ kind, errno, nth, mode: 'once' }, { kind, errno, nth, mode: 'ever' });
    }
    if (kind === 'W') faults.push({ kind, errno: 'EIO', nth, mode: 'short' });
  }
}
console.log(JSON.stringify({ all: faults.length }));
// Half of them for the writes, which are most of the calls, and half for all others.
const writes = faults.filter(({ kind }) => kind === 'W');
const others = faults.filter(({ kind }) => kind !== 'W');
for (const some of [others, writes]) {
  const stride = Math.max(1, (some.length * 2) / Number(most));
  for (let at = Number(offset) % stride; at < some.length; at += stride) {
    const fault = some[Math.floor(at)] as Fault;
    console.log(JSON.stringify({ fault, outcome: await session(fault) }));
  }
}
arm(undefined);
