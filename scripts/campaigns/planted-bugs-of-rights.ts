import { type PlantedBug, bug } from './planted-bug.ts';

const PROXIES = 'test/zeek/proxies.test.ts';
const RIGHTS = 'test/security/rights.test.ts';
const HALF_FILES = 'test/security/half-files.test.ts';
const CLAIMS = 'test/security/claims.test.ts';

/** Bugs by which a peer does more than its credential says. */
export const bugsOfRights: readonly PlantedBug[] = [
  bug(
    'ask the end of an id whose it is',
    [
      'log/operations/proxy.ts',
      '  return PROXY.exec(id)?.[1] === ownPart(nodeId);',
      '  return PROXY.test(id) && id.endsWith(`.${ownPart(nodeId)}`);',
    ],
    [PROXIES],
  ),
  bug(
    'let a peer call itself like a node of Zeek',
    [
      'replication/reach/identities.ts',
      'if (isReservedId(node)) return',
      'if (isReservedId(node) && node === who) return',
    ],
    [RIGHTS],
  ),
  bug(
    'take a text without a certificate for an authority, and so trust every public one',
    ['options/pem.ts', '  return begun.length > 0 && whole.length', '  return whole.length'],
    [HALF_FILES],
  ),
  {
    name: 'compare with a peer that may only read',
    edits: [
      {
        file: 'src/replication/digests/comparison.ts',
        find: '    if (this.#parts.tables.shared.get(table)?.writable !== true) return;\n',
        replace: '',
      },
    ],
    tests: [CLAIMS],
  },
  bug(
    'repair from whoever is connected',
    [
      'table/repair.ts',
      'replicator.mayRestore(table, from) === false',
      "replicator.mayRestore(table, from) === false && from === ''",
    ],
    [CLAIMS],
  ),
  bug(
    'compare rows that are not those of which the sums were said',
    [
      'projection/comparing/digest.ts',
      'if (!(yield* this.#addUp(leaves, theirs))) return undefined;',
      'yield* this.#addUp(leaves, theirs);',
    ],
    [CLAIMS],
  ),
  bug(
    'compare rows of operations that nobody holds',
    [
      'projection/comparing/digest.ts',
      'if (origin === undefined || sequence < 1) return false;',
      'if (origin === undefined || sequence > 0) return true;',
    ],
    [CLAIMS],
  ),
  bug(
    'believe anybody who says that there is a fork',
    [
      'replication/session/parting.ts',
      'if (!counts) this.#parts',
      "if (!counts && table === '') this.#parts",
    ],
    [CLAIMS],
  ),
  bug(
    'begin a new life as often as a peer says so',
    [
      'node/hosts/local-replica.ts',
      'if (this.#begun.has(projection.store)) return',
      'if (this.#begun.has(projection.store) && projection.own < 0) return',
    ],
    [CLAIMS],
  ),
  bug(
    'wait for what peers say that have nothing to bring',
    [
      'replication/peers-shown.ts',
      '.filter(({ tables }) => tables.shared.get(name)?.writable === true);',
      '.filter(({ tables }) => tables.shared.has(name));',
    ],
    [CLAIMS],
  ),
  {
    name: 'take operations from who may only read',
    edits: [
      {
        file: 'src/replication/peers/peer-tables.ts',
        find: '    if (!table.writable) {',
        replace: '    if (!table.writable && run.count < 1) {',
      },
      {
        file: 'src/replication/peers/peer-tables.ts',
        find: '    if (!this.grant.mayWrite(name)) return false;\n',
        replace: '',
      },
    ],
    tests: [RIGHTS],
  },
  bug(
    'take a checkpoint from whoever sends one',
    [
      'replication/session/long-frames.ts',
      'if (!shared.writable || !tables.grant.relays)',
      "if (!shared.writable && table === '')",
    ],
    [RIGHTS],
  ),
  bug(
    'tell an alarm on the word of a reader',
    [
      'replication/session/parting.ts',
      'this.#report(name, life, this.#parts.tables.mayBring(name, life));',
      'this.#report(name, life, true);',
    ],
    [CLAIMS],
  ),
  bug(
    'let anybody vouch for a clock that jumped',
    ['replication/session/peer-clock.ts', 'if (tables.grant.writesAll) replica', 'replica'],
    [CLAIMS],
  ),
  bug(
    'look for a second node because anybody says its id',
    ['replication/reach/identities.ts', 'return grant.owns(node)', 'return grant.mayUse(node)'],
    [CLAIMS],
  ),
  bug(
    'tell of a second node on the word of any peer',
    ['replication/sessions.ts', "=== 'id-twice' && (counts || !said);", "=== 'id-twice';"],
    [CLAIMS],
  ),
];
