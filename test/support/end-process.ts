import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Ends a process at once, and waits until it is over: only then does it write no more into what the test removes. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
