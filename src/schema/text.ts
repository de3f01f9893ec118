import { Refusal } from './refusal.ts';

/** Present in every engine this package supports; the ES2023 library types do not know it yet. */
interface CheckableText {
  isWellFormed(): boolean;
}

/** Returns true for text without lone surrogates, which UTF-8 cannot carry. */
export function isWellFormed(text: string): boolean {
  return (text as unknown as CheckableText).isWellFormed();
}

/** Length of a well-formed text in bytes of UTF-8. */
function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    // Both halves of a surrogate pair count 2, together the 4 bytes of their character.
    if (unit > 0x7f) bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return bytes;
}

/** Returns true when the text takes at most `limit` bytes of UTF-8; counts only when the length leaves a doubt. */
function fits(text: string, limit: number): boolean {
  if (text.length * 3 <= limit) return true;
  return text.length <= limit && utf8Bytes(text) <= limit;
}

/** Refuses what cannot travel or is too long. */
export function checkText(text: string, limit: number): void {
  if (!isWellFormed(text)) {
    throw new Refusal(
      'contains half of a surrogate pair, which UTF-8 cannot carry',
      'Cut text between characters, or call toWellFormed() on it first.',
    );
  }
  if (!fits(text, limit)) {
    throw new Refusal(
      `is longer than ${limit} bytes in UTF-8 (it has ${text.length} characters)`,
      'Shorten it, or keep the data elsewhere and a reference to it here.',
    );
  }
}
