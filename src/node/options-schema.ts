import * as v from 'valibot';
import { httpLimitsSchema } from '../http/options.ts';
import type { Backend } from '../log/backend.ts';
import { natsSchema } from '../nats/options.ts';
import type { Tracer } from '../observability/tracing.ts';
import { anObject, isPlainObject, oneOrList, textOrObject } from '../options/an-object.ts';
import { duration } from '../options/duration.ts';
import { namedRecord } from '../options/named-record.ts';
import { certificatesPem, keyPem } from '../options/pem-schema.ts';
import { code, said } from '../options/words.ts';
import type { Transport } from '../transport/transport.ts';
import { zeekAttachmentSchema } from '../zeek/options.ts';

const positive = v.pipe(v.number(), v.integer(), v.minValue(1));
const shortText = v.pipe(v.string(), v.minLength(1), v.maxLength(255));
/** Takes a port to listen at. */
export const portSchema: v.GenericSchema<number> = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(0),
  v.maxValue(65_535),
  said('a whole number from 0 to 65535; 0 takes a free port', 47_760),
);
const host = v.pipe(v.string(), v.minLength(1), said('the text of an address or a name', '127.0.0.1'));
const tlsNames = {
  hosts: v.optional(
    v.pipe(v.array(shortText), v.maxLength(64), said('a list of at most 64 names', ['node.example.org'])),
  ),
  origins: v.optional(
    v.pipe(
      v.array(shortText),
      v.maxLength(64),
      said('a list of at most 64 pages by their origin', ['https://example.org']),
    ),
  ),
};

const place = {
  port: portSchema,
  host: v.optional(host),
  tls: v.optional(
    anObject({
      cert: certificatesPem,
      key: keyPem,
      ca: v.optional(certificatesPem),
      requireClientCertificate: v.optional(v.boolean()),
    }),
  ),
  ...tlsNames,
};

const socketPath = v.pipe(
  v.string(),
  v.minLength(1),
  said('the path of a Unix domain socket, or an object with it', '/run/tablecast/hub.sock'),
);
const socket = anObject({
  path: v.pipe(v.string(), v.minLength(1), said('the text of a path', '/run/tablecast/hub.sock')),
  mode: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0),
      v.maxValue(0o777),
      said('a whole number from 0 to 0o777', code('0o660')),
    ),
  ),
});

/** Zeek clusters of one node. */
export const MAX_CLUSTERS = 16;

const tokenText = v.optional(
  v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(1024),
    said('text of 1 to 1,024 characters', code('process.env.TABLECAST_TOKEN')),
  ),
);
/** Looked through by rules of their own, whose messages name no secret. */
const credentialList = v.optional(
  v.pipe(
    v.array(
      v.pipe(
        v.custom(isPlainObject),
        said('an object', code("{ name: 'sensor', token, nodes: ['sensor-*'] }")),
      ),
    ),
    said('a list of objects', code("[{ name: 'sensor', token, nodes: ['sensor-*'] }]")),
  ),
);
/** {@link CredentialChange} as far as its form goes. */
export const credentialChangeSchema = anObject({
  token: tokenText,
  dialToken: tokenText,
  credentials: credentialList,
});

const isObject = (given: unknown): boolean =>
  typeof given === 'object' && given !== null && !Array.isArray(given);

const isTracer = (given: unknown): boolean =>
  isObject(given) && typeof (given as { readonly startSpan?: unknown }).startSpan === 'function';

const address = v.pipe(
  v.string(),
  v.regex(/^[a-z][a-z0-9+.-]*:\/\//),
  said('an address with its protocol', 'ws://10.0.0.1:47760'),
);

/** {@link Retention} as far as its form goes. */
export const retentionSchema = v.pipe(
  anObject({
    age: v.optional(duration),
    bytes: v.optional(v.pipe(positive, said('a whole number from 1', 1_073_741_824))),
    operations: v.optional(positive),
  }),
  said('an object with age, bytes or operations', { age: '30d' }),
);

/** {@link Limits} as far as their form goes. */
export const limitsSchema = anObject({
  maxPeers: v.optional(positive),
  maxTables: v.optional(positive),
  maxFrameBytes: v.optional(positive),
  maxQueuedBytes: v.optional(positive),
  maxMemoryLogBytes: v.optional(positive),
  maxFileBytes: v.optional(positive),
  maxOperationsPerSecond: v.optional(positive),
  maxBytesPerSecond: v.optional(positive),
  maxSubscribers: v.optional(positive),
});

/** {@link NodeOptions} as far as their form goes. */
export const nodeOptionsSchema = anObject({
  id: v.pipe(v.string(), said('text of 1 to 64 letters, digits, _, . and -', 'manager')),
  directory: v.optional(v.pipe(v.string(), v.minLength(1), said('the text of a path', './data'))),
  durability: v.optional(v.picklist(['commit', 'interval'])),
  failureMode: v.optional(v.picklist(['refuse', 'delete'])),
  listen: v.optional(anObject(place)),
  socket: v.optional(textOrObject(socketPath, socket)),
  backends: v.optional(
    namedRecord(v.pipe(v.custom<Backend>(isObject), said('a backend', code('filesBackend()')))),
  ),
  transports: v.optional(
    v.array(v.pipe(v.custom<Transport>(isObject), said('a transport', code('tcpTransport()')))),
  ),
  peers: v.optional(
    v.pipe(
      v.array(address),
      v.maxLength(64),
      said('a list of at most 64 addresses, each with its protocol', ['ws://10.0.0.1:47760']),
    ),
  ),
  auth: v.optional(
    anObject({
      token: tokenText,
      dialToken: tokenText,
      credentials: credentialList,
      verify: v.optional(
        v.pipe(v.function(), said('a function', code('async ({ token }) => rightsOf(token)'))),
      ),
      ca: v.optional(certificatesPem),
      cert: v.optional(certificatesPem),
      key: v.optional(keyPem),
    }),
  ),
  health: v.optional(anObject({ port: portSchema, host: v.optional(host) })),
  http: v.optional(
    anObject({ ...place, health: v.optional(v.boolean()), limits: v.optional(httpLimitsSchema) }),
  ),
  retention: v.optional(retentionSchema),
  sql: v.optional(
    v.pipe(
      v.union([v.literal(true), v.pipe(v.string(), v.minLength(1), v.maxLength(4096))]),
      said('true, or the text of a file or a database', true),
    ),
  ),
  limits: v.optional(limitsSchema),
  nats: v.optional(natsSchema),
  tracing: v.optional(
    v.pipe(
      v.custom<Tracer>(isTracer),
      said('a tracer of @opentelemetry/api', code("trace.getTracer('tablecast')")),
    ),
  ),
  zeek: v.optional(oneOrList(zeekAttachmentSchema, MAX_CLUSTERS)),
});

const certificates = anObject({ cert: certificatesPem, key: keyPem, ca: v.optional(certificatesPem) });

/** {@link CertificateChange} as far as its form goes. */
export const certificateChangeSchema = anObject({
  listen: v.optional(certificates),
  http: v.optional(certificates),
  dial: v.optional(
    anObject({ ca: v.optional(certificatesPem), cert: v.optional(certificatesPem), key: v.optional(keyPem) }),
  ),
});
