import { sqliteBackend } from '../../../src/backends/sqlite/sqlite-backend.ts';
import { segmentAt } from './segments.ts';

/** Commits once, says so and keeps the file open until it is killed. */
const [file = ''] = process.argv.slice(2);
const backend = sqliteBackend({ file, durability: 'commit', owner: 'child' });
await backend.open();
await backend.commit({ segments: [segmentAt(1)] });
setInterval(() => undefined, 60_000);
process.stdout.write('committed\n');
