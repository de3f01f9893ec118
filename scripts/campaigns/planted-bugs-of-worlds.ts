import { type PlantedBug, bug } from './planted-bug.ts';

const COMPARISONS = 'test/replication/comparisons.test.ts';
const GRADUAL = 'test/replication/gradual-adoption.test.ts';
const NAIVE = 'test/replication/naive.test.ts';
const OVERTAKEN = 'test/replication/overtaken.test.ts';
const PARTING = 'test/replication/parting.test.ts';

/** Bugs of what an operation does that comes behind one whose author had seen it. */
const bugsOfOrder: readonly PlantedBug[] = [
  bug(
    'let a write replace what had seen it',
    ['projection/rows/versions.ts', 'return !this.#isOvertaken(slot, dot);', 'return true;'],
    [OVERTAKEN],
  ),
  bug(
    'believe that an author had seen all along what it saw later',
    ['projection/held/overtakings.ts', '.from <= sequence', '.from >= 0'],
    [OVERTAKEN],
  ),
  bug(
    'tell nobody what those had seen whose operations are held',
    [
      'projection/writing/local-author.ts',
      'return Math.max(held.get(origin), overtakings.concerns(origin) ? overtakings.through(origin) : 0);',
      'return overtakings.concerns(-1) ? 0 : held.get(origin);',
    ],
    [OVERTAKEN],
  ),
  bug(
    'keep nothing of what was overtaken in a checkpoint',
    ['projection/checkpoints/checkpoint-header.ts', '...overtakenOf(projection, origins),', ''],
    [OVERTAKEN],
  ),
  bug(
    'tell of a conflict where a change waits for what it follows',
    [
      'projection/folding/document-teller.ts',
      'if (live.seen.get(dot.origin) >= dot.sequence) return;',
      'if (live.seen.get(dot.origin) < 0) return;',
    ],
    [OVERTAKEN],
  ),
];

/** Bugs of the kinds that fresh seeds found. */
export const bugsOfWorlds: readonly PlantedBug[] = [
  ...bugsOfOrder,
  bug(
    'tell a removal under what was written meanwhile',
    [
      'projection/checkpoints/gradual-adoption.ts',
      'if (before === REMOVED && !this.#removedBy.has(slot))',
      'if (before === REMOVED && this.#removedBy.has(slot))',
    ],
    [GRADUAL],
  ),
  bug(
    'keep the sums of rows that a checkpoint changed',
    ['projection/checkpoints/gradual-adoption.ts', 'if (this.count > 0) table.revision++;', ''],
    [COMPARISONS],
  ),
  bug(
    'compare once only in one state',
    [
      'replication/digests/comparison.ts',
      'isOf(present, digests) && isSame(present.theirs, theirs)) return;',
      'present.theirs !== undefined) return;',
    ],
    [COMPARISONS],
  ),
  bug(
    'let a removal hide one that its author had not seen',
    [
      'projection/folding/effects.ts',
      'const stays = !this.rows.has(slot) && this.#staysKnown(this.rows.dot(slot), dot, seen);',
      'const stays = false;',
    ],
    [NAIVE],
  ),
  bug(
    'let a clear hide one that its author had not seen',
    [
      'projection/folding/effects.ts',
      'if (latestClear === undefined || !this.#staysKnown(latestClear, dot, seen))',
      'if (latestClear === undefined || seen !== undefined)',
    ],
    [NAIVE],
  ),
  bug(
    'give back unannounced what a peer has forgotten',
    [
      'replication/session/sharing.ts',
      'if (names.length > 0) this.#ask(names);',
      'if (names.length < 0) this.#ask(names);',
    ],
    [PARTING],
  ),
  bug(
    'refuse for ever the rows that were forgotten',
    [
      'projection/checkpoints/adopter.ts',
      "const judged = life === undefined ? 'claimed' : this.#parts.known(projection);",
      "const judged = life === undefined ? 'claimed' : ('claimed' as 'claimed' | 'forked');",
    ],
    [PARTING],
  ),
];
