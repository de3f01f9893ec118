import { type PlantedBug, bug } from './planted-bug.ts';

const PROXIES = 'test/zeek/proxies.test.ts';
const RIGHTS = 'test/security/rights.test.ts';

/** Bugs by which a peer does more than its credential says. */
export const bugsOfRights: readonly PlantedBug[] = [
  bug(
    'ask the end of an id whose it is',
    [
      'log/proxy.ts',
      '  return PROXY.exec(id)?.[1] === ownPart(nodeId);',
      '  return PROXY.test(id) && id.endsWith(`.${ownPart(nodeId)}`);',
    ],
    [PROXIES],
  ),
  bug(
    'let a peer call itself like a node of Zeek',
    [
      'replication/replicator.ts',
      'if (isReservedId(node)) return',
      'if (isReservedId(node) && node === who) return',
    ],
    [RIGHTS],
  ),
];
