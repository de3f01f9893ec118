/**
 * Patterns: Zeek sends two texts, one that matches the whole string and one that matches anywhere,
 * both made from what the script wrote; ours is the written form with flags, `/foo|bar/i`.
 */
import type { ZeekData } from '../data/zeek-data.ts';
import { string, vector } from '../data/zeek-data.ts';

const exactForm = /^\^\?\(([^]*)\)\$\?$/;
const flagsForm = /^\(\?([is]):([^]*)\)$/;
/** Zeek writes each of its two flags once; more of them around a text are part of it. */
const MAX_FLAGS = 4;

/** Returns true if every group and class opened in the text is closed in it, and none that is not its own. */
function isClosed(text: string): boolean {
  let depth = 0;
  let inClass = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '\\') at += 1;
    else if (character === ']') inClass = false;
    else if (inClass) continue;
    else if (character === '[') inClass = true;
    else if (character === '(') depth += 1;
    else if (character === ')' && (depth -= 1) < 0) return false;
  }
  return depth === 0 && !inClass;
}

/** Returns the flags around a text, outermost first. */
function withoutFlags(text: string): { flags: string; body: string } {
  let flags = '';
  let body = text;
  while (flags.length < MAX_FLAGS) {
    const [, flag, inner] = flagsForm.exec(body) ?? [];
    if (flag === undefined || inner === undefined || !isClosed(inner)) break;
    flags += flag;
    body = inner;
  }
  return { flags, body };
}

function slashed(body: string): string {
  return body.replace(/\\[^]|\//g, (found) => (found === '/' ? '\\/' : found));
}

/**
 * Returns the written form of a pattern from its two texts. A pattern that a script combined from several
 * (`/a/ | /b/`) keeps Zeek's own text of the whole, which matches the same.
 */
export function patternText(exact: string, anywhere: string): string {
  const outer = withoutFlags(exact);
  const body = exactForm.exec(outer.body)?.[1];
  const flags = [...new Set(outer.flags)].toSorted().join('');
  if (body === undefined || !isClosed(body)) return `/${slashed(exact)}/`;
  const expected = withoutFlags(anywhere).body;
  return expected === `^?(.|\\n)*(${body})` ? `/${slashed(body)}/${flags}` : `/${slashed(exact)}/`;
}

/** Returns the two texts of a written pattern; undefined if it is not of the form `/…/flags`. */
export function patternData(text: string): ZeekData | undefined {
  const match = /^\/([^]*)\/([is]*)$/.exec(text);
  if (match === null) return undefined;
  const body = (match[1] ?? '').replaceAll('\\/', '/');
  if (!isClosed(body)) return undefined;
  const wrap = (inner: string): ZeekData => {
    return string((match[2] ?? '').split('').reduceRight((wrapped, flag) => `(?${flag}:${wrapped})`, inner));
  };
  return vector(wrap(`^?(${body})$?`), wrap(`^?(.|\\n)*(${body})`));
}
