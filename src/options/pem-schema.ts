import * as v from 'valibot';
import { holdsCertificates, holdsKey } from './pem.ts';
import { code, said } from './words.ts';

/** One certificate or more. TLS takes a text without any for none given, and then trusts every public authority. */
export const certificatesPem: v.GenericSchema<string | Uint8Array> = v.pipe(
  v.custom<string | Uint8Array>((pem) => isPem(pem) && holdsCertificates(pem)),
  said('PEM as text or bytes, of one whole certificate or more', code("readFileSync('node.crt')")),
);

/** A private key. */
export const keyPem: v.GenericSchema<string | Uint8Array> = v.pipe(
  v.custom<string | Uint8Array>((pem) => isPem(pem) && holdsKey(pem)),
  said('PEM as text or bytes, of a private key', code("readFileSync('node.key')")),
);

function isPem(given: unknown): given is string | Uint8Array {
  return typeof given === 'string' || given instanceof Uint8Array;
}
