import { type PlantedBug, bug } from './planted-bug.ts';

const HELD_BACK = 'test/replication/held-back.test.ts';
const BACKOFF = 'test/replication/backoff.test.ts';
const OUT_OF_REACH = 'test/node/peers-out-of-reach.test.ts';
const LONELY = 'test/replication/lonely-tables.test.ts';
const EMITTER = 'test/work/emitter.test.ts';

/** Bugs by which what is refused, or who is, costs others, repeats itself, or is not told. */
export const bugsOfRefusals: readonly PlantedBug[] = [
  bug(
    'end the frame with the first run that is refused',
    ['node/hosts/receiver.ts', '      outcome.refuse(run.reference, error);\n', '      throw error;\n'],
    [HELD_BACK],
  ),
  bug(
    'miss what lies behind what was refused',
    [
      'replication/peers/held-back.ts',
      'if (entry === undefined || entry.trying || firstSequence <= entry.sequence) return true;',
      'if (entry === undefined || firstSequence > 0) return true;',
    ],
    [HELD_BACK],
  ),
  bug(
    'ask at once for a checkpoint that was refused',
    [
      'replication/session/taking.ts',
      'missing.filter((table) => this.heldBack.mayAsk(table));',
      'missing.filter((table) => table.length > 0 || this.heldBack.mayAsk(table));',
    ],
    [HELD_BACK],
  ),
  bug(
    'send on what the peer holds back',
    [
      'replication/peers/peer-tables.ts',
      "if (table.heldBack.size > 0 && table.heldBack.has(run.origin)) return 'skip';",
      '',
    ],
    [HELD_BACK],
  ),
  bug(
    'never ask again for what was dated ahead',
    ['replication/peers/held-back.ts', 'return now >= acceptableAt;', 'return now < 0;'],
    [HELD_BACK],
  ),
  bug(
    'keep holding back what another peer brought',
    [
      'replication/peers/held-back.ts',
      'if (held !== undefined && held >= entry.sequence) this.#letGo(entry);',
      '',
    ],
    [HELD_BACK],
  ),
  bug(
    'dial at once after every greeting',
    [
      'replication/reach/dialler.ts',
      '    this.#causes.clear();\n',
      '    this.#causes.clear();\n    this.#failures = 0;\n',
    ],
    [BACKOFF],
  ),
  bug(
    'let two processes of one id take turns',
    ['replication/reach/identities.ts', 'this.#replaced.get(node)?.includes(drawn) === true', 'drawn < 0'],
    [BACKOFF],
  ),
  bug(
    'tell of every dial that fails',
    ['replication/reach/dialler.ts', '    this.#causes.add(reason);\n', ''],
    [BACKOFF],
  ),
  bug(
    'be ready without any peer',
    ['observability/readiness.ts', '  return dials.map(problemOf);', '  return [];'],
    [OUT_OF_REACH],
  ),
  bug(
    'turn strangers away without a word',
    ['transport/websocket/listener.ts', '    onRefused?.({', '    if (status < 0) onRefused?.({'],
    [OUT_OF_REACH],
  ),
  bug(
    'tell of a table before its peers have declared theirs',
    ['replication/reach/lonely-tables.ts', 'const GRACE_MS = 10_000;', 'const GRACE_MS = 1;'],
    [LONELY],
  ),
  bug(
    'look at all subscribers when one goes',
    ['work/emitter.ts', '    if (this.#count * 2 >= this.#places.length) return;\n', ''],
    [EMITTER],
  ),
];
