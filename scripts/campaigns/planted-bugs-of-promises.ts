import { type PlantedBug, bug } from './planted-bug.ts';

const DURABLE = 'test/replication/durable-acknowledgements.test.ts';
const STANDING = 'test/backends/sqlite-standing.test.ts';
const BACKUP = 'test/backup/backup.test.ts';
const SECRETS = 'test/cli/configuration-secrets.test.ts';

/** Of what is said to have happened, and of files and output. */
export const bugsOfPromises: readonly PlantedBug[] = [
  bug(
    'answer a command before what it wrote is durable',
    [
      'node/hosts/row-requests.ts',
      'await this.#parts.log.flush([asked.projection.store]);',
      'void this.#parts.log.flush([asked.projection.store]).catch(() => undefined);',
    ],
    ['test/reliability/acknowledgements.test.ts'],
  ),
  bug(
    'call durable what is received',
    [
      'replication/session/acknowledgements.ts',
      'if (store.committed < position) return false;',
      'if (store.appended < position) return false;',
    ],
    [DURABLE],
  ),
  bug(
    'count what was not taken',
    ['replication/session/acknowledgements.ts', "if (standing !== 'held') return this.#refuse();", ''],
    [DURABLE],
  ),
  bug(
    'count what a switch of mode passed over',
    [
      'replication/session/taken-in.ts',
      "runs.some((run) => isOver(replica, run)) ? 'refused' : 'held'",
      "'held'",
    ],
    [DURABLE],
  ),
  bug(
    'go on when the database is gone',
    [
      'backends/sqlite/standing.ts',
      'if (found?.ino !== known.inode || found.dev !== known.device)',
      'if (found?.ino === -1)',
    ],
    [STANDING],
  ),
  bug(
    'go on when its log was cut off',
    ['backends/sqlite/standing.ts', 'found.size < known.size && !isWhole', 'found.size < 0 && !isWhole'],
    [STANDING],
  ),
  bug(
    'let anybody in without the lock',
    ['backends/sqlite/open-store.ts', 'found.lock !== lock.identity', 'found.lock === -1'],
    [STANDING],
  ),
  bug(
    'take a database cut off to nothing for another kind of file',
    ['backends/sqlite/open-store.ts', 'if (statSync(file).size === 0)', 'if (statSync(file).size < 0)'],
    [STANDING],
  ),
  bug(
    'continue a write-ahead log without its database',
    ['backends/sqlite/open-store.ts', '      requireNoLog(file);\n', ''],
    [STANDING],
  ),
  {
    name: 'write a backup into what is there',
    edits: [
      {
        file: 'src/backup/files.ts',
        find: "const partial = `${path}.${randomBytes(6).toString('hex')}.partial`;",
        replace: 'const partial = `${path}.partial`;',
      },
      {
        file: 'src/backup/files.ts',
        find: 'mkdirSync(partial, { mode: 0o700 });',
        replace: 'mkdirSync(partial, { mode: 0o700, recursive: true });',
      },
    ],
    tests: [BACKUP],
  },
  bug(
    'remove leftovers without a look',
    ['backup/files.ts', 'if (isLeftover(leftover)) removeLeftover', 'removeLeftover'],
    [BACKUP],
  ),
  bug(
    'repeat what a configuration says',
    ['options/checked-options.ts', ': shownKind(input);', ': JSON.stringify(input);'],
    [SECRETS],
  ),
  bug(
    'drop tables called constructor',
    [
      'options/named-record.ts',
      'const result =',
      "if (key === 'constructor') continue;\n        const result =",
    ],
    [SECRETS],
  ),
  bug(
    'leave C1 controls in JSON',
    ['cli/formats/marks.ts', 'const MARKS_IN_JSON = /[\\u007f-\\u009f', 'const MARKS_IN_JSON = /[\\u007f'],
    ['test/cli/marks.test.ts'],
  ),
  bug(
    'end otherwise for a missing log than for a missing import',
    ['cli/named-files.ts', 'if (isMissing(path)) throw missingFile(path, hint);', ''],
    ['test/cli/exit-codes.test.ts'],
  ),
  bug(
    'close in silence when the last sync failed',
    ['work/in-order.ts', "if (outcome.status === 'rejected') throw outcome.reason;", 'void outcome;'],
    ['test/node/close.test.ts'],
  ),
];
