import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../backends/support/places.ts';
import { type ChildBundle, bundlePrograms } from '../reliability/support/child-bundle.ts';
import { type SqlKillOptions, type SqlKillReport, SqlKillCampaign } from './support/kill-campaign.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('projections of nodes that are killed', () => {
  const scratch = temporaryDirectory();
  let programs: ChildBundle;

  beforeAll(async () => {
    programs = await bundlePrograms({
      worker: join(root, 'src/backends/sqlite/worker.ts'),
      'sql/worker': join(root, 'src/sql/worker.ts'),
      child: join(root, 'test/sql/support/kill-child.ts'),
    });
  });

  afterAll(() => {
    programs.remove();
    scratch.remove();
  });

  function campaign(
    behaviour: SqlKillOptions['behaviour'],
    kills: number,
    patience?: number,
  ): Promise<SqlKillReport> {
    const directory = join(scratch.path, behaviour);
    const program = programs.program('child');
    const options = { program, directory, kills, seed: 1, server: undefined, behaviour };
    return new SqlKillCampaign({ ...options, ...(patience !== undefined && { patience }) }).run();
  }

  test('they are one moment of the log after each kill, and equal once they have caught up', async () => {
    const report = await campaign('sound', 4);
    expect(report.wrong).toEqual([]);
    expect(report.checks).toBeGreaterThan(4);
  });

  test('one that loses segments is found out', async () => {
    // Rows that are missing, or keys that were named in what was lost.
    expect((await campaign('loses', 12)).wrong).not.toEqual([]);
  });

  test('one that comes no further is given up, and what it did is said', async () => {
    const { wrong } = await campaign('stands', 1, 8);
    expect(wrong.join()).toMatch(/no progress in 8 beats: .*rows\.db \w+ at -?\d+/);
  });
});
