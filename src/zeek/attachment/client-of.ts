import { Buffer } from 'node:buffer';
import { type ZeekClientOptions, type ZeekLimits, zeekLimits, type ZeekTimings } from '../protocol/index.ts';
import type { ZeekHost } from '../host.ts';
import type { ZeekAttachmentLimits, ZeekAttachmentOptions } from '../options.ts';
import { contentTopic } from './content-events.ts';
import { SHARED_TOPICS } from './obstacle.ts';
import { PULSE_TOPIC } from './pulse.ts';
import { ANNOUNCE_TOPIC } from './script-events.ts';

/** Returns the options of an attachment's client. */
export function clientOptions(
  host: ZeekHost,
  { url, topics = [], tls, timings = {}, limits = {} }: ZeekAttachmentOptions,
  tables: { readonly topics: readonly string[]; readonly finds: boolean },
): ZeekClientOptions {
  const { handshakeMs, silenceMs, firstRetryMs, maxRetryMs } = timings;
  const given = Object.entries({ handshakeMs, silenceMs, firstRetryMs, maxRetryMs });
  // A table that is found later has a topic below the common one.
  const apart = [...tables.topics, ...topics].filter((topic) => !topic.startsWith(SHARED_TOPICS));
  const ofTables = tables.finds ? [SHARED_TOPICS, ...apart] : [...tables.topics, ...topics];
  const known: Partial<ZeekTimings> = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  return {
    url,
    topics: [...new Set([...ofTables, ANNOUNCE_TOPIC, PULSE_TOPIC, contentTopic(host.id)])],
    applicationName: `tablecast/${host.id}`,
    tls: {
      ca: pem(tls?.ca),
      cert: pem(tls?.cert),
      key: pem(tls?.key),
      servername: tls?.servername,
    },
    timings: known,
    limits: limitsOf(limits),
    environment: host.environment,
  };
}

/** The bounds of an attachment, defaults filled in. */
export function limitsOf({ maxFrameBytes, maxQueuedBytes }: ZeekAttachmentLimits = {}): ZeekLimits {
  const given = Object.entries({ maxFrameBytes, maxQueuedBytes });
  return zeekLimits(Object.fromEntries(given.filter(([, value]) => value !== undefined)));
}

function pem(given: string | Uint8Array | undefined): string | Buffer | undefined {
  return given === undefined || typeof given === 'string' ? given : Buffer.from(given);
}
