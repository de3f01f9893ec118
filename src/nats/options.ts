import * as v from 'valibot';
import { anObject, oneOrList } from '../options/an-object.ts';
import { TablecastError } from '../errors.ts';
import { certificatesPem, keyPem } from '../options/pem-schema.ts';
import { requirePems } from '../options/pem.ts';
import { code, said } from '../options/words.ts';

const text = (most: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(most));
export const MAX_SERVERS = 32;
/** Addresses are told in events: one that may hold a secret is refused. */
const server = v.pipe(
  text(255),
  v.regex(/^(?:(?:nats|tls):\/\/)?[^/?#@\s]+$/),
  said('the address of a server, without credentials', 'nats://127.0.0.1:4222'),
);
const secret = v.pipe(text(1024), said('text of 1 to 1,024 characters', code('process.env.NATS_TOKEN')));

/** {@link NatsOptions} as far as their form goes. */
export const natsSchema = anObject({
  servers: v.pipe(
    oneOrList(server, MAX_SERVERS),
    v.check((given) => given.length > 0),
    said('the address of a server, or a list of at most 32', 'nats://127.0.0.1:4222'),
  ),
  group: v.pipe(
    v.string(),
    v.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/),
    said('text of 1 to 32 letters, digits, _ and -', 'sensors'),
  ),
  replicas: v.optional(v.picklist([1, 3, 5])),
  maxBytes: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1024 * 1024),
      said('a whole number of at least 1,048,576', 10_737_418_240),
    ),
  ),
  user: v.optional(secret),
  password: v.optional(secret),
  token: v.optional(secret),
  credentials: v.optional(
    v.pipe(
      v.union([text(65_536), v.instance(Uint8Array)]),
      said('the content of a credentials file', code("readFileSync('node.creds')")),
    ),
  ),
  tls: v.optional(
    anObject({
      ca: v.optional(certificatesPem),
      cert: v.optional(certificatesPem),
      key: v.optional(keyPem),
    }),
  ),
});

/** The options say which JetStream carries a node's tables, and who the node is there. */
export interface NatsOptions {
  /** Lists the servers, as `nats://host:port` or `tls://host:port`, without credentials; at most 32. */
  readonly servers: string | readonly string[];
  /** Names the group whose nodes share their tables: 1 to 32 letters, digits, `_` and `-`. */
  readonly group: string;
  /** Says on how many servers of a cluster the stream is kept that is created; default 1. */
  readonly replicas?: 1 | 3 | 5 | undefined;
  /** Bounds each of both streams that are created, in bytes, at least 1 MiB; default unbounded. What does not fit is not published, and stays in the logs. */
  readonly maxBytes?: number | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** Is the content of a credentials file (JWT and seed), as text or bytes. */
  readonly credentials?: string | Uint8Array | undefined;
  /** Is trusted and shown over TLS. */
  readonly tls?:
    | {
        readonly ca?: string | Uint8Array | undefined;
        readonly cert?: string | Uint8Array | undefined;
        readonly key?: string | Uint8Array | undefined;
      }
    | undefined;
}

/** Throws `OPTION_INVALID` for options of which one needs or excludes another. */
export function requireTogether({ user, password, token, credentials, tls }: NatsOptions): void {
  const ways = Object.entries({ user, token, credentials });
  const [way, ...others] = ways.flatMap(([name, given]) => (given === undefined ? [] : [name]));
  if (password !== undefined && user === undefined)
    throw unusable(
      'password',
      'there is no user',
      "Name the user whose password it is: nats: { user: 'worker-1', password }.",
    );
  if (way !== undefined && others.length > 0)
    throw unusable(
      way,
      `there is ${others.join(' and ')} as well`,
      'Give one of: user and password, token, credentials.',
    );
  if (credentials !== undefined && (textOf(credentials).match(/-----BEGIN /g) ?? []).length < 2)
    throw unusable(
      'credentials',
      'it has no JWT and no seed',
      'Give what a file of nsc has: credentials: readFileSync("node.creds").',
    );
  requirePems(tls ?? {}, 'nats.tls');
}

function unusable(name: string, why: string, hint: string): TablecastError {
  return new TablecastError('OPTION_INVALID', `Option nats.${name} cannot be used: ${why}.`, {
    hint,
    details: { option: `nats.${name}` },
  });
}

/** Returns as text what is given as text or as its bytes. */
export function textOf(given: string | Uint8Array): string {
  return typeof given === 'string' ? given : new TextDecoder().decode(given);
}
