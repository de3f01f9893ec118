/** An address without what may be secret in it: for events, logs and metrics. */
export function placeOf(address: string): string {
  try {
    const { protocol, host, pathname } = new URL(address);
    // The path of a socket says which: nothing else does, and it is no secret.
    return protocol === 'ws+unix:' ? `${protocol}//${pathname}` : `${protocol}//${host}`;
  } catch {
    return 'an address that is no URL';
  }
}
