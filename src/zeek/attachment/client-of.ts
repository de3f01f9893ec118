import { Buffer } from 'node:buffer';
import { type ZeekClientOptions, type ZeekLimits, zeekLimits, type ZeekTimings } from '../protocol/index.ts';
import type { ZeekHost } from '../host.ts';
import type { ZeekAttachmentLimits, ZeekAttachmentOptions } from '../options.ts';
import { contentTopic } from './content-events.ts';
import { PULSE_TOPIC } from './pulse.ts';
import { ANNOUNCE_TOPIC } from './script-events.ts';

/** Returns the options of an attachment's client. */
export function clientOptions(
  host: ZeekHost,
  { url, topics = [], tls, timings = {}, limits = {} }: ZeekAttachmentOptions,
  tableTopics: readonly string[],
): ZeekClientOptions {
  const { handshakeMs, silenceMs, firstRetryMs, maxRetryMs } = timings;
  const given = Object.entries({ handshakeMs, silenceMs, firstRetryMs, maxRetryMs });
  const known: Partial<ZeekTimings> = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  return {
    url,
    topics: [...new Set([...tableTopics, ...topics, ANNOUNCE_TOPIC, PULSE_TOPIC, contentTopic(host.id)])],
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
