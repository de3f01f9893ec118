import { type PlantedBug, bug } from './planted-bug.ts';

const COMPARISONS = 'test/replication/comparisons.test.ts';
const GRADUAL = 'test/replication/gradual-adoption.test.ts';
const NAIVE = 'test/replication/naive.test.ts';
const PARTING = 'test/replication/parting.test.ts';

/** Bugs of the kinds that fresh seeds found. */
export const bugsOfWorlds: readonly PlantedBug[] = [
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
