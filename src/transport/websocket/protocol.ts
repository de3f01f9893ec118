import { tooLongReason } from '../frame-connection.ts';
import type { Closing } from '../transport.ts';

/** The subprotocol both sides must name; its number changes with the framing. */
export const subprotocol = 'tablecast.1';

/** Prefix of the subprotocol by which a browser, which cannot set headers, gives its token. */
export const tokenSubprotocolPrefix = 'tablecast.token.';

/** Is where a listening node is found when an address names no path. */
export const defaultPath = '/tablecast';

/** Close codes this package sends: RFC 6455, section 7.4.1. */
export const closeCode = { done: 1000, textFrame: 1003, policy: 1008, tooLong: 1009 } as const;

/** Says why a connection ends whose other side sent text: frames are bytes. */
export const textFrameReason = 'text frame';

/** Returns the close code that says how a connection ends. */
export function closeCodeOf({ kind, reason }: Closing): number {
  if (kind === 'closed') return closeCode.done;
  if (reason === tooLongReason) return closeCode.tooLong;
  return reason === textFrameReason ? closeCode.textFrame : closeCode.policy;
}
