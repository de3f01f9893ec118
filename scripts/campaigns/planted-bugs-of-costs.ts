import { type PlantedBug, bug } from './planted-bug.ts';

const RATES = 'test/security/rates.test.ts';
const PLACES = 'test/security/places.test.ts';
const KEPT = 'test/security/kept.test.ts';
const NOTICES = 'test/security/notices.test.ts';
const COMPARISONS = 'test/replication/comparisons.test.ts';
const WAITED = 'test/security/waited-changes.test.ts';
const ORIGINS = 'test/security/origins.test.ts';

/** Bugs by which what a peer sends costs others more than it costs itself. */
export const bugsOfCosts: readonly PlantedBug[] = [
  bug(
    'handle messages without an end in one turn',
    ['work/turns.ts', 'return this.#left > 0;', 'return this.#left > -Infinity;'],
    [RATES],
  ),
  bug(
    'let all that waited take effect in one turn',
    ['node/hosts/receiver.ts', 'new Outcome(slicing.units >> 2)', 'new Outcome(slicing.units * Infinity)'],
    [WAITED],
  ),
  bug(
    'answer questions about rows for nothing',
    ['replication/digests/comparison.ts', 'this.#parts.spend(units);\n    return units;', 'return units;'],
    [COMPARISONS],
  ),
  bug(
    'show a part of a frame that waited',
    ['modes/automerge/history.ts', 'room.left <= 0 && !areOne(waiting, by)', 'room.left <= 0'],
    [WAITED],
  ),
  bug(
    'keep out what is waited for when as much waits as may',
    [
      'modes/automerge/history.ts',
      'if (this.has(pending.change.hash) || this.#missing(pending).length === 0) return;',
      'if (this.has(pending.change.hash)) return;',
    ],
    ['test/modes/automerge-hostile.test.ts'],
  ),
  bug(
    'keep all that a peer ever said of a table',
    [
      'replication/peers/peer-tables.ts',
      'this.#announced.set(state.name, announced);',
      'this.#announced.set(state.name, { ...announced, ...{ before: this.#announced.get(state.name) } });',
    ],
    ['test/simulation/adversary.test.ts'],
  ),
  bug(
    'tell all tables of many lives in one turn',
    ['replication/session/sharing.ts', 'yield SLICE_UNITS;', 'yield SLICE_UNITS * 0;'],
    ['test/security/greetings.test.ts'],
  ),
  bug(
    'let one peer have all turns',
    ['work/turns.ts', 'if (first.next()) peers.add(first);', 'while (first.next());'],
    [RATES],
  ),
  bug(
    'give each peer of a credential a turn of its own',
    [
      'work/turns.ts',
      '      this.#giveTurn(peers);',
      '      for (let each = peers.size; each > 0; each--) this.#giveTurn(peers);',
    ],
    [RATES],
  ),
  bug(
    'forget how many rows wait to be compared',
    ['replication/digests/comparison.ts', 'this.#keptBytes += bytes;', 'this.#keptBytes = 0 * bytes;'],
    [COMPARISONS],
  ),
  bug(
    'end who sends a checkpoint while this node is behind',
    [
      'replication/session/incoming.ts',
      'const isLate = !incoming.isComing && !isBehind;',
      'const isLate = !incoming.isComing;',
    ],
    [KEPT],
  ),
  bug(
    'read on however much waits',
    ['replication/costs/intake.ts', 'this.#parts.flow(!isPaused);', 'this.#parts.flow(true);'],
    [RATES],
  ),
  bug(
    'tell all peers whenever a table is announced',
    [
      'replication/session/sharing.ts',
      'if (tables.sharing !== this.#sharing) {',
      'if (tables.sharing >= 0) {',
    ],
    [RATES],
  ),
  bug(
    'keep declarations of any length',
    [
      'replication/peers/announced.ts',
      'text !== undefined && text.length <= MAX_DECLARATION ? text : undefined;',
      'text;',
    ],
    [KEPT],
  ),
  bug(
    'let whoever comes last pay for all',
    [
      'replication/costs/account.ts',
      "this.#drop(this.#largest(), 'all peers', this.#limits.ofAll)",
      "this.#drop(peer, 'all peers', this.#limits.ofAll)",
    ],
    [KEPT],
  ),
  bug(
    'wait for a checkpoint without end',
    ['replication/session/incoming.ts', '++incoming.looks >= MOST_LOOKS', '++incoming.looks < 0'],
    [KEPT],
  ),
  bug(
    'turn newcomers away when all handshakes are taken',
    [
      'transport/websocket/sockets.ts',
      'if (this.#isFull && !this.#makeRoom(place)) return',
      'if (this.#isFull) return',
    ],
    [PLACES],
  ),
  bug(
    'give no place away',
    [
      'access/fair-share.ts',
      'return group.isOwn && ofHolders.isOwn ? silent : (silent ?? group.group.at(-1));',
      'return group.isOwn ? undefined : undefined;',
    ],
    [PLACES],
  ),
  bug(
    'tell every notice',
    [
      'replication/costs/notices.ts',
      'if (known !== undefined && known.told >= most) {',
      'if (known?.told === -1) {',
    ],
    [NOTICES],
  ),
  bug(
    'let anybody name as many lives as he likes',
    [
      'projection/held/claims.ts',
      'if (count === 0 || (own <= MAX_CLAIMS_OF_AUTHOR && isRoom)) return;',
      'if (count >= 0 || isRoom) return;',
    ],
    [ORIGINS],
  ),
];
