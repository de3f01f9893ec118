/** A running Zeek's log is followed into a table, over rotations and over the death of either. */
import { appendFileSync, existsSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLogFile } from '../../src/index.ts';
import { type Started, start, temporary } from './support/command.ts';
import { PATIENCE_MS } from '../support/patience.ts';

const HEADER = '#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\thosts\n';
const FIELDS = '#fields\thost\tn\n#types\taddr\tcount\n';

const host = (at: number): string => `10.0.${at >> 8}.${at & 255}`;
const tsv = (from: number, to: number): string => {
  const lines = Array.from({ length: to - from }, (_, at) => `${host(from + at)}\t${from + at}\n`);
  return lines.join('');
};
const json = (from: number, to: number): string => {
  const lines = Array.from({ length: to - from }, (_, at) =>
    JSON.stringify({ host: host(from + at), n: from + at }),
  );
  return lines.map((line) => `${line}\n`).join('');
};

interface Followed {
  readonly directory: string;
  readonly log: string;
  readonly follow: () => Started;
  readonly rows: () => Promise<ReadonlyMap<unknown, unknown>>;
  /** Counts the operations in the log of the node. */
  readonly operations: () => Promise<number>;
  /** Waits until so many rows are durable. */
  readonly reached: (rows: number) => Promise<void>;
}

function followed(): Followed {
  const directory = temporary();
  const log = join(directory, 'hosts.log');
  const place = join(directory, 'hosts.place');
  const declare = ['--declare', 'key=addr value=count', '--key', 'host', '--value', 'n'];
  const where = ['--directory', directory, '--id', 'sensor'];
  const follow = (): Started =>
    start(['import', 'hosts', log, '--follow', '--place', place, ...where, ...declare]);
  const rows = async (): Promise<ReadonlyMap<unknown, unknown>> => {
    const path = join(directory, 'sensor.tablecast.db');
    if (!existsSync(path)) return new Map();
    const file = await openLogFile(path);
    try {
      return file.tables.has('hosts') ? new Map(file.rows('hosts')) : new Map();
    } finally {
      file.close();
    }
  };
  const reached = async (wanted: number): Promise<void> => {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const { size } = await rows();
      if (size >= wanted) return;
      if (Date.now() > deadline) throw new Error(`${wanted} rows did not come, ${size} did`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const operations = async (): Promise<number> => {
    const file = await openLogFile(join(directory, 'sensor.tablecast.db'));
    let count = 0;
    for await (const _ of file.follow()) count += 1;
    file.close();
    return count;
  };
  return { directory, log, follow, rows, reached, operations };
}

const wanted = (from: number, to: number): ReadonlyMap<unknown, unknown> =>
  new Map(Array.from({ length: to - from }, (_, at) => [host(from + at), from + at] as const));

async function stopped(running: Started): Promise<void> {
  running.process.kill('SIGTERM');
  expect(await running.finished).toMatchObject({ code: 0 });
}

test('a log is followed as it grows, is rotated and is cut', async () => {
  const [header, lines] = [HEADER + FIELDS, tsv];
  const { directory, log, follow, rows, reached } = followed();
  writeFileSync(log, header + lines(0, 100));
  const running = follow();
  await reached(100);
  appendFileSync(log, lines(100, 150) + lines(150, 151).slice(0, 5));
  await reached(150);
  appendFileSync(log, lines(150, 151).slice(5));
  await reached(151);
  // Zeek gives the log another name, and begins the next when there is something to write.
  renameSync(log, join(directory, 'hosts-00.log'));
  appendFileSync(join(directory, 'hosts-00.log'), lines(151, 160));
  await reached(160);
  writeFileSync(log, header + lines(160, 170));
  await reached(170);
  truncateSync(log);
  await running.printed('was cut');
  appendFileSync(log, header + lines(170, 180));
  await reached(180);
  await stopped(running);
  expect(await rows()).toEqual(wanted(0, 180));
});

test('killed again and again, it goes on where it was: no row is missing, also over a rotation meanwhile', async () => {
  const { directory, log, follow, rows, reached, operations } = followed();
  writeFileSync(log, HEADER + FIELDS);
  let written = 0;
  const write = (count: number): void => {
    appendFileSync(log, tsv(written, written + count));
    written += count;
  };
  for (let round = 0; round < 2; round++) {
    const running = follow();
    write(800);
    await reached(written - 700);
    write(100);
    running.process.kill('SIGKILL');
    await running.finished;
    write(10);
    if (round === 1) {
      renameSync(log, join(directory, 'hosts-01.log'));
      writeFileSync(log, HEADER + FIELDS);
      write(20);
    }
  }
  const last = follow();
  await reached(written);
  await stopped(last);
  expect(await rows()).toEqual(wanted(0, written));
  // Stopped in peace, nothing is read twice.
  const before = await operations();
  const again = follow();
  write(1);
  await reached(written);
  await stopped(again);
  expect(await operations()).toBe(before + 1);
});

test('stopped in peace, a log that ends with what is no row is not read again', async () => {
  const { log, follow, rows, reached, operations } = followed();
  writeFileSync(log, `${HEADER}${FIELDS}${tsv(0, 50)}#close\t2026-11-30-00-00-00\n`);
  const first = follow();
  await reached(50);
  await stopped(first);
  const before = await operations();
  const second = follow();
  appendFileSync(log, tsv(50, 51));
  await reached(51);
  await stopped(second);
  expect([await operations(), (await rows()).size]).toEqual([before + 1, 51]);
});

test('between a rotation and the next log it is waited for, also by a restart', async () => {
  const { directory, log, follow, rows, reached } = followed();
  const waiting = follow();
  writeFileSync(log, HEADER + FIELDS + tsv(0, 10));
  await reached(10);
  await stopped(waiting);
  renameSync(log, join(directory, 'hosts-00.log'));
  appendFileSync(join(directory, 'hosts-00.log'), tsv(10, 12));
  const running = follow();
  await reached(12);
  writeFileSync(log, HEADER + FIELDS + tsv(12, 15));
  await reached(15);
  await stopped(running);
  expect(await rows()).toEqual(wanted(0, 15));
});

test('what was rotated and is gone is told, and the log read from its beginning', async () => {
  const { directory, log, follow, rows, reached } = followed();
  writeFileSync(log, json(0, 10));
  const first = follow();
  await reached(10);
  await stopped(first);
  rmSync(log);
  writeFileSync(join(directory, 'other'), 'takes the number that became free\n');
  writeFileSync(log, json(20, 25));
  const second = follow();
  await second.printed('is gone, or was cut');
  await reached(15);
  await stopped(second);
  expect(await rows()).toEqual(new Map([...wanted(0, 10), ...wanted(20, 25)]));
});

test('what cannot be followed is refused, with what to do', async () => {
  const { directory, log } = followed();
  writeFileSync(log, json(0, 1));
  const where = ['--directory', directory, '--id', 'sensor', '--declare', 'key=addr value=count'];
  const run = async (...args: string[]): Promise<string> =>
    (await start(['import', 'hosts', ...args, ...where]).finished).stderr;
  expect(await run(log, log, '--follow')).toContain('--follow takes one file');
  const place = join(directory, 'place');
  writeFileSync(place, '{"inode":"x","offset":-1,"head":""}');
  expect(await run(log, '--follow', '--place', place)).toContain('holds no place of a log that is followed');
});
