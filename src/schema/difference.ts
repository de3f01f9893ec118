import type { PlainDeclaration } from './schema.ts';

/** The members that two nodes have to declare alike, in the order in which people write them. */
const AGREED = ['key', 'value', 'mode', 'createExpire', 'writeExpire', 'complexValues'] as const;
/** The same of one node, which had the table before. */
const KEPT = [...AGREED, 'backend'] as const;

/**
 * Says member by member how a declaration differs from the one this node had of the same table before:
 * `value is int and was count`. Empty where none does.
 */
export function differenceFromBefore(
  now: Readonly<PlainDeclaration>,
  before: Readonly<PlainDeclaration>,
): string {
  return inWords(KEPT, [now, 'is'], [before, 'was']);
}

/** Lists the members in which a declaration differs from the one this node had before. */
export function differingMembers(
  now: Readonly<PlainDeclaration>,
  before: Readonly<PlainDeclaration>,
): readonly (typeof KEPT)[number][] {
  return KEPT.filter((name) => shown(now, name) !== shown(before, name));
}

/**
 * Says the same of what two nodes declare: `value is int here and count there`. What the other one says is not
 * checked before; it shows as JSON where it is no plain word. Names what has to be alike, which the backend has not.
 */
export function differenceFromThere(here: object, there: object): string {
  return inWords(AGREED, [here, 'is here'], [there, 'there']);
}

type Side = readonly [declaration: object, word: string];

function inWords(members: readonly string[], [now, is]: Side, [before, was]: Side): string {
  return members
    .map((name) => ({ name, one: shown(now, name), other: shown(before, name) }))
    .filter(({ one, other }) => one !== other)
    .map(({ name, one, other }) => `${name} ${is} ${one} and ${was} ${other}`)
    .join('; ');
}

function shown(declaration: object, name: string): string {
  const member: unknown = Reflect.get(declaration, name);
  if (member === undefined) return name === 'value' ? 'left out, as of a set' : 'left out';
  if (typeof member === 'number') return `${member} ms`;
  if (Array.isArray(member)) return `[${member.map(word).join(', ')}]`;
  return word(member);
}

function word(member: unknown): string {
  return typeof member === 'string' && /^[\w:.-]+$/.test(member) ? member : JSON.stringify(member);
}
