import type { PlainDeclaration, TypeName } from '../index.ts';
import { memberNames } from '../schema/index.ts';
import { usageError } from './failure.ts';
import { didYouMean } from './nearest-word.ts';
import { wordValue } from './row-text.ts';

/** A table as the command line or a file names it; the declaration is checked when the node declares it. */
export interface NamedDeclaration {
  readonly name: string;
  readonly declaration: PlainDeclaration;
}

/** Types whose values a declaration does not take as text. */
const NOT_TEXT: readonly TypeName[] = [
  'bool',
  'count',
  'int',
  'double',
  'record',
  'set',
  'vector',
  'table',
  'any',
];
const EXAMPLE = "For example: --table 'hosts key=addr value=count backend=sqlite'.";

/** Reads `NAME key=addr,port value=count backend=sqlite …`. Throws `OPTION_INVALID`. */
export function parseTable(text: string): NamedDeclaration {
  const [name = '', ...members] = text.trim().split(/\s+/);
  if (name === '' || name.includes('=')) {
    throw usageError(`Table ${JSON.stringify(text)} does not begin with a name.`, EXAMPLE);
  }
  return { name, declaration: parseDeclaration(members.join(' '), name) };
}

/** Reads `key=addr value=count …`. Throws `OPTION_INVALID`. */
export function parseDeclaration(text: string, table: string): PlainDeclaration {
  const members = new Map<string, string>();
  for (const word of text.trim().split(/\s+/)) {
    const at = word.indexOf('=');
    const member = at < 0 ? word : word.slice(0, at);
    if (!(memberNames as readonly string[]).includes(member)) {
      throw usageError(
        `Table ${table}: ${JSON.stringify(member)} is no member of a declaration.${didYouMean(member, memberNames)}`,
        `Members are ${memberNames.join(', ')}. ${EXAMPLE}`,
      );
    }
    if (at < 0 || members.has(member)) {
      throw usageError(`Table ${table}: give ${member} once, as ${member}=….`, EXAMPLE);
    }
    members.set(member, word.slice(at + 1));
  }
  return declarationOf(members);
}

function declarationOf(members: ReadonlyMap<string, string>): PlainDeclaration {
  const declaration = Object.fromEntries(members) as Record<string, unknown>;
  const key = members.get('key');
  // A comma at the end makes a key of one column composite.
  if (key?.includes(',') === true) declaration['key'] = key.replace(/,$/, '').split(',');
  const [complex, standard] = [members.get('complexValues'), members.get('default')];
  if (complex === 'true' || complex === 'false') declaration['complexValues'] = complex === 'true';
  const type = NOT_TEXT.find((name) => name === members.get('value'));
  if (standard !== undefined && type !== undefined) declaration['default'] = wordValue(type, standard);
  return declaration as unknown as PlainDeclaration;
}
