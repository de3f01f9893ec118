import { checkCredentials, checkToken } from '../access/check.ts';
import type { CredentialChange, CredentialOptions, Verifier } from '../access/rights.ts';
import type { HttpOptions } from '../http/options.ts';
import type { Backend } from '../log/backend.ts';
import type { Transport } from '../transport/transport.ts';
import { type ListenUnix, checkSocketPath } from '../transport/websocket/socket-path.ts';
import { type NatsOptions, requireTogether } from '../nats/options.ts';
import { requirePlaceOfSql } from '../options/sql-target.ts';
import { checkedOptions } from '../options/checked-options.ts';
import { requirePems } from '../options/pem.ts';
import { certificateChangeSchema, credentialChangeSchema, nodeOptionsSchema } from './options-schema.ts';
import { checkOwnPorts } from './own-ports.ts';
import { TablecastError } from '../errors.ts';
import { checkOwnId } from '../log/operations/origin.ts';
import type { Tracer } from '../observability/tracing.ts';
import type { RetentionLimits } from '../log/trimming/retention.ts';
import { type Duration, parseDuration } from '../schema/index.ts';
import type { ZeekAttachmentOptions } from '../zeek/options.ts';

/** A PEM is given as text or as bytes. */
export type Pem = string | Uint8Array;

/** The limits bound what peers, users and the disk can make one node keep. */
export interface Limits {
  /** Bounds connections accepted and peers dialled, together. Default 64. */
  readonly maxPeers?: number | undefined;
  /** Bounds the tables declared. Default 1,024. */
  readonly maxTables?: number | undefined;
  /** Bounds the bytes of one frame, either way. Default 4 MiB; every node of a cluster needs the same. */
  readonly maxFrameBytes?: number | undefined;
  /**
   * Bounds the bytes queued for one peer; beyond it the peer is cut off and caught up later from the log.
   * Default 16 MiB.
   */
  readonly maxQueuedBytes?: number | undefined;
  /** Bounds the bytes of log kept for memory tables; older operations are forgotten, rows never. Default 64 MiB. */
  readonly maxMemoryLogBytes?: number | undefined;
  /** Bounds the bytes of the database file; beyond it writes are refused with `BACKEND_FULL`. Default unbounded. */
  readonly maxFileBytes?: number | undefined;
  /** Bounds the operations taken from one peer in a second, on average; what comes faster waits. Default 1,000,000. */
  readonly maxOperationsPerSecond?: number | undefined;
  /** Bounds the bytes taken from one peer in a second, on average; what comes faster waits. Default 128 MiB. */
  readonly maxBytesPerSecond?: number | undefined;
  /**
   * Says how many subscribers, or readers, one stream of a table or of the node may have before they are told of
   * (`subscribers-many`). Most often they are forgotten ones; nobody is refused. Default 1,024.
   */
  readonly maxSubscribers?: number | undefined;
}

/**
 * Retention says how much of the log of sqlite tables is kept; rows are never touched. Of several limits the
 * first one reached counts. Only what checkpoints cover is trimmed, in whole blocks, so more than this is
 * there for a while.
 */
export interface Retention {
  /**
   * Lets operations go that came into this log longer ago: milliseconds, or text such as `'12h'`, `'30d'`; at
   * least a second.
   */
  readonly age?: Duration | undefined;
  /** Keeps this many bytes of log, as they are stored. */
  readonly bytes?: number | undefined;
  /** Keeps this many of the newest positions of the log. */
  readonly operations?: number | undefined;
}

/** The options say how {@link openNode} opens a node. */
export interface NodeOptions {
  /** Names this node in the cluster: 1 to 64 letters, digits, `_`, `.`, `-`; another one on each node. */
  readonly id: string;
  /** Names the directory of the database of sqlite tables; it is created when missing. Only sqlite tables need it. */
  readonly directory?: string | undefined;
  /**
   * Says what a flushed write survives. `commit` (default): a power loss. `interval`: a killed process; a
   * power loss takes at most the last 100 ms.
   */
  readonly durability?: 'commit' | 'interval' | undefined;
  /**
   * Says what to do with a damaged database: `refuse` (default), or `delete`: set it aside under another name
   * and start empty.
   */
  readonly failureMode?: 'refuse' | 'delete' | undefined;
  /**
   * Says where to accept connections; port 0 takes a free one, host defaults to 127.0.0.1. Left out: this
   * node only dials.
   */
  readonly listen?:
    | {
        readonly port: number;
        readonly host?: string | undefined;
        readonly tls?:
          | {
              readonly cert: Pem;
              readonly key: Pem;
              readonly ca?: Pem | undefined;
              /** Requires of a node that connects a certificate that `ca` signed. */
              readonly requireClientCertificate?: boolean | undefined;
            }
          | undefined;
        /** Lists names that may stand in the Host header. Default: on loopback those of loopback, elsewhere any. */
        readonly hosts?: readonly string[] | undefined;
        /** Lists pages that may connect, by their Origin, such as `https://example.org`. Default none. */
        readonly origins?: readonly string[] | undefined;
      }
    | undefined;
  /**
   * Says at which Unix domain socket to accept connections of this machine, beside `listen` or without: an absolute path of
   * at most 103 letters, digits and `/._-+@=~,`. Only who may open its file gets that far; `mode` is as for chmod, default
   * `0o600`. `auth` counts there too. Peers dial `ws+unix:///run/hub.sock`.
   */
  readonly socket?: string | { readonly path: string; readonly mode?: number | undefined } | undefined;
  /**
   * Adds backends of your own, by the names that declarations use beside `memory` and `sqlite`; at most 16. The node
   * opens and closes them. One that is durable keeps rows and log as sqlite does. See docs/write-your-own.md.
   */
  readonly backends?: Readonly<Record<string, Backend>> | undefined;
  /**
   * Adds transports of your own beside WebSocket; at most 16. Each listens from the start, and dials the peers whose
   * addresses begin with its name: `tcp` dials `tcp://…`. The node closes them. See docs/write-your-own.md.
   */
  readonly transports?: readonly Transport[] | undefined;
  /**
   * Lets all nodes of a group share their tables through NATS JetStream, beside `peers` or without any: see docs/nats.md.
   * Needs the packages `@nats-io/transport-node` and `@nats-io/jetstream`.
   */
  readonly nats?: NatsOptions | undefined;
  /**
   * Lists nodes to connect to, as `ws://host:port`, `wss://host:port`, `ws+unix:///path` or an address of one of
   * `transports`; they are dialled until they are there.
   */
  readonly peers?: readonly string[] | undefined;
  /** Says who may connect and what each may do, and what this node trusts and shows when it dials. */
  readonly auth?:
    | {
        /** Is shared by all: shown when dialling; a node that shows it may do everything. */
        readonly token?: string | undefined;
        /** Is shown when dialling instead of `token`; never accepted. */
        readonly dialToken?: string | undefined;
        /** Lists nodes known one by one, with their rights; also those of dialled nodes, by certificate or id. */
        readonly credentials?: readonly CredentialOptions[] | undefined;
        /** Decides on who connects instead of token and credentials, for JWT and the like. */
        readonly verify?: Verifier | undefined;
        /** Trusts these authorities when dialling `wss://`; `cert` and `key` are shown then. */
        readonly ca?: Pem | undefined;
        readonly cert?: Pem | undefined;
        readonly key?: Pem | undefined;
      }
    | undefined;
  /**
   * Answers `/livez`, `/readyz` and Prometheus `/metrics` over HTTP, from before recovery on; port 0 takes a free
   * one, host defaults to 127.0.0.1. Names of tables and peers are told, never what is in a table; there is no
   * authentication, so give another host only where everybody who reaches it may know these.
   */
  readonly health?: { readonly port: number; readonly host?: string | undefined } | undefined;
  /**
   * Answers about the tables over HTTP, with the rights that credentials have; port 0 takes a free one, host
   * defaults to 127.0.0.1: see docs/http.md.
   */
  readonly http?: HttpOptions | undefined;
  /** Says how much of the log is kept. Default: all of it. */
  readonly retention?: Retention | undefined;
  /**
   * Keeps every table in SQL as well, typed, for `SELECT`: `true` in `<directory>/<id>.rows.db`, or in the
   * file or database that is named. See {@link TableNode.project} for single tables and other targets.
   */
  readonly sql?: true | string | undefined;
  readonly limits?: Limits | undefined;
  /**
   * Is a tracer of `@opentelemetry/api`, such as `trace.getTracer('my-program')`: it is asked for the spans
   * `tablecast.commit`, `tablecast.send` and `tablecast.apply`. Left out, nothing is traced and nothing is paid.
   */
  readonly tracing?: Tracer | undefined;
  /** Lists Zeek clusters to attach to from the start: see {@link TableNode.attachZeek}. */
  readonly zeek?: ZeekAttachmentOptions | readonly ZeekAttachmentOptions[] | undefined;
}

const MIN_AGE_MS = 1000;

/** Retention in the terms of the log. Throws `OPTION_INVALID`. */
export function retentionLimits({ age, bytes, operations }: Retention = {}): RetentionLimits {
  const ageMs = age === undefined ? undefined : parseDuration(age, 'retention.age');
  if (ageMs !== undefined && ageMs < MIN_AGE_MS) {
    throw new TablecastError('OPTION_INVALID', `retention.age is ${ageMs} ms.`, {
      hint: 'Keep at least a second.',
      details: { option: 'retention.age' },
    });
  }
  return { ageMs, bytes, operations };
}

/** A change takes the place of the certificates in use. */
export interface CertificateChange {
  /** Is shown to nodes that connect, with the authority of theirs; left out: as before. */
  readonly listen?: { readonly cert: Pem; readonly key: Pem; readonly ca?: Pem | undefined } | undefined;
  /** Is shown over HTTP, with the authority of those who ask; left out: as before. */
  readonly http?: { readonly cert: Pem; readonly key: Pem; readonly ca?: Pem | undefined } | undefined;
  /** Is shown and trusted when dialling; left out: as before. */
  readonly dial?:
    | { readonly ca?: Pem | undefined; readonly cert?: Pem | undefined; readonly key?: Pem | undefined }
    | undefined;
}

/** Checks certificates that are to take the place of others, as far as their form goes. Throws `OPTION_INVALID`. */
export function checkCertificateChange(change: unknown): CertificateChange {
  const checked = checkedOptions(certificateChangeSchema, change, { of: 'of reloadCertificates' });
  for (const [name, pems] of Object.entries(checked)) requirePems(pems ?? {}, name);
  return checked;
}

/** Checks credentials that are to take the place of others. Throws `OPTION_INVALID`, which names no secret. */
export function checkCredentialChange(change: unknown): CredentialChange {
  const { token, dialToken, credentials } = checkedOptions(credentialChangeSchema, change, { at: 'auth' });
  checkToken(token, 'auth.token');
  checkToken(dialToken, 'auth.dialToken');
  return { token, dialToken, credentials: credentials && checkCredentials(credentials) };
}

/** Checks options from a program or a file. Throws `OPTION_INVALID`, which names the member. */
export function checkOptions(options: unknown): NodeOptions {
  const checked = checkedOptions(nodeOptionsSchema, options);
  const { auth, peers = [] } = checked;
  checkOwnId(checked.id);
  checkToken(auth?.token, 'auth.token');
  checkToken(auth?.dialToken, 'auth.dialToken');
  retentionLimits(checked.retention);
  requirePlaceOfRows(checked);
  checkSocket(checked);
  checkOwnPorts(checked);
  if (typeof checked.sql === 'string') requirePlaceOfSql(checked.sql);
  if (checked.nats !== undefined) requireTogether(checked.nats);
  requirePems(auth ?? {}, 'auth');
  requirePems(checked.listen?.tls ?? {}, 'listen.tls');
  requirePems(checked.http?.tls ?? {}, 'http.tls');
  for (const [index, peer] of peers.entries()) checkPeerAddress(peer, `peers.${index}`);
  if (auth?.credentials === undefined) return checked as NodeOptions;
  const credentials = checkCredentials(auth.credentials);
  return { ...checked, auth: { ...auth, credentials } } as NodeOptions;
}

/** Throws `OPTION_INVALID` when tables are to be kept for SQL beside a database that there is not. */
function requirePlaceOfRows({ sql, directory }: Pick<NodeOptions, 'sql' | 'directory'>): void {
  if (sql !== true || directory !== undefined) return;
  throw new TablecastError('OPTION_INVALID', 'Option sql is true, and the node has no directory.', {
    hint: "Give it a directory, or name a file: sql: 'rows.db'.",
    details: { option: 'sql' },
  });
}

/** Returns where the node accepts connections of this machine; undefined where it does not. */
export function socketOf({ socket }: Pick<NodeOptions, 'socket'>): ListenUnix | undefined {
  return typeof socket === 'string' ? { path: socket } : socket;
}

function checkSocket({ socket, listen: port }: Pick<NodeOptions, 'socket' | 'listen'>): void {
  const place = socketOf({ socket });
  if (place === undefined) return;
  checkSocketPath(place.path, typeof socket === 'string' ? 'socket' : 'socket.path');
  if (port?.tls?.requireClientCertificate !== true) return;
  throw new TablecastError(
    'OPTION_INVALID',
    'Option socket is given, and every node has to show a certificate.',
    {
      hint: 'Nobody shows one over a socket: leave socket out, or listen.tls.requireClientCertificate.',
      details: { option: 'socket' },
    },
  );
}

/** Addresses are told in events and in `node.peers`: one that may hold a secret is refused, and not repeated. */
function checkPeerAddress(address: string, option: string): void {
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/?#@]*(?:\/[^?#]*)?$/.test(address)) return;
  throw new TablecastError('OPTION_INVALID', `Option ${option} carries credentials, a query or a fragment.`, {
    hint: 'Give nothing but host, port and path in the address; a token is auth.token or auth.dialToken.',
    details: { option },
  });
}
