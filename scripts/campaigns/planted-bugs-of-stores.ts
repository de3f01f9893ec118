import { type PlantedBug, bug } from './planted-bug.ts';

const DURABLE = 'test/replication/durable-in-several-stores.test.ts';
const DISK = 'test/backends/backend-on.test.ts';
const STORES = 'test/node/several-stores.test.ts';
const PORTS = 'test/node/own-ports.test.ts';
const FLUSH = 'test/node/flush-peers.test.ts';
const HOLDINGS = 'test/replication/holdings.test.ts';
const INLINE = 'test/backends/sqlite-inline.test.ts';
const INTERVAL = 'test/backends/sqlite-interval.test.ts';

/** Bugs by which one of several stores or transports is asked, waited for or ended in the place of another. */
export const bugsOfStores: readonly PlantedBug[] = [
  bug(
    'ask only the first durable store what is durable',
    [
      'replication/session/taken-in.ts',
      'if (store?.backend.durable === true) stores.add(store);',
      "if (store?.backend.durable === true && store.name === 'sqlite') stores.add(store);",
    ],
    [DURABLE],
  ),
  bug(
    'forget a store where places in the log are put together',
    [
      'replication/session/acknowledgements.ts',
      'this.#marks.length === MAX_MARKS ? this.#marks.pop()?.positions : []',
      'this.#marks.length === MAX_MARKS ? (this.#marks.pop(), []) : []',
    ],
    [DURABLE],
  ),
  bug(
    'end a store of one’s own on a full disk',
    [
      'backends/backend-on.ts',
      'if (isTablecastError(error) && error.retryable) ',
      "if (isTablecastError(error, 'CLOSED')) ",
    ],
    [DISK, STORES],
  ),
  bug(
    'go on behind refused commits without going back',
    ['backends/backend-on.ts', 'this.#rules.rewind(this.#written);', 'this.#scheduled = false;'],
    [DISK, STORES],
  ),
  bug(
    'count facts of refused commits',
    ['backends/commit-rules.ts', 'this.#name(name, !isNew);', 'this.#name(name, isNew);'],
    [DISK],
  ),
  bug(
    'write checkpoints after a write has failed',
    [
      'backends/backend-on.ts',
      '      this.#requireNoFailure();\n      return work();',
      '      return work();',
    ],
    [DISK],
  ),
  bug(
    'close a disk that was never opened',
    [
      'backends/backend-on.ts',
      'if (this.#isClean !== undefined) await',
      'if (this.#recovery !== undefined) await',
    ],
    [DISK],
  ),
  bug(
    'hide an unclean stop from the next start',
    [
      'backends/sqlite/store.ts',
      "if (!this.#isInDoubt) writeState(this.#connection, 'clean', 1);",
      "writeState(this.#connection, 'clean', 1);",
    ],
    [INLINE, INTERVAL],
  ),
  bug(
    'wait for every store before a checkpoint of one',
    ['node/log-keeping.ts', 'log.flush([durable.name])', 'log.flush()'],
    [STORES],
  ),
  bug(
    'leave transports listening when one cannot',
    ['transport/several.ts', '      await this.close().catch(() => undefined);\n', ''],
    [PORTS],
  ),
  bug(
    'tell a peer what is held and not committed',
    [
      'replication/session/holdings.ts',
      'mark === undefined || mark.store.committed < mark.position',
      'mark === undefined || mark.position < 0',
    ],
    [FLUSH],
  ),
  bug(
    'tell the author that a write is held which a switch passed over',
    [
      'replication/session/holdings.ts',
      'compareEpochs(want.epoch, table.epoch) < 0',
      'want.epoch.counter < 0',
    ],
    [HOLDINGS],
  ),
  bug(
    'forget a peer that is lost while everyone is waited for',
    [
      'replication/reach/flushes.ts',
      'wait.expected.every((one) => holding.some(({ nodeId }) => nodeId === one.nodeId()))',
      'holding.length === this.#parts.peers().length',
    ],
    [FLUSH],
  ),
];
