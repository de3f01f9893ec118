import { dirname, resolve } from 'node:path';
import * as v from 'valibot';
import { httpLimitsSchema } from '../http/options.ts';
import type { PlainDeclaration } from '../index.ts';
import { limitsSchema, portSchema, retentionSchema } from '../node/options-schema.ts';
import { anObject, isPlainObject, textOrObject } from '../options/an-object.ts';
import { type Fault, faultOf, shownKind } from '../options/checked-options.ts';
import { namedRecord } from '../options/named-record.ts';
import { said } from '../options/words.ts';
import { usageError } from './failure.ts';
import { readJsonFile } from './json-file.ts';
import { absoluteNats, natsConfigSchema } from './nats-config.ts';
import { absoluteZeek, zeekConfigSchema } from './zeek-config.ts';

const text = v.pipe(v.string(), v.minLength(1));
const fileName = v.pipe(text, said('the name of a file', './node.pem'));
const host = v.pipe(text, said('the text of an address or a name', '127.0.0.1'));
const names = v.pipe(v.array(text), said('a list of texts', ['sensor-*']));

/** Names, rights and patterns are looked at by the node. */
const credential = anObject({
  name: text,
  token: v.optional(text),
  tokenFile: v.optional(fileName),
  certificate: v.optional(text),
  nodes: names,
  read: v.optional(names),
  write: v.optional(names),
  origins: v.optional(v.picklist(['own', 'relay'])),
});

const tlsSchema = anObject({
  cert: fileName,
  key: fileName,
  ca: v.optional(fileName),
  requireClientCertificate: v.optional(v.boolean()),
});

const listening = {
  port: portSchema,
  host: v.optional(host),
  tls: v.optional(tlsSchema),
  hosts: v.optional(v.pipe(v.array(text), said('a list of names', ['node.example.org']))),
  origins: v.optional(
    v.pipe(v.array(text), said('a list of pages by their origin', ['https://example.org'])),
  ),
};

const listenSchema = anObject(listening);

const socketPath = v.pipe(
  text,
  said('the path of a Unix domain socket, or an object with it', '/run/hub.sock'),
);
const socketSchema = anObject({
  path: v.pipe(text, said('the text of a path', '/run/hub.sock')),
  /** As chmod writes it: JSON has no octal numbers. */
  mode: v.optional(
    v.pipe(v.string(), v.regex(/^0?[0-7]{3}$/), said('the digits that chmod takes, as text', '660')),
  ),
});

/** A configuration file as far as its form goes. */
export const configFileSchema = anObject({
  id: v.optional(v.pipe(text, said('text of 1 to 64 letters, digits, _, . and -', 'manager'))),
  directory: v.optional(v.pipe(text, said('the text of a path', './data'))),
  durability: v.optional(v.picklist(['commit', 'interval'])),
  failureMode: v.optional(v.picklist(['refuse', 'delete'])),
  listen: v.optional(
    v.lazy((given): v.GenericSchema<false | v.InferOutput<typeof listenSchema>> =>
      given === false ? v.literal(false) : listenSchema,
    ),
  ),
  socket: v.optional(textOrObject(socketPath, socketSchema)),
  peers: v.optional(
    v.pipe(v.array(text), said('a list of addresses, each with its protocol', ['ws://10.0.0.1:47760'])),
  ),
  auth: v.optional(
    anObject({
      token: v.optional(text),
      tokenFile: v.optional(fileName),
      dialToken: v.optional(text),
      dialTokenFile: v.optional(fileName),
      credentials: v.optional(v.array(credential)),
      ca: v.optional(fileName),
      cert: v.optional(fileName),
      key: v.optional(fileName),
    }),
  ),
  sql: v.optional(
    v.pipe(v.union([v.literal(true), text]), said('true, or the text of a file or a database', true)),
  ),
  health: v.optional(anObject({ port: portSchema, host: v.optional(host) })),
  http: v.optional(
    anObject({ ...listening, health: v.optional(v.boolean()), limits: v.optional(httpLimitsSchema) }),
  ),
  retention: v.optional(retentionSchema),
  limits: v.optional(limitsSchema),
  nats: v.optional(natsConfigSchema),
  tables: v.optional(namedRecord(v.pipe(v.custom(isPlainObject), said('a declaration', { key: 'addr' })))),
  zeek: v.optional(zeekConfigSchema),
});

/** A configuration is what its file says; file names in it are absolute. */
export type FileConfig = Omit<v.InferOutput<typeof configFileSchema>, 'tables'> & {
  readonly tables?: Readonly<Record<string, PlainDeclaration>> | undefined;
};

/** Reads and checks a configuration file. Throws `OPTION_INVALID`, naming the file and the member. */
export function readConfigFile(file: string): FileConfig {
  const path = resolve(file);
  const hint = 'JSON has no comments and no comma at the end of a list.';
  const content = readJsonFile(path, 'configuration file', hint);
  if (!isPlainObject(content))
    throw usageError(`${path} holds ${shownKind(content)}, not an object.`, 'Begin with { "id": … }.');
  refuseReserved(path, content, []);
  const result = v.safeParse(configFileSchema, content);
  if (!result.success) throw invalid(path, faultOf(configFileSchema, content, result.issues[0], 'json'));
  return absolute(result.output as FileConfig, dirname(path));
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

function invalid(file: string, { path, problem, hint, meant }: Fault): Error {
  return usageError(`${file}: ${path} ${problem}.${meant}`, hint, {
    option: path,
  });
}

function absolute(config: FileConfig, directory: string): FileConfig {
  const { auth, listen, socket, http } = config;
  const at = (file: string | undefined) => (file === undefined ? undefined : resolve(directory, file));
  return {
    ...config,
    directory: at(config.directory),
    nats: config.nats && absoluteNats(config.nats, directory),
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
