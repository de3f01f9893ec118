import { resolve } from 'node:path';
import * as v from 'valibot';
import type { ZeekAttachmentOptions } from '../index.ts';
import { MAX_CLUSTERS } from '../node/options-schema.ts';
import { anObject, oneOrList } from '../options/an-object.ts';
import { said } from '../options/words.ts';
import { zeekAttachmentEntries, zeekServerName } from '../zeek/options.ts';
import { readText } from './credentials.ts';
import { usageError } from './failure.ts';

const fileName = v.pipe(v.string(), v.minLength(1), said('the name of a file', './zeek.pem'));

const attachment = anObject({
  ...zeekAttachmentEntries,
  tls: v.optional(
    anObject({
      ca: v.optional(fileName),
      cert: v.optional(fileName),
      key: v.optional(fileName),
      servername: zeekServerName,
    }),
  ),
});

/** A Zeek cluster in a configuration file: certificates by the names of their files. */
export type ZeekConfig = v.InferOutput<typeof attachment>;

/** The clusters of a configuration file. */
export const zeekConfigSchema: v.GenericSchema<unknown, readonly ZeekConfig[]> = v.pipe(
  oneOrList(attachment, MAX_CLUSTERS),
  v.transform((given) => [given].flat()),
);

/** The flags of one cluster. */
export interface ZeekFlags {
  readonly zeek?: string | undefined;
  readonly zeekOnly?: readonly string[] | undefined;
  readonly zeekExcept?: readonly string[] | undefined;
}

/** Puts the cluster of the flags in the place of those of the file. Throws `OPTION_INVALID` for names without it. */
export function zeekOf(
  { zeek: url, zeekOnly, zeekExcept }: ZeekFlags,
  file: readonly ZeekConfig[] | undefined,
): readonly ZeekConfig[] | undefined {
  if (url === undefined) {
    if (zeekOnly === undefined && zeekExcept === undefined) return file;
    throw usageError(
      '--zeek-only and --zeek-except name tables of no cluster.',
      'Give its address: --zeek ws://127.0.0.1:27759. Those of a file have `tables` there.',
    );
  }
  const taken = (zeekOnly ?? ['*']).map((name) => [name, {}] as const);
  const except = (zeekExcept ?? []).map((name) => [name, false] as const);
  return [{ url, tables: Object.fromEntries([...taken, ...except]) }];
}

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
