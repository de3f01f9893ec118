import { computed, effect, signal } from '@preact/signals';
import { ask, path } from '../api/client.ts';
import type { Cluster, Metrics, NodeFacts, TableStatus } from '../api/types.ts';
import { authorColor } from '../model/author-color.ts';
import { withGonePeers } from '../model/gone-peers.ts';
import { type LinkRate, linkRates } from '../model/link-rates.ts';
import type { Look } from '../model/look.ts';
import { type Trouble, peerName, troublesOf } from '../model/problems.ts';
import { type Sample, withSample } from '../model/samples.ts';
import { Poll } from './polled.ts';

const EVERY_MS = 1000;

async function look(abort: AbortSignal): Promise<Look> {
  const [node, { tables }, { peers }, { metrics }] = await Promise.all([
    ask<NodeFacts>(path(), { abort }),
    ask<{ readonly tables: readonly TableStatus[] }>(path('tables'), { abort }),
    ask<Cluster>(path('cluster'), { abort }),
    ask<Metrics>(path('metrics'), { abort }),
  ]);
  return { node, tables, peers, metrics };
}

let last: Look | undefined;

/** A look, with what only the one before knows. */
async function lookOn(abort: AbortSignal): Promise<Look> {
  last = withGonePeers(last, await look(abort));
  return last;
}

/** The node this page looks at. */
export const node: Poll<Look> = new Poll(lookOn, EVERY_MS);

/** What it said last, and which peers are gone. */
export const latest = computed<Look | undefined>(() => node.state.value.value);

/** What is wrong with it. */
export const troubles = computed<readonly Trouble[]>(() =>
  latest.value === undefined ? [] : troublesOf(latest.value),
);

/** Operations a second over its connections. */
export const rates = signal<ReadonlyMap<string, LinkRate>>(new Map());

/** The last ten minutes, for charts. */
export const samples = signal<readonly Sample[]>([]);

let before: Look | undefined;
effect(() => {
  const now = latest.value;
  if (now === undefined || now === before) return;
  // In one order whatever view comes first, so that a node has its colour in all of them.
  authorColor(now.node.id);
  for (const name of now.peers.map(peerName).toSorted()) authorColor(name);
  rates.value = linkRates(before, now);
  samples.value = withSample(samples.peek(), now);
  before = now;
});
