/** An address without what may be secret in it: for events, logs and metrics. */
export function placeOf(address: string): string {
  try {
    const { protocol, host } = new URL(address);
    return `${protocol}//${host}`;
  } catch {
    return 'an address that is no URL';
  }
}
