/** A place is held by one of a bounded number, or asked for. */
export interface Place {
  /** Names the holder whose credential was shown; empty while none was. */
  readonly holder: string;
  /** Says where it comes from, without the port. */
  readonly address: string;
  /** Nothing was heard of it that shows an honest peer. */
  readonly isSilent: boolean;
}

/**
 * Returns the place that a newcomer takes when all are taken, oldest first in `present`; undefined when it
 * gets none. Places are shared among holders, and those of one holder among its addresses: the one with most
 * of them gives one to one with fewer. Among equals only silent ones give way, the oldest first. So nobody can
 * keep others out by taking them all.
 */
export function placeFor<T extends Place>(present: readonly T[], newcomer: Place): T | undefined {
  const ofHolders = largest(present, newcomer, ({ holder }) => holder);
  const group = ofHolders.isOwn
    ? largest(ofHolders.group, newcomer, ({ address }) => address)
    : largest(ofHolders.group, undefined, ({ address }) => address);
  const silent = group.group.find(({ isSilent }) => isSilent);
  return group.isOwn && ofHolders.isOwn ? silent : (silent ?? group.group.at(-1));
}

interface Group<T> {
  readonly group: readonly T[];
  /** Says whether it is the newcomer's, who counts as if it had a place. */
  readonly isOwn: boolean;
}

/** Returns the largest group by a name; of equal ones the newcomer's. */
function largest<T extends Place>(
  present: readonly T[],
  newcomer: Place | undefined,
  nameOf: (place: Place) => string,
): Group<T> {
  const groups = new Map<string, T[]>();
  const own = newcomer === undefined ? undefined : nameOf(newcomer);
  if (own !== undefined) groups.set(own, []);
  for (const place of present) {
    const group = groups.get(nameOf(place));
    if (group === undefined) groups.set(nameOf(place), [place]);
    else group.push(place);
  }
  const sizeOf = ([name, group]: [string, T[]]): number => group.length + (name === own ? 1 : 0);
  const [name, group] = [...groups].reduce((most, entry) => (sizeOf(entry) > sizeOf(most) ? entry : most));
  return { group, isOwn: name === own };
}

/** Returns an address without its port; of IPv6 the half that one network is given as a whole. */
export function withoutPort(remote: string): string {
  const bracketed = /^\[([0-9a-fA-F:.]+)(?:%[^\]]*)?\](?::\d+)?$/.exec(remote)?.[1];
  if (bracketed === undefined) return remote.replace(/:\d+$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bracketed)?.[1];
  return mapped ?? networkOf(bracketed);
}

/** Returns the first four of the eight groups of an IPv6 address. */
function networkOf(address: string): string {
  const [head = '', tail] = address.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const middle = tail === undefined ? [] : Array.from({ length: 8 - first.length - last.length }, () => '0');
  return [...first, ...middle, ...last].slice(0, 4).join(':');
}
