import { TablecastError } from '../errors.ts';
import { uncovered } from './patterns.ts';
import type { Credential, CredentialOptions } from './rights.ts';

/** Most credentials of one node. */
const MAX_CREDENTIALS = 1024;
/** Most patterns of one list. */
const MAX_PATTERNS = 1024;
const MAX_NAME = 256;
const NODE_PATTERN = /^(?:[A-Za-z0-9][A-Za-z0-9_.-]{0,63})?\*?$/;
const TABLE_PATTERN = /^(?:[A-Za-z_][A-Za-z0-9_.:-]{0,127})?\*?$/;
const TOKEN = /^[\x21-\x7e]{1,1024}$/;
const MEMBERS: ReadonlySet<string> = new Set(['name', 'nodes', 'read', 'write', 'origins']);

/** Checks what a program or a file gave as a credential. Throws `OPTION_INVALID`, which never names a token. */
export function checkCredential(given: unknown, where: string): Credential {
  if (typeof given !== 'object' || given === null) {
    throw invalid(`${where} is no object`, 'Give { name, nodes, read, write, origins }.');
  }
  for (const member of Object.keys(given)) {
    if (!MEMBERS.has(member)) {
      throw invalid(`${where}.${member} is not an option`, `Members are ${[...MEMBERS].join(', ')}.`);
    }
  }
  const { name, nodes, read, write, origins } = given as Record<string, unknown>;
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME || /\p{C}/u.test(name)) {
    throw invalid(`${where}.name is no text of 1 to ${MAX_NAME} printable characters`, 'Name its holder.');
  }
  checkPatterns(nodes, `${where}.nodes`, NODE_PATTERN);
  if (read !== undefined) checkPatterns(read, `${where}.read`, TABLE_PATTERN);
  if (write !== undefined) checkPatterns(write, `${where}.write`, TABLE_PATTERN);
  if (origins !== undefined && origins !== 'own' && origins !== 'relay') {
    throw invalid(`${where}.origins is neither 'own' nor 'relay'`, "Leave it out for 'own'.");
  }
  const blind = uncovered(write ?? [], read ?? ['*']);
  if (blind !== undefined) {
    throw invalid(
      `${where} may write ${blind} without reading it`,
      'To write a table a node has to read it: add it to read.',
    );
  }
  return { name, nodes, read, write, origins };
}

function checkPatterns(given: unknown, where: string, form: RegExp): asserts given is readonly string[] {
  const isList = Array.isArray(given) && given.length <= MAX_PATTERNS;
  if (isList && given.every((one) => typeof one === 'string' && one !== '' && form.test(one))) return;
  throw invalid(
    `${where} is no list of up to ${MAX_PATTERNS} names`,
    'Names are exact, or end with a star: a*, or * for all.',
  );
}

/** Checks a list of credentials, each with how it is recognised. Throws `OPTION_INVALID`. */
export function checkCredentials(given: readonly unknown[]): readonly CredentialOptions[] {
  if (given.length > MAX_CREDENTIALS) {
    throw invalid(`auth.credentials has more than ${MAX_CREDENTIALS} entries`, 'Use auth.verify.');
  }
  const list = given.map((one, index) => {
    const where = `auth.credentials.${index}`;
    if (typeof one !== 'object' || one === null) return checkCredential(one, where);
    const { token, certificate, ...rest } = one as Record<string, unknown>;
    if (token === undefined && certificate === undefined) {
      throw invalid(`${where} has neither token nor certificate`, 'Say how its holder is recognised.');
    }
    checkToken(token, `${where}.token`);
    if (certificate !== undefined && (typeof certificate !== 'string' || certificate === '')) {
      throw invalid(`${where}.certificate is no name`, 'Give the common name, a DNS name or a URI.');
    }
    return { ...checkCredential(rest, where), token, certificate };
  });
  checkOwners(list);
  return list;
}

/** Throws `OPTION_INVALID` for a token no header can carry; the message does not contain it. */
export function checkToken(token: unknown, where: string): asserts token is string | undefined {
  if (token === undefined || (typeof token === 'string' && TOKEN.test(token))) return;
  throw invalid(
    `${where} is not 1 to 1,024 printable ASCII characters without spaces`,
    'Use hexadecimal or base64.',
  );
}

function checkOwners(list: readonly Credential[]): void {
  const owners = new Map<string, string>();
  for (const { name, nodes } of list) {
    for (const id of nodes) {
      if (id.endsWith('*')) continue;
      const owner = owners.get(id) ?? name;
      owners.set(id, owner);
      if (owner === name) continue;
      throw invalid(
        `auth.credentials give the node id ${id} to ${owner} and to ${name}`,
        'A node id belongs to one holder; two tokens of one holder have the same name.',
      );
    }
  }
}

function invalid(message: string, hint: string): TablecastError {
  return new TablecastError('OPTION_INVALID', message, { hint });
}
