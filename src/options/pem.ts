import { TablecastError } from '../errors.ts';

/** Certificates with the key of the first, and those of authorities. */
interface Pems {
  readonly ca?: string | Uint8Array | undefined;
  readonly cert?: string | Uint8Array | undefined;
  readonly key?: string | Uint8Array | undefined;
}

/**
 * Throws `OPTION_INVALID` for certificates and keys that TLS takes without a word and cannot use, or that do not belong
 * together. `at` names the option that they are members of.
 */
export function requirePems({ ca, cert, key }: Pems, at: string): void {
  if (ca !== undefined && !holdsCertificates(ca)) throw unusable(`${at}.ca`, 'holds no whole certificate');
  if (cert !== undefined && !holdsCertificates(cert))
    throw unusable(`${at}.cert`, 'holds no whole certificate');
  if (key !== undefined && !holdsKey(key)) throw unusable(`${at}.key`, 'holds no private key');
  if ((cert === undefined) !== (key === undefined))
    throw unusable(at, cert === undefined ? 'has a key without its cert' : 'has a cert without its key');
  if (cert !== undefined && key !== undefined && !isContext({ cert, key }))
    throw unusable(`${at}.key`, `is not the key of ${at}.cert`);
}

function unusable(option: string, problem: string): TablecastError {
  return new TablecastError('OPTION_INVALID', `Option ${option} ${problem}.`, {
    hint: 'Give certificates and keys as PEM, each key with its certificate; a file may be half written.',
    details: { option },
  });
}

/** Returns whether a text holds one certificate or more, each whole. */
export function holdsCertificates(pem: string | Uint8Array): boolean {
  const text = textOf(pem);
  const begun = text.match(/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g) ?? [];
  const whole = text.match(/-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]+-----END \1-----/g) ?? [];
  return begun.length > 0 && whole.length === begun.length && whole.every(isCertificate);
}

/** Returns whether a text holds a key that TLS can use. */
export function holdsKey(key: string | Uint8Array): boolean {
  return /-----BEGIN (?:[A-Z0-9]+ )?PRIVATE KEY-----/.test(textOf(key)) && isContext({ key });
}

function isCertificate(pem: string): boolean {
  // Loaded where it is needed: most nodes have no TLS, and a page has no such module.
  const crypto = builtin('node:crypto');
  return crypto === undefined || succeeds(() => new crypto.X509Certificate(pem));
}

function isContext(pems: Pems): boolean {
  const tls = builtin('node:tls');
  const texts = Object.fromEntries(Object.entries(pems).map(([name, pem]) => [name, textOf(pem)]));
  return tls === undefined || succeeds(() => tls.createSecureContext(texts));
}

const builtin: typeof process.getBuiltinModule = (name: string) =>
  (globalThis.process as typeof process | undefined)?.getBuiltinModule(name);

function succeeds(task: () => unknown): boolean {
  try {
    task();
    return true;
  } catch {
    return false;
  }
}

function textOf(pem: string | Uint8Array): string {
  return typeof pem === 'string' ? pem : new TextDecoder('latin1').decode(pem);
}
