import { closing } from '../closing.ts';
import type { Closing } from '../transport.ts';

/** Added to a close code by browsers, which may send 1000 and codes from 3000 only. */
export const browserCodeOffset = 3000;

const politeCodes: ReadonlySet<number> = new Set([1000, 1001, 1005, 1012, 1013]);

const tooLongCodes: ReadonlySet<string> = new Set([
  'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
  'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
]);

/** Reads the close code and reason of the other side; 1006 means that there was no close frame. */
export function closingOf(code: number, reason: string, cause?: string): Closing {
  if (code === 1006) return closing('lost', cause ?? 'the link broke without a close frame');
  if (politeCodes.has(code)) return closing('closed', reason || 'the other side closed the connection');
  return closing('refused', reason || `the other side refused with close code ${code}`);
}

/** Words for what the socket itself refused while reading; `code` is that of the `ws` error. */
export function refusalOf(code: string | undefined): Closing {
  if (code !== undefined && tooLongCodes.has(code)) return closing('refused', 'frame above maxFrameBytes');
  if (code === 'WS_ERR_TOO_MANY_BUFFERED_PARTS') return closing('refused', 'too many fragments');
  return closing('refused', `the other side broke the WebSocket protocol (${code ?? 'no code'})`);
}
