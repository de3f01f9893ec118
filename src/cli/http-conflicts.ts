import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import { type TablecastError, isTablecastError } from '../index.ts';
import type { PeerFlags } from './command.ts';
import { EXIT, usageError } from './failure.ts';
import { httpBase, isHttp, openEvents } from './http-node.ts';
import { note, print, visible } from './output.ts';
import { untilSignal } from './signals.ts';

/** Milliseconds between two attempts to follow a node that went away. */
const AGAIN_MS = 1000;

const side = v.object({ value: v.optional(v.unknown()), origin: v.string(), sequence: v.number() });
const told = v.object({
  table: v.optional(v.string()),
  key: v.unknown(),
  kept: side,
  lost: side,
  position: v.number(),
  time: v.number(),
});

/** Prints the conflicts of one table, or of all, from now on, as the HTTP port of a node tells them. */
export async function followConflicts(name: string | undefined, flags: PeerFlags): Promise<number> {
  if (!isHttp(flags.peer)) {
    throw usageError(
      'To follow conflicts is asked of the HTTP port of a node, and --peer names none.',
      'Give --peer http://HOST:PORT, which run --http names; tablecast tail shows those that its own copy meets.',
    );
  }
  const base = httpBase(flags.peer);
  const path = name === undefined ? '/v1/conflicts' : `/v1/tables/${encodeURIComponent(name)}/conflicts`;
  const ending = new AbortController();
  const printAll = async (): Promise<void> => {
    for (let isFirst = flags.wait !== true; !ending.signal.aborted; isFirst = false) {
      try {
        const events = await openEvents(base, path, { flags, signal: ending.signal });
        isFirst = false;
        note(`following conflicts at ${base.origin}`);
        for await (const data of events) print(lineOf(name, data, flags.json === true));
      } catch (error) {
        if (ending.signal.aborted) return;
        if (isFirst || !isTablecastError(error) || !isPassing(error)) throw error;
      }
      if (ending.signal.aborted) return;
      note(visible(`lost ${base.origin}; waiting for it: conflicts meanwhile are told by its log only`));
      await delay(AGAIN_MS, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  };
  await untilSignal((end, fail) => {
    printAll().then(end, fail);
    return () => ending.abort();
  });
  return EXIT.ok;
}

/** Says whether a node that was followed may answer again: it is away, or has too much to do. */
function isPassing({ code }: TablecastError): boolean {
  return code === 'PEER_UNREACHABLE' || code === 'LIMIT_EXCEEDED';
}

/** Words one event; its keys and values are in the forms of JSON. */
function lineOf(name: string | undefined, data: string, json: boolean): string {
  if (json) return name === undefined ? data : `{"table":${JSON.stringify(name)},${data.slice(1)}`;
  const { table = name ?? '', key, kept, lost, position, time } = v.parse(told, JSON.parse(data));
  const words = ({ value, origin, sequence }: v.InferOutput<typeof side>): string =>
    [formText(value), visible(origin), sequence].filter((part) => part !== '').join(' ');
  const where = `${new Date(time).toISOString()} at ${position}`;
  return `${visible(table)}  ${formText(key)}  kept ${words(kept)}  lost ${words(lost)}  ${where}`;
}

function formText(form: unknown): string {
  if (form === undefined) return '';
  if (Array.isArray(form)) return form.map(formText).join('\t');
  return visible(typeof form === 'string' ? form : JSON.stringify(form));
}
