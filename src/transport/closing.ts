import type { Closing } from './transport.ts';

/** Longest reason in bytes of UTF-8: what fits into a WebSocket close frame. */
const maxReasonBytes: number = 123;

const encoder = new TextEncoder();
const scratch = new Uint8Array(maxReasonBytes);

/** Makes a {@link Closing} whose reason is one line without control characters, at most {@link maxReasonBytes}. */
export function closing(kind: Closing['kind'], reason: string): Closing {
  return { kind, reason: oneLine(reason) };
}

function oneLine(text: string): string {
  const clean = text
    .slice(0, 4 * maxReasonBytes)
    .replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  return clean.slice(0, encoder.encodeInto(clean, scratch).read);
}
