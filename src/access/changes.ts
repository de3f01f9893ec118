import type { Credential, CredentialChange } from './rights.ts';

/**
 * The changes say what became of the holders, by name; of the tokens of the node itself as `auth.token` and
 * `auth.dialToken`.
 */
export interface SecretChanges {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/**
 * Returns whether two credentials make their holder the same one, with the same rights; order and defaults do
 * not count.
 */
export function sameCredential(one: Credential | undefined, other: Credential | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return rightsText(one) === rightsText(other);
}

/** Compares the secrets before and after. */
export function changesOf(before: CredentialChange, after: CredentialChange): SecretChanges {
  const [old, now] = [byName(before), byName(after)];
  return {
    added: [...now.keys()].filter((name) => !old.has(name)),
    changed: [...now].flatMap(([name, text]) => (old.has(name) && old.get(name) !== text ? name : [])),
    removed: [...old.keys()].filter((name) => !now.has(name)),
  };
}

function byName({ token, dialToken, credentials = [] }: CredentialChange): ReadonlyMap<string, string> {
  const entries = new Map<string, string[]>();
  for (const one of credentials) {
    const text = JSON.stringify([one.token, one.certificate, rightsText(one)]);
    entries.set(one.name, [...(entries.get(one.name) ?? []), text]);
  }
  if (token !== undefined) entries.set('auth.token', [token]);
  if (dialToken !== undefined) entries.set('auth.dialToken', [dialToken]);
  return new Map(Array.from(entries, ([name, texts]) => [name, JSON.stringify(texts.toSorted())]));
}

function rightsText({ name, nodes, read = ['*'], write = read, origins = 'own' }: Credential): string {
  const lists = [nodes, read, write].map((patterns) => [...new Set(patterns)].toSorted());
  return JSON.stringify([name, ...lists, origins]);
}
