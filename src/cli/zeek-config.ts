import { resolve } from 'node:path';
import * as v from 'valibot';
import type { ZeekAttachmentOptions } from '../index.ts';
import { readText } from './credentials.ts';

const text = v.pipe(v.string(), v.minLength(1));

const attachment = v.strictObject({
  url: v.pipe(v.string(), v.regex(/^wss?:\/\//)),
  cluster: v.optional(text),
  tables: v.record(v.string(), v.looseObject({ type: text })),
  topics: v.optional(v.array(text)),
  tls: v.optional(
    v.strictObject({
      ca: v.optional(text),
      cert: v.optional(text),
      key: v.optional(text),
      servername: v.optional(text),
    }),
  ),
  timings: v.optional(v.looseObject({})),
  limits: v.optional(v.looseObject({})),
});

/** Members of an attachment in a configuration file. */
export const ZEEK_MEMBERS: readonly string[] = Object.keys(attachment.entries);

/** A Zeek cluster in a configuration file: certificates by the names of their files. */
export type ZeekConfig = v.InferOutput<typeof attachment>;

/** The clusters of a configuration file: what the node does not check itself is checked here. */
export const zeekConfigSchema: v.GenericSchema<unknown, readonly ZeekConfig[]> = v.pipe(
  v.unknown(),
  v.transform((given) => (Array.isArray(given) ? (given as unknown[]) : [given])),
  v.array(attachment),
);

/** With the names of files made absolute. */
export function absoluteZeek(config: ZeekConfig, directory: string): ZeekConfig {
  const { tls } = config;
  if (tls === undefined) return config;
  const at = (file: string | undefined) => (file === undefined ? undefined : resolve(directory, file));
  return { ...config, tls: { ...tls, ca: at(tls.ca), cert: at(tls.cert), key: at(tls.key) } };
}

/**
 * Returns the options of an attachment, with the certificates read. Throws `OPTION_INVALID` for a file that
 * cannot be read.
 */
export function zeekOptions(config: ZeekConfig): ZeekAttachmentOptions {
  const { tls, ...rest } = config;
  if (tls === undefined) return rest;
  const read = (file: string | undefined, what: string) =>
    file === undefined ? undefined : readText(file, what);
  return {
    ...rest,
    tls: {
      ca: read(tls.ca, 'TLS authority'),
      cert: read(tls.cert, 'TLS certificate'),
      key: read(tls.key, 'TLS key'),
      servername: tls.servername,
    },
  };
}
