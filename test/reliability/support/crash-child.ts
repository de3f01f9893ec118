import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { sqliteBackend } from '../../../src/backends/sqlite/sqlite-backend.ts';
import type { Backend } from '../../../src/log/backend.ts';
import { BLOCK_BYTES, KEPT, KEPT_UNSEALED, checkpointAt, commitAfter } from './crash-workload.ts';

/**
 * Writes under the recording shim and says what was acknowledged in the file `acks`, whose writes are
 * recorded like all others. Arguments: directory, level (`commit`, `interval`, or `weak`: the planted
 * fault that says `commit` and syncs like `interval`), commits per round, rounds.
 */
const [directory = '', level = 'commit', commits = '40', rounds = '2'] = process.argv.slice(2);

function weaken(): void {
  const pragma: unknown = Reflect.get(Database.prototype, 'pragma');
  if (typeof pragma !== 'function') throw new Error('better-sqlite3 has no pragma');
  Database.prototype.pragma = function weakPragma(
    ...given: Parameters<Database.Database['pragma']>
  ): unknown {
    const [source, ...options] = given;
    if (source === 'synchronous') return 2;
    return Reflect.apply(pragma, this, [
      source === 'synchronous = FULL' ? 'synchronous = NORMAL' : source,
      ...options,
    ]);
  };
}

/** Never beyond the checkpoint, and it is said before: what a checker finds missing must have been meant to go. */
async function trim(to: number, backend: Backend, acknowledge: (what: string) => void): Promise<void> {
  if (to < 1) return;
  acknowledge(`t ${to}`);
  await backend.trim(to);
}

async function round(acknowledge: (what: string) => void): Promise<void> {
  const backend = sqliteBackend({
    file: join(directory, 'node.db'),
    durability: level === 'interval' ? 'interval' : 'commit',
    owner: 'crash',
    intervalMs: 20,
    inline: level === 'weak',
    limits: { blockBytes: BLOCK_BYTES },
  });
  let { lastPosition: last } = await backend.open();
  for (let done = 0; done < Number(commits);) {
    const together: Promise<void>[] = [];
    for (let more = 1 + (last % 5); more > 0; more--, done++) {
      const { commit, end } = commitAfter(last);
      together.push(backend.commit(commit).then(() => acknowledge(`p ${end}`)));
      last = end;
    }
    await Promise.all(together);
    if (last % 4 === 0) {
      const position = last;
      await backend.writeCheckpoint(checkpointAt(position));
      acknowledge(`c ${position}`);
    }
    if (last % 3 === 0) await backend.seal(last - KEPT_UNSEALED);
    if (last % 7 === 0) await trim(last - KEPT, backend, acknowledge);
  }
  await backend.close();
}

if (level === 'weak') weaken();
const acks = openSync(join(directory, 'acks'), 'a');
for (let count = 0; count < Number(rounds); count++) await round((what) => void writeSync(acks, `${what}\n`));
closeSync(acks);
