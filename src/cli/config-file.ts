import { dirname, resolve } from 'node:path';
import * as v from 'valibot';
import type { PlainDeclaration } from '../index.ts';
import { usageError } from './failure.ts';
import { kindOf, readJsonFile } from './json-file.ts';
import { didYouMean } from './nearest-word.ts';
import { ZEEK_MEMBERS, absoluteZeek, zeekConfigSchema } from './zeek-config.ts';

const text = v.pipe(v.string(), v.minLength(1));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

/** Names, rights and patterns are looked at by the node. */
const credential = v.strictObject({
  name: text,
  token: v.optional(text),
  tokenFile: v.optional(text),
  certificate: v.optional(text),
  nodes: v.array(text),
  read: v.optional(v.array(text)),
  write: v.optional(v.array(text)),
  origins: v.optional(v.picklist(['own', 'relay'])),
});

const port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535));
const tlsSchema = v.strictObject({
  cert: text,
  key: text,
  ca: v.optional(text),
  requireClientCertificate: v.optional(v.boolean()),
});

const listenSchema = v.strictObject({
  port,
  host: v.optional(text),
  tls: v.optional(tlsSchema),
  hosts: v.optional(v.array(text)),
  origins: v.optional(v.array(text)),
});

const socketSchema = v.strictObject({
  path: text,
  /** As chmod writes it: JSON has no octal numbers. */
  mode: v.optional(v.pipe(v.string(), v.regex(/^0?[0-7]{3}$/))),
});

const schema = v.strictObject({
  id: v.optional(text),
  directory: v.optional(text),
  durability: v.optional(v.picklist(['commit', 'interval'])),
  failureMode: v.optional(v.picklist(['refuse', 'delete'])),
  listen: v.optional(v.union([v.literal(false), listenSchema])),
  socket: v.optional(v.union([text, socketSchema])),
  peers: v.optional(v.array(text)),
  auth: v.optional(
    v.strictObject({
      token: v.optional(text),
      tokenFile: v.optional(text),
      dialToken: v.optional(text),
      dialTokenFile: v.optional(text),
      credentials: v.optional(v.array(credential)),
      ca: v.optional(text),
      cert: v.optional(text),
      key: v.optional(text),
    }),
  ),
  sql: v.optional(v.union([v.literal(true), text])),
  health: v.optional(v.strictObject({ port, host: v.optional(text) })),
  http: v.optional(
    v.strictObject({
      ...listenSchema.entries,
      health: v.optional(v.boolean()),
      limits: v.optional(
        v.strictObject({
          maxBodyBytes: v.optional(count),
          maxSockets: v.optional(count),
          maxStreams: v.optional(count),
          maxStreamsPerHolder: v.optional(count),
          maxReadsPerSecond: v.optional(count),
          maxWritesPerSecond: v.optional(count),
          maxWaitingBytes: v.optional(count),
        }),
      ),
    }),
  ),
  retention: v.optional(
    v.strictObject({
      age: v.optional(v.union([text, count])),
      bytes: v.optional(count),
      operations: v.optional(count),
    }),
  ),
  limits: v.optional(
    v.strictObject({
      maxPeers: v.optional(count),
      maxTables: v.optional(count),
      maxFrameBytes: v.optional(count),
      maxQueuedBytes: v.optional(count),
      maxMemoryLogBytes: v.optional(count),
      maxFileBytes: v.optional(count),
      maxOperationsPerSecond: v.optional(count),
      maxBytesPerSecond: v.optional(count),
      maxSubscribers: v.optional(count),
    }),
  ),
  tables: v.optional(v.record(v.string(), v.looseObject({}))),
  zeek: v.optional(zeekConfigSchema),
});

/** A configuration is what its file says; file names in it are absolute. */
export type FileConfig = Omit<v.InferOutput<typeof schema>, 'tables'> & {
  readonly tables?: Readonly<Record<string, PlainDeclaration>> | undefined;
};

/** Reads and checks a configuration file. Throws `OPTION_INVALID`, naming the file and the member. */
export function readConfigFile(file: string): FileConfig {
  const path = resolve(file);
  const hint = 'JSON has no comments and no comma at the end of a list.';
  const content = readJsonFile(path, 'configuration file', hint);
  if (Array.isArray(content))
    throw usageError(`${path} holds a list, not an object.`, 'Begin with { "id": … }.');
  refuseReserved(path, content, []);
  const result = v.safeParse(schema, content);
  if (!result.success) throw invalid(path, result.issues[0]);
  return absolute(withAllTables(result.output as FileConfig, content as FileConfig), dirname(path));
}

/** Names that every object of JavaScript has, so that checks of its members pass over them. */
const RESERVED: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Tables may have any name, other members not these. Throws `OPTION_INVALID`. */
function refuseReserved(path: string, value: unknown, at: readonly string[]): void {
  if (typeof value !== 'object' || value === null) return;
  const areTables = at.length > 0 && at.length <= 3 && at.at(-1) === 'tables';
  for (const [name, member] of Object.entries(value)) {
    const place = [...at, name];
    if (RESERVED.has(name) && !areTables)
      throw usageError(`${path}: ${place.join('.')} is not an option.`, 'Leave it out.');
    refuseReserved(path, member, place);
  }
}

/** With the tables as the file has them: checking them left out those of reserved names. */
function withAllTables(config: FileConfig, { tables, zeek }: FileConfig): FileConfig {
  const clusters = [zeek ?? []].flat();
  return {
    ...config,
    ...(tables !== undefined && { tables }),
    zeek: config.zeek?.map((cluster, index) => {
      return { ...cluster, tables: clusters[index]?.tables ?? cluster.tables };
    }),
  };
}

function invalid(path: string, issue: v.BaseIssue<unknown>): Error {
  const keys = (issue.path ?? []).map((item) => String(item.key));
  const member = keys.join('.') || 'the file';
  if (issue.type !== 'strict_object' || issue.expected !== 'never') {
    return usageError(
      `${path}: ${member} expects ${issue.expected ?? 'another value'}, not ${kindOf(issue.input)}.`,
      'See docs/cli.md for what each option takes; `tablecast run --check-config` checks a file.',
    );
  }
  const known = MEMBERS.get(keys.slice(0, -1).join('.')) ?? [];
  const word = keys.at(-1) ?? '';
  return usageError(
    `${path}: ${member} is not an option.${didYouMean(word, known)}`,
    `${keys.length === 1 ? 'Options' : `Members of ${keys.slice(0, -1).join('.')}`} are ${known.join(', ')}.`,
  );
}

const MEMBERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['', Object.keys(schema.entries)],
  ['listen', Object.keys(listenSchema.entries)],
  ['listen.tls', Object.keys(tlsSchema.entries)],
  ['socket', Object.keys(socketSchema.entries)],
  ['auth', Object.keys(schema.entries.auth.wrapped.entries)],
  ['zeek.0', ZEEK_MEMBERS],
  ['health', Object.keys(schema.entries.health.wrapped.entries)],
  ['http', Object.keys(schema.entries.http.wrapped.entries)],
  ['http.tls', Object.keys(tlsSchema.entries)],
  ['http.limits', Object.keys(schema.entries.http.wrapped.entries.limits.wrapped.entries)],
  ['retention', Object.keys(schema.entries.retention.wrapped.entries)],
  ['limits', Object.keys(schema.entries.limits.wrapped.entries)],
]);

function absolute(config: FileConfig, directory: string): FileConfig {
  const { auth, listen, socket, http } = config;
  const at = (file: string | undefined) => (file === undefined ? undefined : resolve(directory, file));
  return {
    ...config,
    directory: at(config.directory),
    zeek: config.zeek?.map((cluster) => absoluteZeek(cluster, directory)),
    auth: auth && {
      ...auth,
      tokenFile: at(auth.tokenFile),
      dialTokenFile: at(auth.dialTokenFile),
      credentials: auth.credentials?.map((one) => ({ ...one, tokenFile: at(one.tokenFile) })),
      ca: at(auth.ca),
      cert: at(auth.cert),
      key: at(auth.key),
    },
    socket: typeof socket === 'object' ? { ...socket, path: resolve(directory, socket.path) } : at(socket),
    listen: listen === false ? false : withAbsoluteTls(listen, directory),
    http: withAbsoluteTls(http, directory),
  };
}

function withAbsoluteTls<T extends { readonly tls?: v.InferOutput<typeof tlsSchema> | undefined }>(
  place: T | undefined,
  directory: string,
): T | undefined {
  if (place?.tls === undefined) return place;
  return { ...place, tls: { ...place.tls, ...absoluteTls(place.tls, directory) } };
}

function absoluteTls(tls: { cert: string; key: string; ca?: string | undefined }, directory: string) {
  const ca = tls.ca === undefined ? undefined : resolve(directory, tls.ca);
  return { cert: resolve(directory, tls.cert), key: resolve(directory, tls.key), ca };
}
