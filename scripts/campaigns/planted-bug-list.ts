import { type PlantedBug, bug } from './planted-bug.ts';
import { bugsOfCosts } from './planted-bugs-of-costs.ts';
import { bugsOfLogs } from './planted-bugs-of-logs.ts';
import { bugsOfPromises } from './planted-bugs-of-promises.ts';
import { bugsOfQueries } from './planted-bugs-of-queries.ts';
import { bugsOfRefusals } from './planted-bugs-of-refusals.ts';
import { bugsOfRights } from './planted-bugs-of-rights.ts';
import { bugsOfSwitches } from './planted-bugs-of-switches.ts';
import { bugsOfTimes } from './planted-bugs-of-times.ts';
import { bugsOfRuns } from './planted-bugs-of-runs.ts';
import { bugsOfStores } from './planted-bugs-of-stores.ts';
import { bugsOfWorlds } from './planted-bugs-of-worlds.ts';

const CRASH = 'test/reliability/crash-images.test.ts';
const KILL = 'test/reliability/kill.test.ts';
const DISK = 'test/reliability/disk-faults.test.ts';
const HOSTILE = 'test/reliability/hostile-peer.test.ts';
const OVERLOAD = 'test/reliability/overload.test.ts';
const SIMULATION = 'test/simulation/simulation.test.ts';
const FORKED = 'test/replication/forked-storage.test.ts';
const RETENTION = 'test/node/retention.test.ts';
const MAILBOX = 'test/backends/sqlite-mailbox.test.ts';

/** Every bug must be caught; `npm run campaign:planted-bugs` says by which test. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'skip fsync',
    edits: [
      {
        file: 'src/backends/sqlite/connection.ts',
        find: '  connection.pragma(`synchronous = ${level}`);\n  requireSynchronous(connection, level);',
        replace: "  connection.pragma('synchronous = OFF');",
      },
      {
        file: 'src/backends/sqlite/connection.ts',
        find: "if (typeof actual === 'number' && actual >= SYNCHRONOUS[level]) return;",
        replace: 'if (level.length + Number(actual) >= 0) return;',
      },
    ],
    tests: [CRASH],
  },
  bug(
    'create the file in place',
    ['backends/sqlite/open-store.ts', 'const unfinished = `${file}.new`;', 'const unfinished = `${file}`;'],
    [CRASH],
  ),
  bug(
    'leave the lock file unsynced',
    ['backends/sqlite/lock.ts', "lock.pragma('synchronous = FULL')", "lock.pragma('synchronous = OFF')"],
    [CRASH],
  ),
  bug(
    'acknowledge before the commit',
    [
      'backends/sqlite/writer.ts',
      '    return committed;',
      '    committed.catch(() => undefined);\n    return Promise.resolve();',
    ],
    [CRASH],
  ),
  bug(
    'hand over beside what is under way',
    [
      'backends/sqlite/writer.ts',
      'const alone = this.#pending.size === commits.length && this.#answers.size === 0;',
      'const alone = this.#pending.size >= 0;',
    ],
    ['test/backends/sqlite-writer.test.ts'],
  ),
  bug(
    'look into the mailbox too late',
    [
      'backends/sqlite/inbox.ts',
      '    this.#take();\n    if (message === null) return;',
      '    if (message === null) return this.#take();',
    ],
    [MAILBOX],
  ),
  bug(
    'accept a torn tail',
    [
      'backends/sqlite/pages.ts',
      'if (segment === undefined) tail = { lastPosition: endOfTorn(row), tornAt: position };',
      'if (segment === undefined) tail = { lastPosition: endOfTorn(row), tornAt: undefined };',
    ],
    [CRASH, 'test/backends/sqlite-refusals.test.ts'],
  ),
  bug(
    'go on after a failed sync',
    [
      'backends/sqlite/failure.ts',
      "  hint: 'Check the disk and the path; then start the node again, which checks what is there (all of it: tablecast verify).',",
      "  hint: 'Try again.',\n  retryable: true,",
    ],
    [DISK],
  ),
  {
    name: 'send before the commit',
    edits: [
      {
        file: 'src/log/keeping/segment-store.ts',
        find: 'return this.backend.durable ? this.committed : this.appended;',
        replace: 'return this.appended;',
      },
      {
        file: 'src/log/keeping/segment-store.ts',
        find: '    if (!this.backend.durable) this.#listener.advanced(this);',
        replace: '    this.#listener.advanced(this);',
      },
    ],
    tests: [SIMULATION, KILL],
  },
  bug(
    'go on in the same life after a loss',
    ['projection/replay/recovery.ts', '!mayHaveLost && ', ''],
    [KILL],
  ),
  bug(
    'reuse a sequence',
    [
      'projection/writing/local-author.ts',
      'this.#sequence = table.held.sequences.get(this.origin);',
      'this.#sequence = Math.max(0, table.held.sequences.get(this.origin) - 1);',
    ],
    [KILL, 'test/node/history.test.ts'],
  ),
  bug(
    'drop the check for duplicates',
    ['projection/held/held.ts', 'return Math.min(run.count, held - run.firstSequence + 1);', 'return 0;'],
    ['test/replication'],
  ),
  bug(
    'accept a gap',
    ['node/hosts/receiver.ts', 'return run.firstSequence > 1 ? undefined : 0;', 'return 0;'],
    [HOSTILE],
  ),
  bug(
    'accept operations of this life',
    [
      'projection/checkpoints/adopter.ts',
      'if (index === undefined || !authors.writes(index) || sequence <=',
      'if (index === undefined || !authors.writes(index) || sequence >=',
    ],
    [HOSTILE],
  ),
  bug(
    'count nothing before reading JSON',
    ['replication/wire/bodies.ts', 'if (!isShallowJson(text, MOST))', 'if (text.length < 0)'],
    [HOSTILE],
  ),
  {
    // Two places look, so that one bug alone shows nothing.
    name: 'one too many at the boundary',
    edits: [
      {
        file: 'src/log/reading/operation-stream.ts',
        find: 'if (operation.position <= cursor ||',
        replace: 'if (operation.position < cursor ||',
      },
      {
        file: 'src/log/reading/operation-reader.ts',
        find: 'if (position <= this.#after) continue;',
        replace: 'if (position < this.#after) continue;',
      },
    ],
    tests: ['test/reading/streams.test.ts', 'test/node/history.test.ts'],
  },
  bug(
    'one too few at the live boundary',
    [
      'log/reading/operation-stream.ts',
      'cursor = Math.max(cursor, log.position);',
      'cursor = Math.max(cursor, log.position + 1);',
    ],
    ['test/reading/streams.test.ts', 'test/node/history.test.ts'],
  ),
  bug(
    'forget to undo',
    ['projection/rows/undo.ts', 'this.#writes.push({', 'if (slot % 2 === 0) this.#writes.push({'],
    ['test/node/batch.test.ts'],
  ),
  bug(
    'tell no context',
    [
      'projection/writing/local-author.ts',
      'this.#told = Array.from(this.#news,',
      'this.#told = Array.from([] as number[],',
    ],
    ['test/replication/naive.test.ts', 'test/conformance/concurrency.test.ts'],
  ),
  bug(
    'forget removals',
    [
      'projection/checkpoints/checkpoint-writer.ts',
      'removed: mode.comparesVersions || tellsSwitch ? rows.removals() : []',
      'removed: []',
    ],
    ['test/replication/catch-up.test.ts'],
  ),
  bug(
    'expire a newer write',
    [
      'projection/folding/effects.ts',
      'rows.origin(slot) === write.origin && rows.sequence(slot) === write.sequence',
      'rows.origin(slot) >= 0',
    ],
    ['test/conformance/expiry.test.ts', 'test/modes'],
  ),
  bug(
    'send without a window',
    [
      'replication/session/sending.ts',
      'this.#bytes - this.acked.bytes < WINDOW_BYTES',
      'this.#bytes - this.acked.bytes < Infinity',
    ],
    [OVERLOAD],
  ),
  bug(
    'never forget removed keys',
    [
      'node/table-catalog.ts',
      'if (this.#parts.stores.get(projection.store)?.backend.durable === false) projection.compact();',
      '',
    ],
    ['test/reliability/soak.test.ts'],
  ),
  bug(
    'trim beyond the checkpoint',
    [
      'log/trimming/log-keeper.ts',
      'const end = Math.min(due, covered, store.committed, this.#begun + MAX_TRIM);',
      'const end = Math.min(due, Math.max(covered, due), store.committed, this.#begun + MAX_TRIM);',
    ],
    [RETENTION],
  ),
  bug(
    'forget a quiet table when trimming',
    [
      'projection/checkpoints/checkpointer.ts',
      'if (operationsHeld(projection) > 0) all = Math.min(all, position);',
      'if (operationsHeld(projection) > 1) all = Math.min(all, position);',
    ],
    [RETENTION],
  ),
  bug(
    'forget the names of keys when trimming',
    ['log/trimming/log-keeper.ts', 'chunks: names.encode()', 'chunks: []'],
    [RETENTION],
  ),
  bug(
    'drop segments before their block is durable',
    [
      'backends/sqlite/store.ts',
      "this.#write('seal', () => this.#sealing.replace(block, count));",
      'const { position, span, bytes } = block;\n' +
        "this.#write('seal', () => void this.#connection.prepare('DELETE FROM segments WHERE position BETWEEN ? AND ?').run(position, position + span - 1));\n" +
        "this.#write('seal', () => void this.#connection.prepare('INSERT INTO sealed VALUES (?, ?, ?, ?)').run(position, span, segmentChecksum(position, span, bytes), bytes));\n" +
        'void count;',
    ],
    [CRASH],
  ),
  bug(
    'keep segments whose block is durable',
    [
      'backends/sqlite/sealing.ts',
      'this.#remove.run(position, position + span - 1)',
      'this.#remove.run(1, 0)',
    ],
    ['test/backends/sqlite-sealed.test.ts'],
  ),
  bug(
    'forget what was trimmed with a block',
    [
      'backends/sqlite/store.ts',
      "writeState(this.#connection, 'trimmed_to', last.position + last.span - 1);\n    });\n    return true;",
      '});\n    return true;',
    ],
    [CRASH, 'test/backends/sqlite-inline.test.ts'],
  ),
  bug(
    'unpack without a bound',
    ['backends/sqlite/sealed-block.ts', 'maxOutputLength: Math.max(1, length)', 'maxOutputLength: 2 ** 31'],
    ['test/backends/sealed-block.test.ts'],
  ),
  bug(
    'answer from memory what was trimmed',
    ['log/keeping/segment-store.ts', 'this.#recentFrom = Math.max(this.#recentFrom, this.trimmedTo);', ''],
    [RETENTION],
  ),
  bug(
    'begin catching up at the own checkpoint',
    [
      'projection/replay/recovery.ts',
      'projection.held.marks.summedUp(origin, sequence + 1, checkpoint.position + 1);',
      'projection.marks.note(origin, sequence + 1, checkpoint.position + 1);',
    ],
    [SIMULATION],
  ),
  bug(
    'keep the marks of a batch that was taken back',
    [
      'projection/writing/local-author.ts',
      'this.#table.held.marks.forgetFrom(this.origin, this.#sequence + 1);',
      '',
    ],
    [SIMULATION],
  ),
  bug(
    'carry nothing over a switch',
    [
      'projection/switching/switch-in-force.ts',
      'if (author === undefined || this.orphans.size === 0) return;',
      'if (author === undefined || this.orphans.size >= 0) return;',
    ],
    [SIMULATION, 'test/modes/switching.test.ts'],
  ),
  bug(
    'let the earlier write win',
    ['modes/lww.ts', 'return incoming.stamp > present.stamp;', 'return incoming.stamp < present.stamp;'],
    ['test/modes/lww.test.ts', SIMULATION],
  ),
  bug(
    'believe counts alone',
    [
      'replication/session/parting.ts',
      'return here !== 0 && here !== there;',
      'return here !== 0 && here < 0;',
    ],
    [FORKED],
  ),
  bug(
    'look at no operations that are held already',
    [
      'node/hosts/receiver.ts',
      'return known !== 0 && session !== 0 && known !== session;',
      'return known < 0;',
    ],
    ['test/replication/parting.test.ts'],
  ),
  bug(
    'forget the dictionary when a batch is taken back',
    [
      'projection/writing/local-author.ts',
      'else this.#table.held.dictionaries.set(this.origin, this.#earlier);',
      '',
    ],
    [FORKED],
  ),
  bug(
    'put again on replay what came with a checkpoint and is over',
    [
      'projection/folding/effects.ts',
      'if (takesEffect && !tookOver) this.#put(slot, value, dot, lives);',
      'if (takesEffect) this.#put(slot, value, dot, lives);',
    ],
    [SIMULATION],
  ),
  bug(
    'close while a checkpoint is being told',
    [
      'node/local-node.ts',
      '[() => this.#log.end(), () => this.#dispatcher.finish()],',
      '[() => this.#log.end()],',
    ],
    ['test/replication/gradual-adoption.test.ts'],
  ),
  ...bugsOfCosts,
  ...bugsOfLogs,
  ...bugsOfPromises,
  ...bugsOfQueries,
  ...bugsOfRefusals,
  ...bugsOfRights,
  ...bugsOfRuns,
  ...bugsOfStores,
  ...bugsOfSwitches,
  ...bugsOfTimes,
  ...bugsOfWorlds,
];
