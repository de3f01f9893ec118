import * as v from 'valibot';
import { anObject } from '../../options/an-object.ts';
import { isTablecastError } from '../../errors.ts';
import { type Answer, type Asked, type Handlers, json, requireWrite, tableOf, wordIn } from '../asked.ts';
import { checked } from '../body.ts';
import type { HostedTable, HttpHost } from '../host.ts';
import { invalidRequest } from '../problem.ts';
import { tableFacts } from './tables.ts';

const MODES = ['naive', 'lww', 'automerge'] as const;
type Mode = (typeof MODES)[number];
const switchBody = anObject({ mode: v.picklist(MODES) });

/** Describes what each mode means for those who write, beside what it is. */
const MEANING: Readonly<Record<Mode, string>> = {
  naive: 'Nobody decides between concurrent writes any more: nodes can come to differ until the next write.',
  lww: 'Of concurrent writes the later one by the clocks of their nodes stands, on every node the same. Clocks that are wrong decide wrongly.',
  automerge:
    'All concurrent values stay readable, one stands on every node, and counters add up. A write costs 5 to 10 times the processor time, and some 3 times the bytes.',
};

/** The routes of a table's conflict mode. */
export function modeRoutes(host: HttpHost): Handlers {
  return {
    previewMode: (asked) => previewMode(host, asked),
    switchMode: (asked) => switchMode(host, asked),
  };
}

function previewMode(host: HttpHost, asked: Asked): Answer {
  const hosted = tableOf(host, asked);
  const to = wordIn(asked.query, 'to', MODES);
  if (to === undefined) throw invalidRequest('to is missing.', `Give one of ${MODES.join(', ')}.`);
  const { table } = hosted;
  const sharing = host.observed
    .peers()
    .filter(({ tables }) => tables.some(({ name }) => name === table.name));
  const away = host.observed.dials().filter(({ isReached }) => !isReached);
  const divergedKeys = host.observed.tables().find(({ name }) => name === table.name)?.divergedKeys ?? 0;
  const obstacle = obstacleTo(hosted, to);
  const peers = sharing.map(({ nodeId, address }) => nodeId ?? address);
  const unreached = away.map(({ place }) => place);
  const effects =
    obstacle === undefined ? effectsOf({ to, rows: table.size, divergedKeys, unreached }) : [obstacle];
  const facts = { mode: table.mode, to, possible: obstacle === undefined, rows: table.size, divergedKeys };
  return json({ ...facts, peers, unreached, effects });
}

/** Says why a table cannot go over to a mode; undefined when it can. */
function obstacleTo({ table, projection }: HostedTable, to: Mode): string | undefined {
  if (table.mode === to) return `The table is in mode ${to} already.`;
  try {
    projection.inForce.modeOf(to);
    return undefined;
  } catch (error) {
    if (isTablecastError(error)) return `${error.message} ${error.hint}`;
    throw error;
  }
}

function effectsOf(cost: {
  readonly to: Mode;
  readonly rows: number;
  readonly divergedKeys: number;
  readonly unreached: readonly string[];
}): string[] {
  const { to, rows, divergedKeys, unreached } = cost;
  const rowsWords = rows === 1 ? 'The 1 row' : `The ${rows} rows`;
  return [
    `${rowsWords} of this node, as they are now, are what every node goes on from.`,
    ...(divergedKeys === 0
      ? []
      : [
          `${divergedKeys} keys differ on a peer at present: there the rows of this node take their place, and it is reported as a conflict.`,
        ]),
    'What others write before they hear of the switch they write again under the new mode: nothing is lost.',
    ...(unreached.length === 0
      ? []
      : [
          `Not reached at present: ${unreached.join(', ')}. It goes over when it is back, and writes again what it wrote meanwhile.`,
        ]),
    MEANING[to],
  ];
}

async function switchMode(host: HttpHost, asked: Asked): Promise<Answer> {
  const hosted = tableOf(host, asked);
  requireWrite(asked.viewer, hosted.table.name);
  const { mode } = checked(switchBody, asked.body);
  await hosted.table.switchMode(mode);
  return json(tableFacts(host, hosted, asked.viewer));
}
