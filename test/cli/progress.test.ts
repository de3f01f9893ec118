import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FileProgress, createBackup, openNode, restoreBackup, verifyFiles } from 'tablecast';
import { expect, onTestFinished, test } from 'vitest';
import { note } from '../../src/cli/output.ts';
import { ProgressLine, progressText } from '../../src/cli/progress.ts';
import { readRecords } from '../../src/cli/formats/index.ts';

/** A terminal of which the clock is ours. */
class Terminal {
  readonly lines: string[] = [];
  nowMs = 0;
  cleared = 0;
  readonly isTTY: boolean;

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  readonly draw = (line: string): void => void this.lines.push(line);
  readonly clear = (): void => void this.cleared++;
  readonly now = (): number => this.nowMs;
}

test('a line says how much was done, its share, how fast, and how long it still takes', () => {
  const done = { count: 250_000, unit: 'rows', share: 0.25 };
  expect(progressText('hosts', done, 10_000)).toBe('hosts: 250,000 rows, 25 %, 25,000/s, 30s left');
  expect(progressText('hosts', { ...done, share: 0.5 }, 600_000)).toBe(
    'hosts: 250,000 rows, 50 %, 417/s, 10m left',
  );
  expect(progressText('hosts', { ...done, share: 0.01 }, 100_000)).toContain(', 2h 45m left');
  expect(progressText('hosts', { ...done, share: undefined }, 1000)).toBe('hosts: 250,000 rows, 250,000/s');
  expect(progressText('hosts', { ...done, share: 1 }, 1000)).toBe('hosts: 250,000 rows, 100 %, 250,000/s');
});

test('a line is drawn four times a second at most, not for what is over soon, and asked for only then', () => {
  const terminal = new Terminal(true);
  const progress = new ProgressLine('hosts', {}, terminal);
  onTestFinished(() => progress.end());
  let asked = 0;
  const at = (ms: number): void => {
    terminal.nowMs = ms;
    progress.at(() => ({ count: ++asked, unit: 'rows', share: undefined }));
  };
  for (let ms = 0; ms < 500; ms++) at(ms);
  expect([terminal.lines.length, asked]).toEqual([0, 0]);
  for (let ms = 500; ms < 1500; ms++) at(ms);
  expect([terminal.lines.length, asked]).toEqual([4, 4]);
  // A note goes where the line stood.
  note('a note');
  expect(terminal.cleared).toBe(1);
  progress.end();
  note('another');
  expect(terminal.cleared).toBe(2);
});

test.each([
  ['no terminal', {}, new Terminal(false)],
  ['JSON', { json: true }, new Terminal(true)],
] as const)('where there is %s no line is drawn, and nobody is asked how far it is', (_, flags, terminal) => {
  const progress = new ProgressLine('hosts', flags, terminal);
  terminal.nowMs = 10_000;
  progress.at(() => expect.unreachable());
  progress.end();
  expect([terminal.lines, terminal.cleared]).toEqual([[], 0]);
});

test('a reader of files says how many bytes of them it has read', async () => {
  let bytes = 0;
  const chunks = ['key,value\n', 'a,1\n', 'b,2\n'];
  const records = readRecords({ name: 'rows', chunks }, { onRead: (count) => (bytes += count) });
  for await (const _ of records);
  expect(bytes).toBe(chunks.join('').length);
});

test('backup, verification and restore say how far they are, each step to its end', async () => {
  const place = mkdtempSync(join(tmpdir(), 'tablecast-progress-'));
  onTestFinished(() => rmSync(place, { recursive: true }));
  const node = await openNode({ id: 'n', directory: join(place, 'data') });
  const table = node.table('hosts', { key: 'count', value: 'string', backend: 'sqlite' });
  for (let key = 0; key < 2000; key++) table.set(key, 'x'.repeat(1000));
  await node.flush();
  await node.close();
  const file = join(place, 'data', 'n.tablecast.db');
  const target = join(place, 'backup');
  const stepsOf = async (
    act: (onProgress: (progress: FileProgress) => void) => Promise<unknown>,
  ): Promise<string> => {
    const told: FileProgress[] = [];
    await act((progress) => told.push(progress));
    for (const { done, total } of told) expect(done).toBeLessThanOrEqual(total);
    // Within a step it goes on; what begins anew had come to its end.
    const ends = told.filter(
      ({ step, done }, at) => step !== told[at + 1]?.step || done > (told[at + 1]?.done ?? 0),
    );
    for (const { step, done, total } of ends) expect([step, done]).toEqual([step, total]);
    return ends.map(({ step }) => step).join(' ');
  };
  expect(await stepsOf((onProgress) => createBackup({ file, target, onProgress }))).toMatch(
    /^copy log( log)? sums sums$/,
  );
  expect(await stepsOf((onProgress) => verifyFiles(target, { onProgress }))).toMatch(
    /^sums sums log( log)?$/,
  );
  const directory = join(place, 'restored');
  expect(await stepsOf((onProgress) => restoreBackup({ backup: target, directory, onProgress }))).toMatch(
    /^sums sums log( log)? copy sums sums$/,
  );
});
