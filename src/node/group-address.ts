/** The scheme under which a node dials its carrier. */
export const CARRIER_SCHEME = 'nats';

/** Returns the address under which a node has a group as its peer. */
export function addressOfGroup(group: string): string {
  return `${CARRIER_SCHEME}://${group}`;
}
