/** What a real Zeek refuses on its WebSocket, and with which words. */
import { isJsonArray, isJsonObject, JsonNumber, type Json } from '../../../../src/zeek/protocol/json/json.ts';
import { readJson } from '../../../../src/zeek/protocol/json/reader.ts';
import { writeJson } from '../../../../src/zeek/protocol/json/writer.ts';
import { zeekLimits } from '../../../../src/zeek/protocol/limits.ts';
import { readMessage, type ZeekEvent } from '../../../../src/zeek/protocol/messages.ts';
import type { ZeekData } from '../../../../src/zeek/protocol/data/zeek-data.ts';
import { tableChangeEvent } from '../../../../src/zeek/protocol/table-changes.ts';

const limits = zeekLimits();
const kinds = new Set(['NEW', 'CHANGED', 'REMOVED', 'EXPIRED'].map((kind) => `TABLE_ELEMENT_${kind}`));

const notDecoded = 'failed to decode JSON object';
const notAnEvent = 'failed to create Zeek event';

/** Reals without a point and sets with duplicates are refused with the whole frame. */
function isStrict(json: Json): boolean {
  if (isJsonArray(json)) return json.every(isStrict);
  if (!isJsonObject(json)) return true;
  const data = json.get('data');
  const type = json.get('@data-type');
  if (type === 'real' && data instanceof JsonNumber && !/[.eE]/.test(data.text)) return false;
  if (
    type === 'set' &&
    isJsonArray(data) &&
    new Set(data.map((item) => writeJson(item))).size !== data.length
  )
    return false;
  return [...json.values()].every(isStrict);
}

function isTableChange(args: readonly ZeekData[]): boolean {
  const [header, infos] = args;
  if (args.length !== 2 || header?.type !== 'vector' || header.data.length !== 3 || infos?.type !== 'vector')
    return false;
  return infos.data.every((info) => {
    if (info.type !== 'vector' || info.data.length !== 5) return false;
    const [kind, time, index] = info.data;
    return (
      kind?.type === 'enum-value' &&
      kinds.has(kind.data) &&
      time?.type === 'timestamp' &&
      index?.type === 'vector'
    );
  });
}

/** Types of the arguments of the events that the simulated scripts declare. */
export type KnownEvents = ReadonlyMap<string, readonly ZeekData['type'][]>;

function isKnown(event: ZeekEvent, known: KnownEvents): boolean {
  if (event.name === tableChangeEvent) return isTableChange(event.args);
  const types = known.get(event.name);
  return types?.length === event.args.length && types.every((type, at) => event.args[at]?.type === type);
}

/** The event in a client's frame, or the context of the error that Zeek answers. */
export function readClientFrame(text: string, known: KnownEvents): ZeekEvent | string {
  let json: Json;
  try {
    json = readJson(text, limits);
  } catch {
    return notDecoded;
  }
  if (!isJsonObject(json) || json.get('type') !== 'data-message' || !isStrict(json)) return notDecoded;
  if (!json.has('topic')) return 'no topic in top-level JSON object';
  try {
    const message = readMessage(text, limits);
    return message.type === 'event' && isKnown(message.event, known) ? message.event : notAnEvent;
  } catch {
    return notDecoded;
  }
}

/** The topics of a client's first frame; undefined if it is no array of strings. */
export function readSubscriptions(text: string): readonly string[] | undefined {
  try {
    const json = readJson(text, limits);
    return isJsonArray(json) && json.every((topic) => typeof topic === 'string') ? json : undefined;
  } catch {
    return undefined;
  }
}
