import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TableNode } from 'tablecast';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Environment, Timer } from '../../src/environment.ts';
import { openNodeOf } from '../../src/node/open-node.ts';
import { systemEnvironment } from '../../src/system-environment.ts';
import { PATIENCE_MS } from '../support/patience.ts';

const IDLE_MS = 300_000;
const BRINGING_MS = 60_000;

/** An environment whose long waits end when a test says so. */
class HeldBack {
  readonly #waits = new Map<object, { readonly delayMs: number; readonly task: () => void }>();
  readonly environment: Environment = {
    ...systemEnvironment,
    schedule: (...wait) => this.#schedule(...wait),
  };
  /** Ends a wait at once when it begins. */
  endsAtOnce: number | undefined;

  #schedule(delayMs: number, task: () => void): Timer {
    if (delayMs !== IDLE_MS && delayMs !== BRINGING_MS) return systemEnvironment.schedule(delayMs, task);
    const timer = { cancel: () => void this.#waits.delete(timer) };
    this.#waits.set(timer, { delayMs, task });
    if (delayMs === this.endsAtOnce) queueMicrotask(() => this.end(delayMs));
    return timer;
  }

  /** Ends the waits of a length; returns how many there were. */
  end(delayMs: number): number {
    const over = Array.from(this.#waits).filter(([, wait]) => wait.delayMs === delayMs);
    for (const [timer, { task }] of over) {
      this.#waits.delete(timer);
      task();
    }
    return over.length;
  }
}

let directory: string;
let held: HeldBack;
let node: TableNode;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tablecast-replicas-'));
  vi.stubEnv('TMPDIR', directory);
  held = new HeldBack();
  node = await openNodeOf({ id: 'n' }, { environment: held.environment });
});

afterEach(async () => {
  await node.close();
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true, force: true });
});

/** Asks of a table that is declared now, so of a set of tables that was not asked before. */
async function askAnother(name: string): Promise<unknown> {
  node.table(name, { key: 'int' }).add(1);
  return (await node.query(`SELECT count(*) AS n FROM ${name} WHERE key < 2`)).rows;
}

function replicas(): string[] {
  const [queries = ''] = readdirSync(directory);
  return readdirSync(join(directory, queries)).filter((file) => /^\d+\.db$/.test(file));
}

test('replicas of four sets of tables are kept; a fifth takes the place of the one asked longest ago', async () => {
  for (const name of ['a', 'b', 'c', 'd']) await askAnother(name);
  expect(replicas()).toEqual(['0.db', '1.db', '2.db', '3.db']);
  expect(await askAnother('e')).toEqual([{ n: 1 }]);
  expect(replicas()).toEqual(['1.db', '2.db', '3.db', '4.db']);
});

test('a replica that nobody asks for five minutes goes, and is there again when it is asked', async () => {
  await askAnother('a');
  expect(held.end(IDLE_MS)).toBe(1);
  await vi.waitUntil(() => replicas().length === 0, PATIENCE_MS);
  expect((await node.query('SELECT key FROM a WHERE key < 2')).rows).toEqual([{ key: 1 }]);
  expect(replicas()).toEqual(['1.db']);
});

test('what cannot be brought to the present in a minute ends the query, and the next one begins anew', async () => {
  held.endsAtOnce = BRINGING_MS;
  await expect(askAnother('a')).rejects.toMatchObject({
    code: 'LIMIT_EXCEEDED',
    retryable: true,
    details: { name: 'MAX_BRINGING_MS', limit: BRINGING_MS },
  });
  held.endsAtOnce = undefined;
  expect((await node.query('SELECT key FROM a WHERE key < 2')).rows).toEqual([{ key: 1 }]);
  expect(replicas()).toEqual(['1.db']);
});
