import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteBackend } from '../../../src/backends/sqlite/sqlite-backend.ts';
import { isTablecastError } from '../../../src/errors.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { BLOCK_BYTES, checkpointAt, commitAfter } from './crash-workload.ts';
import { compare } from './crash-images.ts';

/** What became of files with one flipped bit. */
export interface FlipReport {
  flips: number;
  /** Refused at open, or by the read of the damaged segment. */
  refused: number;
  /** The damaged last segment was cut off and counted. */
  torn: number;
  /** Everything was there word for word: the bit belongs to nothing that is used. */
  unused: number;
  /** Opened with content that was never written, or failed in an unknown way. */
  readonly accepted: string[];
}

/** Flips one bit in each of `flips` bytes, spread over a small database, and opens each copy with the real backend. */
export async function flipBits(flips: number, seed: number): Promise<FlipReport> {
  const random = new SeededRandom(seed);
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tablecast-flip-'));
  const report: FlipReport = { flips: 0, refused: 0, torn: 0, unused: 0, accepted: [] };
  try {
    const whole = join(directory, 'whole.db');
    const end = await writeSmallLog(whole);
    const { length } = readFileSync(whole);
    for (let count = 0; count < flips; count++) {
      const at = Math.min(length - 1, Math.floor(((count + random.next()) * length) / flips));
      const file = join(directory, 'flipped.db');
      copyFileSync(whole, file);
      const bytes = readFileSync(file);
      bytes[at] = (bytes[at] as number) ^ (1 << random.between(0, 7));
      writeFileSync(file, bytes);
      await open(file, { end, where: `byte ${at} of ${length}`, report });
      for (const suffix of ['', '-wal', '-shm', '.lock']) rmSync(file + suffix, { force: true });
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return report;
}

const limits = { blockBytes: BLOCK_BYTES };

async function writeSmallLog(file: string): Promise<number> {
  const backend = sqliteBackend({ file, durability: 'commit', owner: 'flip', inline: true, limits });
  await backend.open();
  let last = 0;
  while (last < 60) {
    const { commit, end } = commitAfter(last);
    await backend.commit(commit);
    last = end;
  }
  await backend.writeCheckpoint(checkpointAt(last));
  while (await backend.seal(last - 10));
  await backend.close();
  return last;
}

async function open(file: string, on: { end: number; where: string; report: FlipReport }): Promise<void> {
  const { report, where, end } = on;
  report.flips++;
  const backend = sqliteBackend({ file, durability: 'commit', owner: 'flip', inline: true });
  try {
    const recovery = await backend.open();
    if (recovery.tornSegments === 1) {
      report.torn++;
    } else {
      await compare(backend, recovery);
      if (recovery.lastPosition === end && recovery.checkpoints.length === 1) report.unused++;
      else report.accepted.push(`${where}: opened with a log up to ${recovery.lastPosition} of ${end}`);
    }
  } catch (error) {
    if (isTablecastError(error) && error.code.startsWith('BACKEND_')) report.refused++;
    else report.accepted.push(`${where}: ${String(error)}`);
  } finally {
    await backend.close().catch(() => undefined);
  }
}
