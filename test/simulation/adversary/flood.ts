import { collectedHeap } from '../../reliability/support/collected-heap.ts';
import type { Cluster } from '../../support/cluster.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import type { Said } from './grammar.ts';
import type { Tampering } from './peer.ts';

/** In one of so many worlds an adversary floods the others. */
const ONE_OF = 64;
const ROUNDS = 100;
const AT_ONCE = 20;
const PAUSE_MS = 20;
/** What may be kept of a flood, beside as much as was said. */
const MOST_KEPT: number = 3 * 1024 * 1024;

/** One kind says more than all of them, of which some end the session. */
const KINDS: readonly Said[] = [
  'tables',
  'tables',
  'sources',
  'level',
  'ping',
  'ack',
  'digest',
  'ask',
  'sums',
  'rows',
  'runs',
  'checkpoint',
];

/** More is kept of what an adversary said than may be. */
export class KeptTooMuch extends Error {}

/** Returns whether the adversary of a world floods the others. */
export function floods({ seed }: { readonly seed: number }): boolean {
  return seed % ONE_OF === 0;
}

/**
 * Says thousands of messages of one kind, and looks how much memory they have taken when all is quiet again; returns
 * how many bytes that is. Throws {@link KeptTooMuch}.
 */
export async function flood(
  cluster: Cluster,
  tampering: Tampering,
  on: { readonly seed: number; quiet(when: string): Promise<void> },
): Promise<number> {
  const random = new SeededRandom(on.seed);
  const kind = random.pick(KINDS);
  await on.quiet('before a flood');
  const [before, saidBefore] = [collectedHeap(), tampering.saidBytes];
  for (let round = 0; round < ROUNDS; round++) {
    tampering.flood(random, { kind, count: AT_ONCE });
    await cluster.run(PAUSE_MS);
  }
  await on.quiet(`after a flood of ${kind}`);
  const kept = collectedHeap() - before;
  const said = tampering.saidBytes - saidBefore;
  if (kept > MOST_KEPT + said)
    throw new KeptTooMuch(`${kept} bytes are kept of ${said} that an adversary said of the kind ${kind}`);
  return said;
}
