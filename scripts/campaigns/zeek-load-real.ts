// npm run campaign:zeek-load-real -- [--zeek PATH] [--workers 4] [--rate 10000] [--seconds 60] [--rows 200000]
// The load of zeek-load.ts with real Zeek processes over ZeroMQ: the workers of a cluster of manager, logger and so many
// workers write rate changes a second, each goes through a node to a Zeek process that is not of the cluster. Then a
// node with so many rows fills a Zeek process that starts, and a Zeek process inserts so many at once. Says what of it
// came where, how long it was on its way, and what the manager of the cluster, without the node, had of it: the floor.
import { parseArgs } from 'node:util';
import { count, string } from '../../src/zeek/protocol/data/zeek-data.ts';
import { costOf, ended, started } from './zeek-load-child.ts';
import { LoadCluster, type Told } from './zeek-load-cluster.ts';

const { values } = parseArgs({
  options: {
    zeek: { type: 'string', default: 'zeek' },
    workers: { type: 'string', default: '4' },
    rate: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '60' },
    rows: { type: 'string', default: '200000' },
  },
});
const zeek = values.zeek;
const [workers, rate, seconds, rows] = [values.workers, values.rate, values.seconds, values.rows].map(
  Number,
) as [number, number, number, number];
/** What has not come after that time does not come. */
const PATIENCE_MS = 300_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const inSeconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Waits until a condition holds; false when it does not within the patience. */
async function becomes(condition: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await pause(100);
  }
  return true;
}

function percentile({ delays }: Told, part: number): string {
  const all = delays.reduce((sum, [, changes]) => sum + changes, 0);
  let before = 0;
  for (const [micros, changes] of delays) {
    before += changes;
    if (before >= all * part) return `${(micros / 1000).toFixed(0)} ms`;
  }
  return 'none';
}

function said(who: string, told: Told | undefined, written: number): string {
  if (told === undefined) return `${who} did not answer`;
  return `${who} heard ${told.heard} of ${written}, p50 ${percentile(told, 0.5)}, p99 ${percentile(told, 0.99)}`;
}

/** Workers write for some seconds; true if Zeek and node hold the same in the end. */
async function load(): Promise<boolean> {
  const west = await LoadCluster.start(zeek, workers);
  const east = await LoadCluster.start(zeek, 0);
  const child = await started([west.url, east.url], 0);
  await becomes(async () => ((await costOf(child)).events['zeek-connected'] ?? 0) === 2);
  const before = await costOf(child);
  const begun = performance.now();
  west.write(rate / workers, Math.floor((rate * seconds) / workers));
  await pause(seconds * 1000);
  let [wrote, tookMs] = [0, 0];
  const isWritten = await becomes(async () => {
    const told = await west.ask(undefined, workers + 2);
    wrote = [...told.values()].reduce((sum, { wrote: one }) => sum + one, 0);
    tookMs = performance.now() - begun;
    return wrote === Math.floor((rate * seconds) / workers) * workers;
  });
  const cost = await costOf(child);
  const keys = Math.min(1000, Math.floor((rate * seconds) / workers)) * workers;
  const isWhole = await becomes(async () => {
    const told = (await east.ask(undefined, 1)).get('');
    return told?.size === keys && (await costOf(child)).rows === keys;
  });
  const here = await costOf(child);
  const floor = (await west.ask(undefined, workers + 2)).get('manager');
  const through = (await east.ask(undefined, 1)).get('');
  console.log(
    `${workers} workers, ${wrote} changes in ${inSeconds(tookMs)}${isWritten ? '' : ' (not all)'}: ` +
      `${said('the manager', floor, wrote)}; ${said('the other Zeek', through, wrote)}; ` +
      `the node took ${(((cost.cpuMs - before.cpuMs) / tookMs) * 100).toFixed(0)} % of a processor, ` +
      `${(before.rss / 1e6).toFixed(0)} MB before and ${(here.rss / 1e6).toFixed(0)} MB after; ` +
      `${keys} keys, ${here.rows} here and ${through?.size} there; told ${JSON.stringify(here.events)}`,
  );
  await ended(child);
  await west.stop();
  await east.stop();
  return isWhole;
}

/** A Zeek process starts and is filled. */
async function refill(): Promise<boolean> {
  const filled = await LoadCluster.start(zeek, 0);
  const child = await started([filled.url], rows);
  const before = await costOf(child);
  const begun = performance.now();
  const isFilled = await becomes(async () => (await filled.ask(undefined, 1)).get('')?.size === rows);
  const tookMs = performance.now() - begun;
  const after = await costOf(child);
  console.log(
    `${rows} rows filled in ${inSeconds(tookMs)}${isFilled ? '' : ' (not all)'}, ` +
      `${inSeconds(after.cpuMs - before.cpuMs)} of the node's processor time; told ${JSON.stringify(after.events)}`,
  );
  await ended(child);
  await filled.stop();
  return isFilled;
}

/** A worker inserts everything at once. */
async function burst(): Promise<boolean> {
  const west = await LoadCluster.start(zeek, 1);
  const child = await started([west.url], 0);
  await becomes(async () => (await costOf(child)).events['zeek-connected'] === 1);
  const begun = performance.now();
  west.send('fill', string('worker-1'), count(rows));
  let toldAfter: number | undefined;
  const isWhole = await becomes(async () => {
    const cost = await costOf(child);
    if (cost.events['zeek-missed'] !== undefined) toldAfter ??= performance.now() - begun;
    return cost.rows === rows;
  });
  const cost = await costOf(child);
  const told = toldAfter === undefined ? 'nothing missed' : `missed told after ${inSeconds(toldAfter)}`;
  console.log(
    `${rows} rows at once: ${cost.rows} here after ${inSeconds(performance.now() - begun)}, ${told}; ` +
      `told ${JSON.stringify(cost.events)}`,
  );
  await ended(child);
  await west.stop();
  return isWhole;
}

const isLoaded = await load();
const isFilled = await refill();
const isBurst = await burst();
if (!isLoaded || !isFilled || !isBurst) process.exitCode = 1;
