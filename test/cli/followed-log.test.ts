/** A log that is followed, without a table: what is given on of it, and where it goes on. */
import {
  appendFileSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { FollowedLog } from '../../src/cli/following/followed-log.ts';
import { type Place, readPlace, writePlace } from '../../src/cli/following/place.ts';
import { temporary } from './support/command.ts';

const HEADER =
  '#separator \\x09\n#set_separator\t,\n#path\thosts\n#open\t2026-11-30-10-00-00\n#fields\thost\n';
const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, at) => `host ${from + at}\n`).join('');

interface Read {
  readonly text: string;
  readonly notices: readonly string[];
  readonly place: Place | undefined;
}

/** Follows a log until nothing more is there, doing something whenever nothing is, in turn. */
async function follow(path: string, place?: Place, ...meanwhile: readonly (() => void)[]): Promise<Read> {
  const notices: string[] = [];
  const steps = [...meanwhile];
  let [text, idleText] = ['', 'nothing'];
  let last: Place | undefined;
  const log = new FollowedLog(path, {
    place,
    pauseMs: 1,
    busyMs: 60_000,
    // Twice with nothing new: what was done has been seen.
    idle: () => {
      if (text !== '' && text === idleText) {
        const step = steps.shift();
        if (step === undefined) log.stop();
        else step();
        idleText = 'nothing';
      } else idleText = text;
      last = log.placeAt(Infinity) ?? last;
      return Promise.resolve();
    },
    notice: (notice) => notices.push(notice),
  });
  for await (const chunk of log.chunks()) text += chunk.toString();
  return { text, notices, place: last };
}

test('what has no end is not followed, and holds no place', async () => {
  await expect(follow('/dev/zero')).rejects.toThrow('it is no regular file');
  expect(() => readPlace('/dev/zero')).toThrow(expect.objectContaining({ code: 'IMPORT_INVALID' }));
});

test('a place is written beside what others have there, and through no link', async () => {
  const folder = temporary();
  const [log, path, precious] = ['hosts.log', 'hosts.place', 'precious'].map((name) => join(folder, name));
  writeFileSync(String(log), HEADER + lines(0, 3));
  writeFileSync(String(precious), 'precious');
  for (const name of ['hosts.place.new', 'hosts.place.partial'])
    symlinkSync(String(precious), join(folder, name));
  const { place } = await follow(String(log));
  await writePlace(String(path), place as Place);
  expect(readPlace(String(path))).toEqual(place);
  expect(readFileSync(String(precious), 'utf8')).toBe('precious');
  expect(readdirSync(folder).toSorted()).toEqual([
    'hosts.log',
    'hosts.place',
    'hosts.place.new',
    'hosts.place.partial',
    'precious',
  ]);
});

test('a log that was packed after it was rotated is read on, whatever other packed logs there are', async () => {
  const folder = temporary();
  const log = join(folder, 'hosts.log');
  writeFileSync(log, HEADER + lines(0, 500));
  const { place } = await follow(log);
  const packed = join(folder, 'hosts-10.log.gz');
  appendFileSync(log, lines(500, 600));
  writeFileSync(packed, gzipSync(readFileSync(log)));
  writeFileSync(join(folder, 'hosts-08.log.gz'), gzipSync(HEADER + lines(1000, 1600)));
  writeFileSync(join(folder, 'hosts-09.log.gz'), gzipSync(HEADER + lines(0, 600)).subarray(0, 90));
  writeFileSync(join(folder, 'other.log.gz'), 'nothing');
  rmSync(log);
  writeFileSync(log, HEADER + lines(600, 610));
  const old = new Date(0);
  for (const name of ['hosts-08.log.gz', 'hosts-09.log.gz']) utimesSync(join(folder, name), old, old);
  const { text, notices, place: later } = await follow(log, place);
  expect(text).toBe(HEADER + lines(500, 600) + HEADER + lines(600, 610));
  expect(notices).toEqual([]);
  expect(later?.offset).toBe((HEADER + lines(600, 610)).length);
});

test('of a packed log that is damaged behind the place, what is right is read and the damage told', async () => {
  const folder = temporary();
  const log = join(folder, 'hosts.log');
  writeFileSync(log, HEADER + lines(0, 5));
  const { place } = await follow(log);
  appendFileSync(log, lines(5, 9));
  writeFileSync(join(folder, 'hosts-10.log.gz'), gzipSync(readFileSync(log)).subarray(0, -6));
  rmSync(log);
  writeFileSync(log, HEADER);
  const { text, notices } = await follow(log, place);
  expect(text).toBe(HEADER + lines(5, 9) + HEADER);
  expect(notices).toEqual([expect.stringContaining('hosts-10.log.gz: is damaged')]);
});

test('a log that is cut and at once longer than before is read from its beginning', async () => {
  const log = join(temporary(), 'hosts.log');
  writeFileSync(log, HEADER + lines(0, 5));
  const { text, notices } = await follow(log, undefined, () => writeFileSync(log, HEADER + lines(100, 200)));
  expect(text).toBe(HEADER + lines(0, 5) + HEADER + lines(100, 200));
  expect(notices).toEqual([`${log}: was cut, and is read from its beginning`]);
});

test('a log that was cut and written anew while nobody followed is read from its beginning, which is told', async () => {
  const log = join(temporary(), 'hosts.log');
  writeFileSync(log, HEADER + lines(0, 5));
  const { place } = await follow(log);
  writeFileSync(log, HEADER + lines(100, 200));
  const { text, notices } = await follow(log, place);
  expect(text).toBe(HEADER + lines(100, 200));
  expect(notices).toEqual([expect.stringContaining('is gone, or was cut')]);
});

test('logs that came and went while nobody followed are named', async () => {
  const folder = temporary();
  const log = join(folder, 'hosts.log');
  writeFileSync(log, HEADER + lines(0, 5));
  const { place } = await follow(log);
  const rotated = join(folder, 'hosts-10.log');
  renameSync(log, rotated);
  utimesSync(rotated, new Date(1000), new Date(1000));
  for (const name of ['hosts-11.log', 'hosts_of_others.log']) writeFileSync(join(folder, name), HEADER);
  writeFileSync(log, HEADER + lines(9, 10));
  const { text, notices } = await follow(log, place);
  expect(text).toBe(HEADER + HEADER + lines(9, 10));
  expect(notices).toEqual([
    `${log}: hosts-11.log may have been written after hosts-10.log, and is not read. Import it by hand.`,
  ]);
});

test('a place that an earlier version wrote is gone on from', async () => {
  const log = join(temporary(), 'hosts.log');
  writeFileSync(log, HEADER + lines(0, 5));
  const { place } = await follow(log);
  appendFileSync(log, lines(5, 6));
  const { text } = await follow(log, place && { ...place, tail: '' });
  expect(text).toBe(HEADER + lines(5, 6));
});
