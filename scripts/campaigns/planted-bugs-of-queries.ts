import { type PlantedBug, bug } from './planted-bug.ts';

const LOOK_UPS = 'test/sql/look-ups.test.ts';
const BESIDE = 'test/sql/beside-tables.test.ts';
const REPLICAS = 'test/sql/kept-replicas.test.ts';
const QUERIES = 'test/sql/queries.test.ts';

/** Bugs by which a query gives other rows than the tables have, or keeps more than it may. */
export const bugsOfQueries: readonly PlantedBug[] = [
  bug(
    'find a row by a key that is written otherwise',
    [
      'sql/queries/look-ups.ts',
      'if (slot === undefined || !isSame(keyValues(schema, rows.key(slot)), key))',
      'if (slot === undefined)',
    ],
    [LOOK_UPS],
  ),
  bug(
    'read a past that is not over',
    [
      'sql/queries/sources.ts',
      'await past.replay(projection, { position: upTo, ...moment }, (__, known)',
      'await past.replay(projection, { ...moment, position: upTo }, (__, known)',
    ],
    [BESIDE],
  ),
  bug(
    'keep one replica too many',
    ['sql/queries/table-sets.ts', 'this.#kept.size >= MAX_REPLICAS', 'this.#kept.size > MAX_REPLICAS'],
    [REPLICAS],
  ),
  bug(
    'go on with a replica that was not brought to the present',
    [
      'sql/queries/table-sets.ts',
      'if (kept.set.isSpoilt) await',
      'if (kept.set.isSpoilt && this.#files < 0) await',
    ],
    [REPLICAS],
  ),
  bug(
    'keep what nobody asks',
    [
      'sql/queries/table-sets.ts',
      'schedule(REPLICA_IDLE_MS, () => void this.#drop(key))',
      'schedule(REPLICA_IDLE_MS, () => undefined)',
    ],
    [REPLICAS],
  ),
  bug(
    'let any number of queries wait',
    ['sql/queries/queries.ts', 'this.#waiting >= MAX_QUERIES_WAITING', 'this.#waiting > MAX_QUERIES_WAITING'],
    [QUERIES],
  ),
];
