/** The frames of Zeek's WebSocket API, `/v1/messages/json`. */
import { TablecastError } from '../../errors.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from './json/json.ts';
import { readJson } from './json/reader.ts';
import { writeJson, type JsonDialect } from './json/writer.ts';
import { readTagged, writeTagged } from './data/tagged.ts';
import { count, string, vector, type ZeekData } from './data/zeek-data.ts';
import type { ZeekLimits } from './limits.ts';

/** A remote event: what every frame after the handshake carries. */
export interface ZeekEvent {
  readonly topic: string;
  /** Qualified, such as `Cluster::table_change_infos`. */
  readonly name: string;
  readonly args: readonly ZeekData[];
  /** Event metadata, given when Zeek adds a network timestamp or scripts add their own. */
  readonly metadata?: ZeekData | undefined;
}

/** A frame from Zeek. */
export type ZeekMessage =
  | { readonly type: 'ack'; readonly endpoint: string; readonly version: string }
  | { readonly type: 'error'; readonly code: string; readonly context: string }
  | { readonly type: 'event'; readonly event: ZeekEvent };

/** Broker's numbers for "data message" and "event", which start every message. */
const formatVersion = 1;
const eventMessage = 1;

function invalid(what: string): TablecastError {
  return new TablecastError(
    'FRAME_INVALID',
    `A frame from Zeek is not what its WebSocket API sends: ${what}.`,
    {
      hint: 'The frame was dropped. Check that the address is a Zeek WebSocket server of version 8.2 or later.',
    },
  );
}

function name(object: JsonObject, member: string, maxLength: number): string {
  const value = object.get(member);
  if (typeof value !== 'string') throw invalid(`"${member}" is missing`);
  if (value.length > maxLength) throw invalid(`"${member}" has ${value.length} characters`);
  return value;
}

function isCount(data: ZeekData | undefined, value: number): boolean {
  return data?.type === 'count' && data.data === BigInt(value);
}

function readEvent(topic: string, data: readonly ZeekData[], limits: ZeekLimits): ZeekEvent {
  const [version, kind, body] = data;
  if (!isCount(version, formatVersion) || !isCount(kind, eventMessage) || body?.type !== 'vector') {
    throw invalid('the data is not an event');
  }
  const [eventName, args, metadata] = body.data;
  if (eventName?.type !== 'string' || args?.type !== 'vector' || body.data.length > 3 || data.length !== 3) {
    throw invalid('the event has no name or no arguments');
  }
  if (eventName.data.length > limits.maxNameLength) throw invalid('the event name is too long');
  const event = { topic, name: eventName.data, args: args.data };
  return metadata === undefined ? event : { ...event, metadata };
}

/**
 * Reads one frame from Zeek, or from anybody who can publish to its cluster.
 *
 * @throws TablecastError `FRAME_INVALID` or `LIMIT_EXCEEDED`, and nothing else
 */
export function readMessage(text: string, limits: ZeekLimits): ZeekMessage {
  const json = readJson(text, limits);
  if (!isJsonObject(json)) throw invalid('it is no object');
  const type = name(json, 'type', limits.maxNameLength);
  switch (type) {
    case 'ack':
      return {
        type,
        endpoint: name(json, 'endpoint', limits.maxNameLength),
        version: name(json, 'version', limits.maxNameLength),
      };
    case 'error':
      return {
        type,
        code: name(json, 'code', limits.maxNameLength),
        context: name(json, 'context', limits.maxFrameBytes).slice(0, limits.maxNameLength),
      };
    case 'data-message': {
      const items = json.get('data');
      if (json.get('@data-type') !== 'vector' || !isJsonArray(items)) throw invalid('the data is no vector');
      const topic = name(json, 'topic', limits.maxNameLength);
      return { type: 'event', event: readEvent(topic, items.map(readTagged), limits) };
    }
    default:
      throw invalid(`unknown type "${type.slice(0, 40)}"`);
  }
}

/** Returns the first frame of a client: the topic prefixes it wants. They cannot change afterwards. */
export function writeSubscriptions(topics: readonly string[]): string {
  return writeJson([...topics]);
}

/** Returns the frame of an event; `zeek` writes it as Zeek itself does, for tests. */
export function writeEvent(event: ZeekEvent, dialect: JsonDialect = 'strict'): string {
  const body = [string(event.name), vector(...event.args)];
  if (event.metadata !== undefined) body.push(event.metadata);
  const data = [count(formatVersion), count(eventMessage), vector(...body)];
  const message = new Map<string, Json>([
    ['type', 'data-message'],
    ['topic', event.topic],
    ['@data-type', 'vector'],
    ['data', data.map((item) => writeTagged(item, dialect))],
  ]);
  return writeJson(message, dialect);
}

/** Returns the acknowledgement of a handshake, as a server sends it. */
export function writeAck(endpoint: string, version: string): string {
  return writeJson(
    new Map([
      ['type', 'ack'],
      ['endpoint', endpoint],
      ['version', version],
    ]),
  );
}

/** Makes an error, as a server sends it. */
export function writeError(code: string, context: string): string {
  return writeJson(
    new Map([
      ['type', 'error'],
      ['code', code],
      ['context', context],
    ]),
  );
}
