import type { ConflictMode, Version } from './conflict-mode.ts';

/**
 * Last writer wins, by hybrid logical clock: the later stamp stands, on every node, in whatever
 * order operations arrive (INV-9). Of equal stamps the greater origin wins, of one origin the later write.
 */
export const lwwMode: ConflictMode = {
  name: 'lww',
  convergent: true,
  comparesVersions: true,
  supersedes,
};

function supersedes(incoming: Version, present: Version): boolean {
  if (incoming.stamp !== present.stamp) return incoming.stamp > present.stamp;
  if (incoming.origin !== present.origin) return incoming.origin > present.origin;
  return incoming.sequence > present.sequence;
}
