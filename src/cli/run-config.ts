import { resolve } from 'node:path';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { type NodeOptions, type PlainDeclaration, TablecastError, isTablecastError } from '../index.ts';
import { type CredentialFlags, DEFAULT_PORT, requirePeerUrl } from './command.ts';
import { type FileConfig, readConfigFile } from './config-file.ts';
import { readCredentials, readText } from './credentials.ts';
import { usageError } from './failure.ts';
import { type NatsFlags, natsOf, natsOptions } from './nats-config.ts';
import { parseRetention } from './retention-words.ts';
import type { NamedDeclaration } from './table-words.ts';
import { type ZeekFlags, zeekOf, zeekOptions } from './zeek-config.ts';

const DEFAULT_FILE = 'tablecast.json';

/** The flags of `run`, from the command line or the environment. */
export interface RunFlags extends CredentialFlags, NatsFlags, ZeekFlags {
  readonly config?: string | undefined;
  readonly id?: string | undefined;
  readonly directory?: string | undefined;
  readonly durability?: string | undefined;
  readonly failureMode?: string | undefined;
  /** False for `--no-listen`. */
  readonly listen?: string | false | undefined;
  readonly socket?: string | undefined;
  readonly health?: string | undefined;
  readonly http?: string | undefined;
  readonly httpHealth?: boolean | undefined;
  readonly sql?: true | string | undefined;
  readonly retention?: string | undefined;
  readonly tlsRequireClient?: boolean | undefined;
  readonly peer?: readonly string[] | undefined;
  readonly table?: readonly NamedDeclaration[] | undefined;
}

/** A node as configured: secrets still by the names of their files. */
export interface RunConfig extends Omit<FileConfig, 'id' | 'tables' | 'peers'> {
  readonly id: string;
  readonly peers: readonly string[];
  readonly tables: Readonly<Record<string, PlainDeclaration>>;
  /** The file that was read, if one was. */
  readonly source: string | undefined;
}

/** Puts flags and environment over the file, and both over the defaults. Throws `OPTION_INVALID`. */
export function runConfig(flags: RunFlags): RunConfig {
  return configFrom(flags.config ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined), flags);
}

/** The configuration as it is now, of the same file, which has to be there. Throws `OPTION_INVALID`. */
export function rereadConfig(flags: RunFlags, { source }: RunConfig): RunConfig {
  return configFrom(source, flags);
}

function configFrom(source: string | undefined, flags: RunFlags): RunConfig {
  const file = source === undefined ? {} : readConfigFile(source);
  const peers = flags.peer ?? file.peers ?? [];
  for (const peer of peers) requirePeerUrl(peer);
  const tables = new Map(Object.entries(file.tables ?? {}));
  for (const { name, declaration } of flags.table ?? []) tables.set(name, declaration);
  return {
    source,
    id:
      flags.id ??
      file.id ??
      hostname()
        .replace(/[^A-Za-z0-9_.-]/g, '-')
        .slice(0, 64),
    directory: flags.directory ?? file.directory,
    durability: (flags.durability as FileConfig['durability']) ?? file.durability,
    failureMode: (flags.failureMode as FileConfig['failureMode']) ?? file.failureMode,
    listen: listenOf(flags, file),
    socket: flags.socket === undefined ? file.socket : resolve(flags.socket),
    peers,
    auth: authOf(flags, file),
    sql: flags.sql ?? file.sql,
    health: flags.health === undefined ? file.health : parseListen(flags.health, '--health'),
    http: httpOf(flags, file),
    retention: flags.retention === undefined ? file.retention : parseRetention(flags.retention),
    limits: file.limits,
    nats: natsOf(flags, file.nats),
    zeek: zeekOf(flags, file.zeek),
    tables: Object.fromEntries(tables),
  };
}

/** The same certificate as that for nodes, where flags give it and the file says nothing else. */
function httpOf(flags: RunFlags, file: FileConfig): FileConfig['http'] {
  const at = flags.http === undefined ? file.http : { ...file.http, ...parseListen(flags.http, '--http') };
  const place = at !== undefined && flags.httpHealth === true ? { ...at, health: true } : at;
  const { tlsCert: cert, tlsKey: key } = flags;
  if (place === undefined || place.tls !== undefined || cert === undefined || key === undefined) return place;
  return { ...place, tls: { cert, key } };
}

function listenOf(flags: RunFlags, file: FileConfig): Exclude<FileConfig['listen'], undefined> {
  const before = file.listen === undefined ? { port: DEFAULT_PORT } : file.listen;
  if (flags.listen === false || (flags.listen === undefined && before === false)) return false;
  const place = flags.listen === undefined ? {} : parseListen(flags.listen);
  const listen = { ...(before === false ? { port: DEFAULT_PORT } : before), ...place };
  const { tlsCert: cert, tlsKey: key, tlsCa: ca, tlsRequireClient: requireClientCertificate } = flags;
  if (cert === undefined || key === undefined) return listen;
  const required = requireClientCertificate && { requireClientCertificate };
  return { ...listen, tls: { cert, key, ...(ca && { ca }), ...required } };
}

function authOf(flags: RunFlags, file: FileConfig): FileConfig['auth'] {
  const given = {
    token: flags.token,
    tokenFile: flags.tokenFile,
    ca: flags.tlsCa,
    cert: flags.tlsCert,
    key: flags.tlsKey,
  };
  const set = Object.fromEntries(Object.entries(given).filter(([, part]) => part !== undefined));
  // One of the two forms of the token replaces the other.
  const secret =
    flags.token === undefined && flags.tokenFile === undefined
      ? {}
      : { token: undefined, tokenFile: undefined };
  const auth = { ...file.auth, ...secret, ...set };
  return Object.keys(auth).length === 0 ? undefined : auth;
}

/** Reads `PORT`, `HOST:PORT`, `[IPV6]:PORT` or `:PORT`. Throws `OPTION_INVALID`. */
export function parseListen(text: string, flag = '--listen'): { port: number; host?: string } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]:|([^:]*):)?(\d{1,5})$/.exec(text) ?? [];
  const number = Number(port);
  if (port === undefined || number > 65_535) {
    throw usageError(
      `${flag} ${text} is no port and no host:port.`,
      'Write 47760, 0.0.0.0:47760 or [::1]:47760; port 0 takes a free one.',
    );
  }
  const host = bracketed ?? plain ?? '';
  return host === '' ? { port: number } : { port: number, host };
}

/**
 * Returns the options of a node: reads tokens, keys and certificates. Throws `OPTION_INVALID` for what cannot
 * be read.
 */
export function nodeOptions(config: RunConfig): NodeOptions {
  const {
    id,
    directory,
    durability,
    failureMode,
    listen,
    socket,
    peers,
    auth,
    health,
    http,
    sql,
    retention,
    limits,
    nats,
    zeek,
  } = config;
  return {
    id,
    directory,
    durability,
    failureMode,
    health,
    http: http && { ...http, tls: http.tls && readTls(http.tls) },
    sql,
    retention,
    limits,
    nats: nats && natsOptions(nats),
    zeek: zeek?.map(zeekOptions),
    peers,
    auth: auth && readAuth(auth),
    socket: typeof socket === 'object' ? { path: socket.path, mode: modeIn(socket.mode) } : socket,
    listen:
      listen === undefined || listen === false
        ? undefined
        : { ...listen, tls: listen.tls && readTls(listen.tls) },
  };
}

/** Returns the number of a file's mode as chmod writes it. */
function modeIn(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number.parseInt(text, 8);
}

function readAuth(auth: NonNullable<FileConfig['auth']>): NodeOptions['auth'] {
  const { token, tokenFile, dialToken, dialTokenFile, credentials, ca, cert, key } = auth;
  return {
    ...readCredentials({ token, tokenFile, tlsCa: ca, tlsCert: cert, tlsKey: key }),
    dialToken: secretOf(dialToken, dialTokenFile),
    credentials: credentials?.map(({ tokenFile: file, ...one }) => ({
      ...one,
      token: secretOf(one.token, file),
    })),
  };
}

function secretOf(token: string | undefined, file: string | undefined): string | undefined {
  return token ?? (file === undefined ? undefined : readText(file, 'token file').trim());
}

function readTls(tls: {
  cert: string;
  key: string;
  ca?: string | undefined;
  requireClientCertificate?: boolean | undefined;
}) {
  return {
    cert: readText(tls.cert, 'TLS certificate'),
    key: readText(tls.key, 'TLS key'),
    ca: tls.ca === undefined ? undefined : readText(tls.ca, 'TLS authority'),
    requireClientCertificate: tls.requireClientCertificate,
  };
}

/**
 * An error about options as it can be told: what a file says of them is left out, since a secret may stand in the
 * wrong place. Paths and addresses, which errors of disk and network need, are in errors of other codes.
 */
export function withoutValues(error: unknown, { source, id, retention, tables, zeek }: RunConfig): unknown {
  const told = isTablecastError(error, 'OPTION_INVALID') || isTablecastError(error, 'DECLARATION_INVALID');
  if (source === undefined || !told) return error;
  const clusters = (zeek ?? []).map(({ tables: named }) => (named === 'all' ? {} : named));
  const names = new Set([tables, ...clusters].flatMap((named) => Object.keys(named)));
  const texts = Array.from(textsIn([id, retention, tables, clusters]), (text) => JSON.stringify(text));
  // A quotation in a message is a name, or a value or a part of one.
  const message = error.message.replace(/"((?:[^"\\]|\\.)*)"/g, (quoted, inner: string) => {
    return !names.has(inner) && texts.some((text) => text.includes(inner)) ? '"…"' : quoted;
  });
  return new TablecastError(error.code, message, {
    hint: error.hint,
    details: { option: error.details.option },
  });
}

/** Every text in a value, but not the names of its members. */
function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null)
    for (const member of Object.values(value)) yield* textsIn(member);
}

/** A target as it can be shown: user, password and parameters are masked. */
function withoutUser(target: string): string {
  return target.replace(/^(\w+:\/\/)[^/]*@/, '$1***@').replace(/\?.*$/s, '?***');
}

/** The configuration as it can be shown: tokens and passwords are masked. */
export function shownConfig({ source, auth, sql, ...rest }: RunConfig): unknown {
  const config =
    sql === undefined ? rest : { ...rest, sql: typeof sql === 'string' ? withoutUser(sql) : sql };
  if (auth === undefined) return { source, ...config };
  const masked = {
    ...(auth.token !== undefined && { token: '***' }),
    ...(auth.dialToken !== undefined && { dialToken: '***' }),
    ...(auth.credentials && {
      credentials: auth.credentials.map((one) => ({
        ...one,
        ...(one.token !== undefined && { token: '***' }),
      })),
    }),
  };
  return { source, ...config, auth: { ...auth, ...masked } };
}
