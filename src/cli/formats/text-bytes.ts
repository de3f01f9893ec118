import { isUtf8 } from 'node:buffer';
import { bytesOfText, textOfBytes } from '../../index.ts';
import { MARKS } from './marks.ts';

const HEX_ESCAPE = /\\x([0-9a-fA-F]{2})/g;
const ESCAPE = /\\(?:\\|x([0-9a-fA-F]{2}))/g;
const LONE_HALF = /\p{Surrogate}/gu;
/** A byte that is not UTF-8 stands in a line as half of a surrogate pair, U+DC00 + byte: text never has such. */
const HALF_BASE = 0xdc00;

/** `\xHH` for one byte. */
export function byteEscape(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}

/**
 * Returns the text of a line. Bytes that are not UTF-8 become halves of surrogate pairs, because only the
 * line's format says how the bytes F3 B0 82 80, a code point that stands for a byte, differ from the byte 80:
 * see {@link lineText} and {@link zeekText}.
 */
export function decodeLine(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const parts: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + sequenceLength(bytes[at] as number);
    const sequence = bytes.subarray(at, end);
    if (end <= bytes.length && isUtf8(sequence)) {
      parts.push(sequence.toString('utf8'));
      at = end;
    } else {
      parts.push(String.fromCharCode(HALF_BASE + (bytes[at] as number)));
      at += 1;
    }
  }
  return parts.join('');
}

/** Counts the bytes of the UTF-8 sequence that this byte would start. */
function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** Returns a line of a format made of text: what is not UTF-8 becomes the code points that stand for bytes. */
export function lineText(line: string): string {
  if (isWhole(line)) return line;
  return line.replace(LONE_HALF, (half) => textOfBytes(Uint8Array.of(half.charCodeAt(0) - HALF_BASE)));
}

/** Returns true without halves of surrogate pairs; the library types do not know `isWellFormed` yet. */
function isWhole(text: string): boolean {
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed();
}

/** Returns true for a line in which {@link zeekText} would change nothing. */
export function isPlainZeek(line: string): boolean {
  return !line.includes('\\') && !line.includes('\udb80') && isWhole(line);
}

/**
 * Returns the text of a field of Zeek's, made of bytes: undoes `\xHH` and `\\`; any other backslash stands
 * for itself.
 */
export function zeekText(field: string): string {
  return isPlainZeek(field) ? field : unescaped(field, ESCAPE);
}

/** As {@link zeekText}, where backslashes were not doubled (`JSON::STRING_ESCAPE_POLICY_HEX`). */
export function hexText(text: string): string {
  return text.includes('\\x') ? unescaped(text, HEX_ESCAPE) : text;
}

/** Undoes `JSON::STRING_ESCAPE_POLICY_PUA`: as in every text but that control characters stand as U+F0000 + byte too. */
export function puaText(text: string): string {
  if (!text.includes('\udb80')) return text;
  return text.replace(/[\u{f0000}-\u{f007f}]/gu, (standIn) =>
    String.fromCharCode((standIn.codePointAt(0) as number) & 0x7f),
  );
}

function unescaped(field: string, escape: RegExp): string {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const match of field.matchAll(escape)) {
    const hex = match[1];
    parts.push(rawBytes(field.slice(from, match.index)));
    parts.push(Buffer.from(hex === undefined ? '5c' : hex, 'hex'));
    from = match.index + match[0].length;
  }
  parts.push(rawBytes(field.slice(from)));
  return textOfBytes(Buffer.concat(parts));
}

/** Returns the bytes that {@link decodeLine} made this text of. */
function rawBytes(text: string): Uint8Array {
  if (isWhole(text)) return Buffer.from(text, 'utf8');
  return Buffer.concat(
    Array.from(text, (character) => {
      const code = character.codePointAt(0) as number;
      return (code & ~0xff) === HALF_BASE ? Buffer.of(code & 0xff) : Buffer.from(character, 'utf8');
    }),
  );
}

/**
 * Escapes what would be read as structure, what a terminal would act on, and bytes that are not UTF-8.
 * Undefined for a text that stands for no bytes.
 */
export function escapeZeek(text: string): string | undefined {
  const escaped = text
    .replace(/\\|^#/g, (character) => (character === '#' ? byteEscape(0x23) : '\\\\'))
    .replace(MARKS, (mark) => Array.from(Buffer.from(mark, 'utf8'), byteEscape).join(''));
  if (!text.includes('\udb80')) return escaped;
  if (bytesOfText(text) === undefined) return undefined;
  return escaped.replace(/[\u{f0080}-\u{f00ff}]/gu, (standIn) =>
    byteEscape((standIn.codePointAt(0) as number) & 0xff),
  );
}
