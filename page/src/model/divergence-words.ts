import type { DivergedKey, TableStatus } from '../api/types.ts';
import { counted, nodeOf } from './format.ts';
import type { Look } from './look.ts';

/** Joins words as a sentence does. */
function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`;
}

/** Which nodes hold other rows of a table than this one, and which the same, as far as this node sees them. */
export function whoDiffers({ name, differing }: TableStatus, { node, peers }: Look): string {
  const apart = differing.map(({ peer, keys }) => `${peer} (${counted(keys, 'key')})`);
  const alike = peers.flatMap(({ nodeId, state, tables }) =>
    nodeId !== null &&
    state === 'connected' &&
    tables.some((table) => table.name === name) &&
    differing.every(({ peer }) => peer !== nodeId)
      ? [nodeId]
      : [],
  );
  const verb = apart.length === 1 ? 'holds' : 'hold';
  const first = `${listed(apart)} ${verb} other rows than ${node.id}, after the same operations.`;
  if (alike.length > 0)
    return `${first} ${listed(alike)} ${alike.length === 1 ? 'agrees' : 'agree'} with ${node.id}.`;
  if (apart.length > 1)
    return `${first} No peer agrees with ${node.id}: it may be the one that stands alone.`;
  return first;
}

/** How a key came to differ, told from what both sides hold. */
export function whyDiffers({ here, there, peer }: DivergedKey, self: string): string {
  if (here === null || there === null) {
    const [without, holder, side] = here === null ? [self, peer, there] : [peer, self, here];
    const author = side === null ? 'somebody' : nodeOf(side.origin);
    return `A removal and a write of ${author} met: the removal came last to ${without}, the write to ${holder}.`;
  }
  const [one, other] = [nodeOf(here.origin), nodeOf(there.origin)];
  if (here.origin === there.origin && here.sequence === there.sequence)
    return `Both name the same write of ${one}, and hold different values: numbers that were added met a write.`;
  return `Two writes met, of ${one} and of ${other}: that of ${one} came last to ${self}, that of ${other} to ${peer}.`;
}
