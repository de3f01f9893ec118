import { createBackup } from '../../src/index.ts';

/** Makes a backup, to be killed meanwhile: prints `begun`, then `done`. Arguments: file, target. */
const [file = '', target = ''] = process.argv.slice(2);
process.stdout.write('begun\n');
await createBackup({ file, target });
process.stdout.write('done\n');
