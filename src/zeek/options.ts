import * as v from 'valibot';
import { anObject, textOrObject } from '../options/an-object.ts';
import { duration } from '../options/duration.ts';
import { checkedOptions } from '../options/checked-options.ts';
import { certificatesPem, keyPem } from '../options/pem-schema.ts';
import { requirePems } from '../options/pem.ts';
import { said } from '../options/words.ts';
import type { Duration, ModeName } from '../schema/index.ts';
import type { ZeekTableDescription } from './protocol/index.ts';
import { namedRecord } from '../options/named-record.ts';

/** A PEM is given as text or as bytes. */
type Pem = string | Uint8Array;

/** A table of a Zeek cluster has Zeek's description, and these for how Tablecast keeps it. */
export interface ZeekTableOptions extends Omit<ZeekTableDescription, 'type'> {
  /** Is such as `table[addr] of count`. Left out, it is what the script package in Zeek says. */
  readonly type?: string | undefined;
  /** Says who wins when two write at once. Default `naive`. */
  readonly mode?: ModeName | undefined;
  /** Lets a row go this long after its key was created. */
  readonly createExpire?: Duration | undefined;
  /** Lets a row go this long after it was last written. */
  readonly writeExpire?: Duration | undefined;
  /** Says where the table's log is kept. Default `sqlite` when the node has a directory, else `memory`. */
  readonly backend?: 'memory' | 'sqlite' | undefined;
}

/** Says which tables of a Zeek cluster are attached, and how: see {@link ZeekAttachmentOptions.tables}. */
export type ZeekTables = 'all' | Readonly<Record<string, ZeekTableOptions | false>>;

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
  /**
   * Lists the tables with `&publish_on_change`, by their full names. One without `type` is what the script package
   * in Zeek says of it. A name with `*` stands for all that fit and that Zeek tells of, `false` for none of them: a
   * name goes before patterns, and a longer pattern before a shorter one. `'all'` is `{ '*': {} }`.
   */
  readonly tables: ZeekTables;
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

/** Tables of one attachment that are named or fit a pattern, and patterns. */
export const MAX_ZEEK_TABLES = 1024;

const milliseconds = v.optional(
  v.pipe(
    v.number(),
    v.minValue(0),
    v.maxValue(86_400_000),
    said('a number of milliseconds from 0 to 86,400,000', 30_000),
  ),
);
const MIN_BYTES = 65_536;
const bytes = v.optional(v.pipe(v.number(), v.integer(), v.minValue(MIN_BYTES)));
const count = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff)));
const table = anObject({
  type: v.optional(
    v.pipe(v.string(), said('the type of the table, as Zeek writes it', 'table[addr] of count')),
  ),
  types: v.optional(
    namedRecord(v.pipe(v.string(), said('a type as Zeek writes it', 'record { n: count; }'))),
  ),
  topic: v.optional(v.pipe(v.string(), v.minLength(1))),
  backend: v.optional(v.picklist(['memory', 'sqlite'])),
  mode: v.optional(v.picklist(['naive', 'lww', 'automerge'])),
  createExpire: v.optional(duration),
  writeExpire: v.optional(duration),
});

const namedTables: v.GenericSchema<Exclude<ZeekTables, 'all'>> = v.pipe(
  namedRecord(v.union([table, v.literal(false)])),
  v.check((tables) => Object.keys(tables).length <= MAX_ZEEK_TABLES, `at most ${MAX_ZEEK_TABLES} tables`),
  v.check(
    (tables) => Object.entries(tables).every(([name, given]) => !isPattern(name) || isForMany(given)),
    'a type or topic for a name with *',
  ),
  said(`"all", or an object of at most ${MAX_ZEEK_TABLES} tables by name`, {
    hosts: { type: 'table[addr] of count' },
  }),
);

/** Returns whether a name in the options stands for any number of tables. */
export function isPattern(name: string): boolean {
  return name.includes('*');
}

/** Returns whether options can stand for any number of tables. */
function isForMany(given: ZeekTableOptions | false): boolean {
  return given === false || (given.type === undefined && given.topic === undefined);
}

/** Checks which tables are attached. */
const zeekTables: v.GenericSchema<ZeekTables> = textOrObject(v.literal('all'), namedTables);

/** Names the server that a certificate has to be of. */
export const zeekServerName = v.optional(
  v.pipe(v.string(), said('the name of a server', 'zeek.example.org')),
);

/** Members of an attachment but for its certificates, which a file gives by the names of theirs. */
export const zeekAttachmentEntries = {
  url: v.pipe(
    v.string(),
    v.regex(/^wss?:\/\//),
    said('the address of a WebSocket server', 'ws://127.0.0.1:9999/v1/messages/json'),
  ),
  cluster: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[A-Za-z0-9_-]{1,16}$/),
      said('text of 1 to 16 letters, digits, _ and -', 'east'),
    ),
  ),
  tables: zeekTables,
  topics: v.optional(v.pipe(v.array(v.pipe(v.string(), v.minLength(1))), v.maxLength(256))),
  timings: v.optional(
    anObject({
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
  limits: v.optional(anObject({ maxFrameBytes: bytes, maxQueuedBytes: bytes, maxContentRows: count })),
};

/** Checks the options of an attachment as far as their form goes. */
export const zeekAttachmentSchema: v.GenericSchema<ZeekAttachmentOptions> = anObject({
  ...zeekAttachmentEntries,
  tls: v.optional(
    anObject({
      ca: v.optional(certificatesPem),
      cert: v.optional(certificatesPem),
      key: v.optional(keyPem),
      servername: zeekServerName,
    }),
  ),
});

/** Checks the options of an attachment. Throws `OPTION_INVALID`, which names the member. */
export function checkZeekOptions(options: unknown): ZeekAttachmentOptions {
  const checked = checkedOptions(zeekAttachmentSchema, options, { at: 'zeek' });
  requirePems(checked.tls ?? {}, 'zeek.tls');
  return checked;
}
