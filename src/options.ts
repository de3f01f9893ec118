import * as v from 'valibot';
import { TablecastError } from './errors.ts';
import { checkOwnId } from './log/origin.ts';
import { type ZeekAttachmentOptions, zeekAttachmentSchema } from './zeek/options.ts';

const pem = v.union([v.string(), v.instance(Uint8Array)]);
const positive = v.pipe(v.number(), v.integer(), v.minValue(1));

const listen = v.strictObject({
  port: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535)),
  host: v.optional(v.pipe(v.string(), v.minLength(1))),
  tls: v.optional(
    v.strictObject({ cert: pem, key: pem, ca: v.optional(pem), requestCert: v.optional(v.boolean()) }),
  ),
});

const MAX_CLUSTERS = 16;

const schema = v.strictObject({
  id: v.string(),
  directory: v.optional(v.pipe(v.string(), v.minLength(1))),
  durability: v.optional(v.picklist(['commit', 'interval'])),
  failureMode: v.optional(v.picklist(['refuse', 'delete'])),
  listen: v.optional(listen),
  peers: v.optional(v.pipe(v.array(v.pipe(v.string(), v.regex(/^wss?:\/\//))), v.maxLength(64))),
  auth: v.optional(
    v.strictObject({
      token: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(1024))),
      ca: v.optional(pem),
      cert: v.optional(pem),
      key: v.optional(pem),
    }),
  ),
  limits: v.optional(
    v.strictObject({
      maxPeers: v.optional(positive),
      maxTables: v.optional(positive),
      maxFrameBytes: v.optional(positive),
      maxQueuedBytes: v.optional(positive),
      maxMemoryLogBytes: v.optional(positive),
      maxFileBytes: v.optional(positive),
    }),
  ),
  zeek: v.optional(
    v.union([v.pipe(v.array(zeekAttachmentSchema), v.maxLength(MAX_CLUSTERS)), zeekAttachmentSchema]),
  ),
});

/** PEM text or bytes. */
export type Pem = string | Uint8Array;

/** Bounds of one node. */
export interface Limits {
  /** Connections accepted and peers dialled, together. Default 64. */
  readonly maxPeers?: number | undefined;
  /** Tables declared. Default 1,024. */
  readonly maxTables?: number | undefined;
  /** Bytes of one frame, either way. Default 4 MiB; every node of a cluster needs the same. */
  readonly maxFrameBytes?: number | undefined;
  /** Bytes queued for one peer before it is cut off and caught up later from the log. Default 16 MiB. */
  readonly maxQueuedBytes?: number | undefined;
  /** Bytes of log kept for memory tables; older operations are forgotten, rows never. Default 64 MiB. */
  readonly maxMemoryLogBytes?: number | undefined;
  /** Bytes of the database file; beyond it writes are refused with `BACKEND_FULL`. Default unbounded. */
  readonly maxFileBytes?: number | undefined;
}

/** Options of {@link openNode}. */
export interface NodeOptions {
  /** Names this node in the cluster: 1 to 64 letters, digits, `_`, `.`, `-`; another one on each node. */
  readonly id: string;
  /** Where the database of sqlite tables lives; created when missing. Needed for sqlite tables only. */
  readonly directory?: string | undefined;
  /**
   * `commit` (default): a flushed write survives a power loss. `interval`: it survives a killed
   * process; a power loss takes at most the last 100 ms.
   */
  readonly durability?: 'commit' | 'interval' | undefined;
  /** What to do with a damaged database: `refuse` (default), or `delete`: set it aside under another name and start empty. */
  readonly failureMode?: 'refuse' | 'delete' | undefined;
  /** Where to accept connections; port 0 takes a free one, host defaults to 127.0.0.1. Left out: this node only dials. */
  readonly listen?:
    | {
        readonly port: number;
        readonly host?: string | undefined;
        readonly tls?:
          | {
              readonly cert: Pem;
              readonly key: Pem;
              readonly ca?: Pem | undefined;
              readonly requestCert?: boolean | undefined;
            }
          | undefined;
      }
    | undefined;
  /** Nodes to connect to, as `ws://host:port` or `wss://host:port`; tried again until they are there. */
  readonly peers?: readonly string[] | undefined;
  /** Shared token, and what this node trusts and shows when it dials `wss://`. */
  readonly auth?:
    | {
        readonly token?: string | undefined;
        readonly ca?: Pem | undefined;
        readonly cert?: Pem | undefined;
        readonly key?: Pem | undefined;
      }
    | undefined;
  readonly limits?: Limits | undefined;
  /** Zeek clusters to attach to from the start: see {@link TableNode.attachZeek}. */
  readonly zeek?: ZeekAttachmentOptions | readonly ZeekAttachmentOptions[] | undefined;
}

/** Checks options from a program or a file. Throws `OPTION_INVALID`, which names the member. */
export function checkOptions(options: unknown): NodeOptions {
  const result = v.safeParse(schema, options);
  if (result.success) {
    checkOwnId(result.output.id);
    return result.output;
  }
  const [issue] = result.issues;
  const path = issue.path?.map((item) => String(item.key)).join('.') ?? 'options';
  const unknown = issue.type === 'strict_object' && issue.expected === 'never';
  const problem = unknown
    ? 'is not an option'
    : `expects ${issue.expected ?? 'another value'}, not ${issue.received}`;
  throw new TablecastError('OPTION_INVALID', `Option ${path} ${problem}.`, {
    hint: unknown
      ? `Options are ${Object.keys(schema.entries).join(', ')}.`
      : 'See NodeOptions in the API reference for what each option takes.',
    details: { option: path },
  });
}
