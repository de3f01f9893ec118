// npm run campaign:worlds -- [--worlds 200000] [--kind clocks] [--from 1500000001] [--shard 1000] [--workers 2] [--minutes 600]
// The long form of the simulation: so many fresh worlds of each kind, a shard of every kind in turn. What is done is
// kept in tmp/worlds.jsonl, a line per shard with the commit it ran on, and not run again on that commit; so it may be
// ended at any time, and goes on where it was. Without --from, seeds follow from the commit. A failure is printed with
// what replays it. Prints per kind how many held, and fails when one did not.
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runCampaign } from '../../test/simulation/campaign.ts';
import { freshSeed, worldKinds } from '../../test/simulation/kinds.ts';
import { commitHere } from '../commit.ts';

const { values } = parseArgs({
  options: {
    worlds: { type: 'string', default: '200000' },
    kind: { type: 'string' },
    from: { type: 'string' },
    shard: { type: 'string', default: '1000' },
    workers: { type: 'string', default: '2' },
    minutes: { type: 'string', default: '600' },
  },
});

/** What a shard came to; kept as a line of JSON. */
interface Shard {
  readonly commit: string;
  readonly kind: string;
  readonly from: number;
  readonly seeds: number;
  readonly failed: readonly number[];
}

const directory = fileURLToPath(new URL('../../tmp/', import.meta.url));
const kept = `${directory}worlds.jsonl`;
const commit = commitHere('nothing');
const [worlds, size] = [Number(values.worlds), Number(values.shard)];
const until = performance.now() + Number(values.minutes) * 60_000;
const kinds = [...worldKinds.keys()].filter((kind) => kind === (values.kind ?? kind));
if (kinds.length === 0 || !(worlds > 0) || !(size > 0))
  throw new Error(`there are no such worlds: kinds are ${[...worldKinds.keys()].join(', ')}`);

function done(): Shard[] {
  if (!existsSync(kept)) return [];
  const lines = readFileSync(kept, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Shard).filter((shard) => shard.commit === commit);
}

function firstSeed(kind: string): number {
  return values.from === undefined ? freshSeed(commit, `long ${kind}`) : Number(values.from);
}

async function run(kind: string, from: number, seeds: number): Promise<void> {
  const draw = worldKinds.get(kind)?.draw ?? {};
  const failed: number[] = [];
  const report = await runCampaign({
    from,
    seeds,
    draw,
    twice: false,
    shrinkMs: 0,
    workers: Number(values.workers),
    failed: ({ seed, error }) => {
      failed.push(seed);
      console.error(`seed ${seed} FAILED: ${error.slice(0, 2000)}`);
      console.error(`replay: npm run simulate -- --kind ${kind} --from ${seed} --seeds 1 --twice --shrink`);
    },
  });
  const shard: Shard = { commit, kind, from, seeds: report.seeds, failed };
  appendFileSync(kept, `${JSON.stringify(shard)}\n`);
  console.log(
    `${kind} from ${from}: ${report.seeds}, ${failed.length} failed, ${report.seconds.toFixed(0)} s`,
  );
}

mkdirSync(directory, { recursive: true });
for (let at = 0; at < worlds; at += size)
  for (const kind of kinds) {
    const from = firstSeed(kind) + at;
    const isDone = done().some((shard) => shard.kind === kind && shard.from === from);
    if (!isDone && performance.now() < until) await run(kind, from, Math.min(size, worlds - at));
  }
for (const kind of kinds) {
  const shards = done().filter((shard) => shard.kind === kind);
  const seeds = shards.reduce((sum, shard) => sum + shard.seeds, 0);
  const failed = shards.flatMap((shard) => shard.failed);
  console.log(`${kind}: ${seeds} worlds on ${commit.slice(0, 12)}, failed: ${failed.join(' ') || 'none'}`);
  if (failed.length > 0) process.exitCode = 1;
}
