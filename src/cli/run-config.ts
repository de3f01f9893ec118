import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { type NodeOptions, type TableDeclaration } from '../index.ts';
import { type CredentialFlags, DEFAULT_PORT } from './command.ts';
import { type FileConfig, readConfigFile } from './config-file.ts';
import { readCredentials, readText } from './credentials.ts';
import { usageError } from './failure.ts';
import type { NamedDeclaration } from './table-words.ts';
import { zeekOptions } from './zeek-config.ts';

const DEFAULT_FILE = 'tablecast.json';

/** The flags of `run`, from the command line or the environment. */
export interface RunFlags extends CredentialFlags {
  readonly config?: string | undefined;
  readonly id?: string | undefined;
  readonly directory?: string | undefined;
  readonly durability?: string | undefined;
  readonly failureMode?: string | undefined;
  /** False for `--no-listen`. */
  readonly listen?: string | false | undefined;
  readonly tlsRequireClient?: boolean | undefined;
  readonly peer?: readonly string[] | undefined;
  readonly table?: readonly NamedDeclaration[] | undefined;
}

/** A node as configured: secrets still by the names of their files. */
export interface RunConfig extends Omit<FileConfig, 'id' | 'tables' | 'peers'> {
  readonly id: string;
  readonly peers: readonly string[];
  readonly tables: Readonly<Record<string, TableDeclaration>>;
  /** The file that was read, if one was. */
  readonly source: string | undefined;
}

/** Puts flags and environment over the file, and both over the defaults. Throws `OPTION_INVALID`. */
export function runConfig(flags: RunFlags): RunConfig {
  const source = flags.config ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined);
  const file = source === undefined ? {} : readConfigFile(source);
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
    peers: flags.peer ?? file.peers ?? [],
    auth: authOf(flags, file),
    limits: file.limits,
    zeek: file.zeek,
    tables: Object.fromEntries(tables),
  };
}

function listenOf(flags: RunFlags, file: FileConfig): Exclude<FileConfig['listen'], undefined> {
  const before = file.listen === undefined ? { port: DEFAULT_PORT } : file.listen;
  if (flags.listen === false || (flags.listen === undefined && before === false)) return false;
  const place = flags.listen === undefined ? {} : parseListen(flags.listen);
  const listen = { ...(before === false ? { port: DEFAULT_PORT } : before), ...place };
  const { tlsCert: cert, tlsKey: key, tlsCa: ca, tlsRequireClient: requestCert } = flags;
  if (cert === undefined || key === undefined) return listen;
  return { ...listen, tls: { cert, key, ...(ca && { ca }), ...(requestCert && { requestCert }) } };
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
export function parseListen(text: string): { port: number; host?: string } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]:|([^:]*):)?(\d{1,5})$/.exec(text) ?? [];
  const number = Number(port);
  if (port === undefined || number > 65_535) {
    throw usageError(
      `--listen ${text} is no port and no host:port.`,
      'Write 47760, 0.0.0.0:47760 or [::1]:47760; port 0 takes a free one.',
    );
  }
  const host = bracketed ?? plain ?? '';
  return host === '' ? { port: number } : { port: number, host };
}

/** The options of a node: reads tokens, keys and certificates. Throws `OPTION_INVALID` for what cannot be read. */
export function nodeOptions(config: RunConfig): NodeOptions {
  const { id, directory, durability, failureMode, listen, peers, auth, limits, zeek } = config;
  const { token, tokenFile, ca, cert, key } = auth ?? {};
  return {
    id,
    directory,
    durability,
    failureMode,
    limits,
    zeek: zeek?.map(zeekOptions),
    peers,
    auth: readCredentials({ token, tokenFile, tlsCa: ca, tlsCert: cert, tlsKey: key }),
    listen:
      listen === undefined || listen === false
        ? undefined
        : { port: listen.port, host: listen.host, tls: listen.tls && readTls(listen.tls) },
  };
}

function readTls(tls: {
  cert: string;
  key: string;
  ca?: string | undefined;
  requestCert?: boolean | undefined;
}) {
  return {
    cert: readText(tls.cert, 'TLS certificate'),
    key: readText(tls.key, 'TLS key'),
    ca: tls.ca === undefined ? undefined : readText(tls.ca, 'TLS authority'),
    requestCert: tls.requestCert,
  };
}

/** The configuration as it can be shown: the token is masked. */
export function shownConfig({ source, auth, ...config }: RunConfig): unknown {
  const token = auth?.token === undefined ? {} : { token: '***' };
  return { source, ...config, ...(auth && { auth: { ...auth, ...token } }) };
}
