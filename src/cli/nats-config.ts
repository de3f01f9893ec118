import { resolve } from 'node:path';
import * as v from 'valibot';
import { anObject, oneOrList } from '../options/an-object.ts';
import type { NodeOptions } from '../index.ts';
import { MAX_SERVERS } from '../nats/options.ts';
import { readText } from './credentials.ts';
import { usageError } from './failure.ts';

const text = v.pipe(v.string(), v.minLength(1));

/** Servers, names and sizes are looked at by the node; secrets stand in files. */
export const natsConfigSchema = anObject({
  servers: v.optional(oneOrList(text, MAX_SERVERS)),
  group: v.optional(text),
  replicas: v.optional(v.picklist([1, 3, 5])),
  maxBytes: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  user: v.optional(text),
  passwordFile: v.optional(text),
  tokenFile: v.optional(text),
  credentialsFile: v.optional(text),
  ca: v.optional(text),
  cert: v.optional(text),
  key: v.optional(text),
});

const FILES = ['passwordFile', 'tokenFile', 'credentialsFile', 'ca', 'cert', 'key'] as const;

/** The configuration says which JetStream carries the tables. */
export type NatsConfig = v.InferOutput<typeof natsConfigSchema>;

/** The flags that it has. */
export interface NatsFlags {
  readonly nats?: readonly string[] | undefined;
  readonly group?: string | undefined;
  readonly natsCredentials?: string | undefined;
}

/** File names in it become absolute. */
export function absoluteNats(config: NatsConfig, directory: string): NatsConfig {
  const files = FILES.flatMap((name) => {
    const file = config[name];
    return file === undefined ? [] : [[name, resolve(directory, file)] as const];
  });
  return { ...config, ...Object.fromEntries(files) };
}

/** Puts flags over the file; undefined where neither says anything. */
export function natsOf(
  { nats, group, natsCredentials }: NatsFlags,
  file: NatsConfig | undefined,
): NatsConfig | undefined {
  const given = { servers: nats && [...nats], group, credentialsFile: natsCredentials };
  const set = Object.entries(given).filter(([, part]) => part !== undefined);
  return file === undefined && set.length === 0 ? undefined : { ...file, ...Object.fromEntries(set) };
}

/** Makes the option of a node: reads secrets and certificates. Throws `OPTION_INVALID`. */
export function natsOptions({ servers, group, ...config }: NatsConfig): NonNullable<NodeOptions['nats']> {
  if (servers === undefined || group === undefined) {
    throw usageError(
      `nats has no ${servers === undefined ? 'servers' : 'group'}.`,
      'Give both: --nats nats://127.0.0.1:4222 --group sensors.',
    );
  }
  const { passwordFile, tokenFile, credentialsFile, ca, cert, key, ...rest } = config;
  const read = (file: string | undefined, what: string): string | undefined =>
    file && readText(file, what).trim();
  const tls = {
    ca: read(ca, 'TLS authority'),
    cert: read(cert, 'TLS certificate'),
    key: read(key, 'TLS key'),
  };
  return {
    ...rest,
    servers,
    group,
    password: read(passwordFile, 'password file'),
    token: read(tokenFile, 'token file'),
    credentials: read(credentialsFile, 'credentials file'),
    ...(Object.values(tls).some((pem) => pem !== undefined) && { tls }),
  };
}
