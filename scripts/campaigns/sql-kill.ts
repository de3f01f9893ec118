// npm run campaign:sql-kill -- --kills 500 --seed 1 [--without-postgres]
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { temporaryDirectory } from '../../test/backends/support/places.ts';
import { bundlePrograms } from '../../test/reliability/support/child-bundle.ts';
import { SqlKillCampaign } from '../../test/sql/support/kill-campaign.ts';
import { startPostgres } from '../../test/sql/support/postgres-server.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    'without-postgres': { type: 'boolean', default: false },
  },
});
/** After so many kills everything begins anew, so that the logs that are compared stay short. */
const PER_ROUND = 50;

const root = fileURLToPath(new URL('../..', import.meta.url));
const scratch = temporaryDirectory();
const programs = await bundlePrograms({
  worker: join(root, 'src/backends/sqlite/worker.ts'),
  'sql/worker': join(root, 'src/sql/worker.ts'),
  child: join(root, 'test/sql/support/kill-child.ts'),
});
const server = values['without-postgres'] ? undefined : await startPostgres();
try {
  const begun = performance.now();
  const sum = { node: 0, thread: 0, server: 0, checks: 0, writes: 0 };
  const wrong: string[] = [];
  for (let round = 0; round * PER_ROUND < Number(values.kills) && wrong.length === 0; round++) {
    const report = await new SqlKillCampaign({
      program: programs.program('child'),
      directory: join(scratch.path, String(round)),
      kills: Math.min(PER_ROUND, Number(values.kills) - round * PER_ROUND),
      seed: Number(values.seed) + round,
      server,
      behaviour: 'sound',
    }).run();
    for (const kind of ['node', 'thread', 'server'] as const) sum[kind] += report.kills[kind];
    sum.checks += report.checks;
    sum.writes += report.last;
    wrong.push(...report.wrong);
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(
    `${sum.node + sum.thread + sum.server} kills in ${seconds} s (node ${sum.node}, threads ${sum.thread}, server ${sum.server}), ` +
      `${sum.writes} writes, ${sum.checks} comparisons of each target: ${wrong.length} wrong`,
  );
  for (const problem of wrong.slice(0, 10)) console.log(`  ${problem}`);
  if (wrong.length > 0) process.exitCode = 1;
} finally {
  await server?.close();
  programs.remove();
  scratch.remove();
}
