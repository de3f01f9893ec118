import { sqliteBackend } from '../../../src/backends/sqlite/sqlite-backend.ts';
import { segmentAt } from './segments.ts';

/** Commits without end and prints the position of each acknowledged commit; or, with `once`, one commit and no close. */
const [file = '', durability, mode] = process.argv.slice(2);
const backend = sqliteBackend({
  file,
  durability: durability === 'interval' ? 'interval' : 'commit',
  owner: 'child',
});
const { lastPosition } = await backend.open();

/** Commits waiting at a time. */
const IN_FLIGHT = 32;

async function write(first: number, step: number): Promise<void> {
  for (let position = first; ; position += step) {
    await backend.commit({ segments: [segmentAt(position)] });
    process.stdout.write(`${position}\n`);
    if (step === 0) return;
  }
}

if (mode === 'once') void write(lastPosition + 1, 0);
else for (let next = 1; next <= IN_FLIGHT; next += 1) void write(lastPosition + next, IN_FLIGHT);
