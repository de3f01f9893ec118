import * as v from 'valibot';
import { TablecastError } from '../errors.ts';
import type { PlainDeclaration } from '../schema/index.ts';
import type { ZeekTableDescription } from './protocol/index.ts';
import { namedRecord } from './named-record.ts';

/** A PEM is given as text or as bytes. */
type Pem = string | Uint8Array;

/** A table of a Zeek cluster has Zeek's description, and these for how Tablecast keeps it. */
export interface ZeekTableOptions
  extends ZeekTableDescription, Pick<PlainDeclaration, 'mode' | 'createExpire' | 'writeExpire'> {
  /** Says where the table's log is kept. Default `sqlite` when the node has a directory, else `memory`. */
  readonly backend?: 'memory' | 'sqlite' | undefined;
}

/** The timings say how patient an attachment is, in milliseconds. */
export interface ZeekAttachmentTimings {
  /** Bounds the handshakes, and again Zeek's acknowledgement. Default 10,000. */
  readonly handshakeMs?: number | undefined;
  /** Bounds silence: then a connection is asked for a sign of life. Default 30,000. */
  readonly silenceMs?: number | undefined;
  /** Is the pause before the first attempt to connect again. Default 250. */
  readonly firstRetryMs?: number | undefined;
  /** Is the longest pause between attempts. Default 30,000. */
  readonly maxRetryMs?: number | undefined;
  /** Is the least time between two refills for Zeek nodes that nobody announced. Default 30,000. */
  readonly refillPauseMs?: number | undefined;
  /** Says how long equal reports are gathered into one event. Default 1,000. */
  readonly reportMs?: number | undefined;
  /** Bounds the silence after Zeek was asked what a table holds; then it is asked again. Default 10,000. */
  readonly answerMs?: number | undefined;
  /** Says how much later than such an answer changes may arrive that Zeek made before it. Default 250. */
  readonly settleMs?: number | undefined;
}

/** The limits bound what Zeek can make an attachment keep. */
export interface ZeekAttachmentLimits {
  /** Bounds the bytes of a frame accepted from Zeek. Default 16 MiB. */
  readonly maxFrameBytes?: number | undefined;
  /** Bounds the bytes that may wait for a slow connection; at least 64 KiB. Default 16 MiB. */
  readonly maxQueuedBytes?: number | undefined;
  /** Bounds the rows of one table that Zeek is asked for; larger ones are not compared. Default 1,000,000. */
  readonly maxContentRows?: number | undefined;
}

/** The options say how {@link TableNode.attachZeek} attaches a node to a cluster. */
export interface ZeekAttachmentOptions {
  /** Names a WebSocket server of the cluster, as `ws://host:port` or `wss://host:port`. */
  readonly url: string;
  /**
   * Names the cluster, 1 to 16 letters, digits, `_` and `-`. Needed when several nodes of this group
   * attach to one cluster: with the same name here they do not send its own changes back to it. Different
   * clusters need different names.
   */
  readonly cluster?: string | undefined;
  /** Lists the tables with `&publish_on_change`, by their full names. */
  readonly tables: Readonly<Record<string, ZeekTableOptions>>;
  /** Lists prefixes of topics to receive beside those of the tables: for tables whose topic is a function. */
  readonly topics?: readonly string[] | undefined;
  /** Holds the certificates for `wss://`, in PEM. */
  readonly tls?:
    | {
        readonly ca?: Pem | undefined;
        readonly cert?: Pem | undefined;
        readonly key?: Pem | undefined;
        readonly servername?: string | undefined;
      }
    | undefined;
  readonly timings?: ZeekAttachmentTimings | undefined;
  readonly limits?: ZeekAttachmentLimits | undefined;
}

const MAX_TABLES = 1024;

const pem = v.union([v.string(), v.instance(Uint8Array)]);
const milliseconds = v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(86_400_000)));
const MIN_BYTES = 65_536;
const bytes = v.optional(v.pipe(v.number(), v.integer(), v.minValue(MIN_BYTES)));
const count = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff)));
const duration = v.optional(v.union([v.number(), v.string()]));

const table = v.strictObject({
  type: v.string(),
  types: v.optional(namedRecord(v.string())),
  topic: v.optional(v.pipe(v.string(), v.minLength(1))),
  backend: v.optional(v.picklist(['memory', 'sqlite'])),
  mode: v.optional(v.picklist(['naive', 'lww', 'automerge'])),
  createExpire: duration,
  writeExpire: duration,
});

/** Checks the options of an attachment as far as their form goes. */
export const zeekAttachmentSchema: v.GenericSchema<ZeekAttachmentOptions> = v.strictObject({
  url: v.pipe(v.string(), v.regex(/^wss?:\/\//)),
  cluster: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,16}$/))),
  tables: v.pipe(
    namedRecord(table),
    v.check((tables) => Object.keys(tables).length <= MAX_TABLES, `at most ${MAX_TABLES} tables`),
  ),
  topics: v.optional(v.pipe(v.array(v.pipe(v.string(), v.minLength(1))), v.maxLength(256))),
  tls: v.optional(
    v.strictObject({
      ca: v.optional(pem),
      cert: v.optional(pem),
      key: v.optional(pem),
      servername: v.optional(v.string()),
    }),
  ),
  timings: v.optional(
    v.strictObject({
      handshakeMs: milliseconds,
      silenceMs: milliseconds,
      firstRetryMs: milliseconds,
      maxRetryMs: milliseconds,
      refillPauseMs: milliseconds,
      reportMs: milliseconds,
      answerMs: milliseconds,
      settleMs: milliseconds,
    }),
  ),
  limits: v.optional(v.strictObject({ maxFrameBytes: bytes, maxQueuedBytes: bytes, maxContentRows: count })),
});

/** Checks the options of an attachment. Throws `OPTION_INVALID`, which names the member. */
export function checkZeekOptions(options: unknown): ZeekAttachmentOptions {
  const result = v.safeParse(zeekAttachmentSchema, options);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = ['zeek', ...(issue.path ?? []).map((item) => String(item.key))].join('.');
  // Valibot's own message repeats the value, which may be a secret in the wrong place.
  const unknown = issue.expected === 'never';
  const said = unknown ? 'is not an option' : `expects ${issue.expected ?? 'another value'}`;
  const problem = issue.type === 'check' ? issue.message : said;
  throw new TablecastError('OPTION_INVALID', `Option ${path}: ${problem}.`, {
    hint: 'See ZeekAttachmentOptions in the API reference for what each option takes.',
    details: { option: path },
  });
}
