import * as v from 'valibot';
import { anObject } from '../../options/an-object.ts';
import type { Value } from '../../schema/index.ts';
import type { DivergedKey } from '../../table/forms.ts';
import {
  type Answer,
  type Asked,
  type Handlers,
  json,
  pageFacts,
  pageOf,
  requireWrite,
  tableOf,
} from '../asked.ts';
import { checked } from '../body.ts';
import { keyForm } from '../forms.ts';
import type { HostedTable, HttpHost } from '../host.ts';
import type { OperatedWrite } from '../operated-node.ts';
import { invalidRequest } from '../problem.ts';
import type { StreamSet } from '../streams/stream-set.ts';
import { tellState, wantsStream } from './operating-streams.ts';
import { valueForm } from './rows.ts';

/** Most keys in one event of a stream; the rest is counted. */
const STREAMED_KEYS = 1000;
const repairBody = anObject({ from: v.pipe(v.string(), v.minLength(1), v.maxLength(255)) });

/** The routes that say where tables have come to differ, and make them equal. */
export function divergenceRoutes(host: HttpHost, streams: StreamSet): Handlers {
  return {
    getDivergence: (asked) => divergence(host, streams, asked),
    previewRepair: (asked) => preview(host, asked),
    repair: (asked) => repair(host, asked),
  };
}

function divergence(host: HttpHost, streams: StreamSet, asked: Asked): Answer | undefined {
  const hosted = tableOf(host, asked);
  if (wantsStream(asked)) {
    const told = { asked, streams, name: 'divergence' };
    return tellState(told, hosted.table.divergence, (keys) => ({
      keys: keys.slice(0, STREAMED_KEYS).map((key) => divergedForm(hosted, key)),
      total: keys.length,
    }));
  }
  const present = presentDivergence(hosted);
  const { after, limit } = pageOf(asked.query);
  const keys = present.slice(after, after + limit).map((key) => divergedForm(hosted, key));
  return json({ keys, ...pageFacts(asked, present.length) });
}

/** The keys that differ now from those of peers. */
export function presentDivergence({ table }: HostedTable): readonly DivergedKey[] {
  let present: readonly DivergedKey[] = [];
  table.divergence.subscribe((keys) => (present = keys)).unsubscribe();
  return present;
}

function divergedForm({ projection }: HostedTable, { key, peer, here, there }: DivergedKey): object {
  const side = (one: DivergedKey['here']): object | null =>
    one === undefined
      ? null
      : { ...valueForm(projection.schema, one.value as Value), origin: one.origin, sequence: one.sequence };
  return { key: keyForm(projection.schema, key as never), peer, here: side(here), there: side(there) };
}

async function preview(host: HttpHost, asked: Asked): Promise<Answer> {
  const hosted = tableOf(host, asked);
  const from = asked.query.get('from');
  if (from === null || from === '') {
    throw invalidRequest('from is missing.', `Name the node whose rows shall stand: ${host.id}, or a peer.`);
  }
  const writes = await host.operated.planRepair(hosted.table.name, from);
  const elsewhere = sidesOfPeers(hosted);
  const { after, limit } = pageOf(asked.query);
  return json({
    from,
    writes: writes.slice(after, after + limit).map((write) => ({
      ...writeForm(hosted, write),
      elsewhere: elsewhere.get(write.text) ?? [],
    })),
    ...pageFacts(asked, writes.length),
  });
}

/** Gives what peers hold that differs, by the text of the key. */
function sidesOfPeers(hosted: HostedTable): ReadonlyMap<string, readonly object[]> {
  const { schema } = hosted.projection;
  const sides = new Map<string, object[]>();
  for (const { key, peer, there } of presentDivergence(hosted)) {
    const text = schema.keyText(key);
    const side = {
      peer,
      removed: there === undefined,
      ...(there && valueForm(schema, there.value as Value)),
    };
    sides.set(text, [...(sides.get(text) ?? []), side]);
  }
  return sides;
}

function writeForm({ projection }: HostedTable, { text, side }: OperatedWrite): object {
  const { schema, rows } = projection;
  const slot = rows.find(text);
  return {
    key: keyForm(schema, schema.keyOf(text)),
    stands: slot !== undefined,
    ...(slot !== undefined && named('before', valueForm(schema, rows.value(slot)))),
    ...(side !== undefined && named('after', valueForm(schema, side.value as Value))),
    removes: side === undefined,
  };
}

function named(name: string, { value }: { readonly value?: unknown }): object {
  return value === undefined ? {} : { [name]: value };
}

async function repair(host: HttpHost, asked: Asked): Promise<Answer> {
  const { table } = tableOf(host, asked);
  requireWrite(asked.viewer, table.name);
  const { from } = checked(repairBody, asked.body);
  const keys = await table.repair({ from });
  asked.wrote(keys);
  return json({ keys });
}
