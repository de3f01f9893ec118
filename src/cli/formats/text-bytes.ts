import { isUtf8 } from 'node:buffer';

const ESCAPE = /\\(?:\\|x([0-9a-fA-F]{2}))/g;

/** Bytes of the UTF-8 sequence that this byte would start. */
function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** `\xHH` for one byte. */
export function byteEscape(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}

/**
 * Decodes UTF-8. Bytes that are none stay visible as the text `\xHH`, as in Zeek's JSON logs,
 * where U+FFFD would make different strings equal.
 */
export function decodeBytes(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const parts: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const lead = bytes[at] ?? 0;
    const end = at + sequenceLength(lead);
    const sequence = bytes.subarray(at, end);
    if (end <= bytes.length && isUtf8(sequence)) {
      parts.push(sequence.toString('utf8'));
      at = end;
    } else {
      parts.push(byteEscape(lead));
      at += 1;
    }
  }
  return parts.join('');
}

/** Undoes Zeek's escapes `\xHH` (a byte) and `\\`; any other backslash stands for itself. */
export function unescapeZeek(text: string): string {
  if (!text.includes('\\')) return text;
  const parts: Buffer[] = [];
  let from = 0;
  for (const match of text.matchAll(ESCAPE)) {
    const hex = match[1];
    parts.push(Buffer.from(text.slice(from, match.index), 'utf8'));
    parts.push(hex === undefined ? Buffer.from('\\') : Buffer.from(hex, 'hex'));
    from = match.index + match[0].length;
  }
  parts.push(Buffer.from(text.slice(from), 'utf8'));
  return decodeBytes(Buffer.concat(parts));
}

/** Escapes what would be read as structure: control characters, DEL, backslash and a leading `#`. */
export function escapeZeek(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f\\]|^#/g, (character) => byteEscape(character.charCodeAt(0)));
}
