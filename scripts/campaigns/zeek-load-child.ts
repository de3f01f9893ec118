// The node that campaigns of Zeek's load measure, started in a process of its own (zeek-load-node.ts).
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What the node's process took, and what its node holds and told. */
export interface Cost {
  readonly cpuMs: number;
  readonly rss: number;
  readonly heap: number;
  readonly rows: number;
  readonly events: Readonly<Record<string, number>>;
}

/** Starts it, attached to clusters at one or two addresses, with so many rows of its own. */
export async function started(urls: readonly string[], own: number): Promise<ChildProcess> {
  const program = fileURLToPath(new URL('zeek-load-node.ts', import.meta.url));
  const [west = '', east = ''] = urls;
  const child = fork(program, [west, east, String(own)], { execArgv: process.execArgv });
  await once(child, 'message');
  return child;
}

export async function costOf(child: ChildProcess): Promise<Cost> {
  child.send('cost');
  const [cost] = (await once(child, 'message')) as [Cost];
  return cost;
}

export async function ended(child: ChildProcess): Promise<void> {
  child.send('end');
  await once(child, 'exit');
}
