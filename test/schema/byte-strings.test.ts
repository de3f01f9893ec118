import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOfText, textOfBytes } from 'tablecast';

/** Bytes that are mostly UTF-8, with pieces that are none, and with code points that stand for bytes. */
const bytes = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 4 }).map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 4 }).map((raw) => Buffer.from(raw)),
      fc.integer({ min: 0xf0070, max: 0xf0110 }).map((code) => Buffer.from(String.fromCodePoint(code))),
      fc
        .constantFrom('c3bc', 'c3', 'bc', 'eda080', 'c080', 'f4908080', 'f3b082', 'e282')
        .map((hex) => Buffer.from(hex, 'hex')),
    ),
    { maxLength: 6 },
  )
  .map((pieces) => Buffer.concat(pieces));

describe('a byte string', () => {
  it('has a text of its own, which gives the bytes back', () => {
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(bytes, (raw) => {
        const text = textOfBytes(raw);
        expect(/\p{Surrogate}/u.test(text)).toBe(false);
        expect(Buffer.from(bytesOfText(text) ?? [])).toEqual(raw);
        const hex = raw.toString('hex');
        expect(seen.get(text) ?? hex).toBe(hex);
        seen.set(text, hex);
      }),
      { numRuns: 5000 },
    );
  });

  it('that is UTF-8 is its text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(textOfBytes(Buffer.from(text))).toBe(text);
      }),
    );
    expect(textOfBytes(Buffer.from('\u0000\\xff'))).toBe('\u0000\\xff');
  });

  it.each([
    ['ff', '\u{f00ff}'],
    ['5c786666', '\\xff'],
    ['c3', '\u{f00c3}'],
    ['c3bc', 'ü'],
    ['eda080', '\u{f00ed}\u{f00a0}\u{f0080}'],
    ['c080', '\u{f00c0}\u{f0080}'],
    ['f3b083bf', '\u{f00f3}\u{f00b0}\u{f0083}\u{f00bf}'],
    ['f3b081bf', '\u{f007f}'],
    ['61e28228', 'a\u{f00e2}\u{f0082}('],
  ])('of %s has the text %j', (hex, text) => {
    expect(textOfBytes(Buffer.from(hex, 'hex'))).toBe(text);
  });

  it.each([
    '\ud800',
    'a\udfff',
    '\u{f00c3}\u{f00bc}',
    '\u{f00f3}\u{f00b0}\u{f0083}\u{f00bf}x\u{f00c3}\u{f00bc}',
  ])('has never the text %j', (text) => {
    expect(bytesOfText(text)).toBeUndefined();
  });

  it('gives the bytes of any other text, which is then the text of these bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const raw = bytesOfText(text);
        if (raw !== undefined) expect(textOfBytes(raw)).toBe(text);
      }),
    );
  });
});
