import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sqliteBackend, type SqliteBackendOptions } from '../../src/backends/sqlite/sqlite-backend.ts';
import { asTablecastError } from '../../src/backends/sqlite/failure.ts';
import { openReadOnly } from '../../src/backends/sqlite/reader.ts';
import { TablecastError } from '../../src/errors.ts';
import { temporaryDirectory } from './support/places.ts';
import { alter } from './support/raw.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let file: string;

beforeEach(() => {
  directory = temporaryDirectory();
  file = join(directory.path, 'node.db');
});
afterEach(() => directory.remove());

function make(options: Partial<SqliteBackendOptions> = {}) {
  return sqliteBackend({ file, durability: 'commit', owner: 'node-1', inline: true, ...options });
}

/** A file with segments at 1, 2, …, a checkpoint and a fact. */
async function fill(count = 10): Promise<void> {
  const backend = make();
  await backend.open();
  for (let position = 1; position <= count; position += 1) {
    void backend.commit({ segments: [{ position, span: 1, bytes: new Uint8Array(50).fill(position) }] });
  }
  await backend.commit({ segments: [], facts: new Map([['fact', Uint8Array.of(1, 2)]]) });
  await backend.writeCheckpoint({ table: 't', position: 3, chunks: [Uint8Array.of(1), Uint8Array.of(2)] });
  await backend.close();
}

const digest = () => createHash('sha256').update(readFileSync(file)).digest('hex');

async function refusal(work: Promise<unknown>): Promise<TablecastError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof TablecastError) return error;
  throw new Error(`not refused with a TablecastError: ${String(error)}`);
}

/** Opens, expects the refusal with file and hint, and that the file is byte for byte what it was. */
async function expectRefused(code: string): Promise<TablecastError> {
  const before = digest();
  const backend = make();
  const error = await refusal(backend.open());
  await backend.close();
  expect(error).toMatchObject({ code });
  expect(error.message).toContain(file);
  expect(error.hint).not.toBe('');
  expect(digest()).toBe(before);
  const reading = await refusal(Promise.resolve().then(() => openReadOnly(file)));
  expect(reading).toMatchObject({ code });
  expect(digest()).toBe(before);
  return error;
}

const flip = 'UPDATE segments SET bytes = zeroblob(50) WHERE position = ?';

describe('sqlite refuses, and leaves the file as it was', () => {
  it('a file that is not an SQLite database', async () => {
    writeFileSync(file, 'these are the notes of somebody, and long enough to be a header'.repeat(5));
    await expectRefused('BACKEND_FOREIGN');
  });

  it('a database of another application, and puts no files of SQLite beside it', async () => {
    alter(file, (connection) => connection.exec('PRAGMA journal_mode = WAL; CREATE TABLE notes (text)'));
    const backend = make();
    expect(await refusal(backend.open())).toMatchObject({ code: 'BACKEND_FOREIGN' });
    expect(readdirSync(directory.path).toSorted()).toEqual(['node.db', 'node.db.lock']);
    await expectRefused('BACKEND_FOREIGN');
  });

  it('a file of a later format', async () => {
    await fill();
    alter(file, (connection) => connection.pragma('user_version = 3'));
    expect((await expectRefused('BACKEND_NEWER')).message).toContain('format 3');
  });

  it('a file with a missing table', async () => {
    await fill();
    alter(file, (connection) => connection.exec('DROP TABLE facts'));
    expect((await expectRefused('BACKEND_DAMAGED')).message).toContain('facts');
  });

  it('a file with a trigger in it', async () => {
    await fill();
    alter(file, (connection) =>
      connection.exec('CREATE TRIGGER evil AFTER INSERT ON segments BEGIN DELETE FROM facts; END'),
    );
    expect((await expectRefused('BACKEND_DAMAGED')).message).toContain('evil');
  });

  it('a segment before the last whose bytes were changed, with its position', async () => {
    await fill();
    alter(file, (connection) => connection.prepare(flip).run(7));
    const before = digest();
    const backend = make();
    expect(await refusal(backend.open())).toMatchObject({
      code: 'BACKEND_DAMAGED',
      details: { position: 7 },
    });
    await backend.close();
    expect(digest()).toBe(before);
  });

  it('two segments in each other’s place', async () => {
    await fill();
    alter(file, (connection) =>
      connection.exec(
        'UPDATE segments SET position = -position WHERE position IN (3, 4);' +
          'UPDATE segments SET position = 7 + position WHERE position < 0',
      ),
    );
    await expectRefused('BACKEND_DAMAGED');
  });

  it.each([
    ['a chunk of a checkpoint', "UPDATE checkpoint_chunks SET bytes = x'09' WHERE chunk = 1", 'chunk 1'],
    ['a missing chunk', 'DELETE FROM checkpoint_chunks WHERE chunk = 1', '1 of 2 chunks'],
    ['a checkpoint', 'UPDATE checkpoints SET position = 2', '"t"'],
    ['a fact', "UPDATE facts SET bytes = x'00'", '"fact"'],
    ['a state', "UPDATE state SET value = 7 WHERE name = 'durability'", '"durability"'],
  ])('%s that does not match its checksum', async (_what, sql, named) => {
    await fill();
    alter(file, (connection) => connection.exec(sql));
    expect((await expectRefused('BACKEND_DAMAGED')).message).toContain(named);
  });

  it('a file cut off in the middle', async () => {
    await fill(500);
    truncateSync(file, 16384);
    await expectRefused('BACKEND_DAMAGED');
  });

  it('a path that is a directory', async () => {
    mkdirSync(file);
    expect(await refusal(make().open())).toMatchObject({ code: 'BACKEND_FAILED' });
    expect(await refusal(Promise.resolve().then(() => openReadOnly(file)))).toMatchObject({
      code: 'BACKEND_FAILED',
    });
  });

  it('a file another backend has open, and names the owner', async () => {
    const first = make({ owner: 'the-first' });
    await first.open();
    const error = await refusal(make({ owner: 'the-second' }).open());
    expect(error).toMatchObject({ code: 'BACKEND_IN_USE' });
    expect(error.message).toContain('the-first');
    expect(error.message).toContain(String(process.pid));
    await first.commit({ segments: [{ position: 1, span: 1, bytes: new Uint8Array(1) }] });
    await first.close();
    const third = make();
    expect(await third.open()).toMatchObject({ lastPosition: 1, closedCleanly: true });
    await third.close();
  });

  it('a directory and a file this process may not write', async () => {
    await fill();
    const { getuid, seteuid } = process;
    const isRoot = getuid?.() === 0;
    chmodSync(file, 0o444);
    chmodSync(directory.path, 0o555);
    if (isRoot) seteuid?.call(process, 65534);
    try {
      expect(await refusal(make().open())).toMatchObject({ code: 'BACKEND_READ_ONLY' });
      const fresh = make({ file: join(directory.path, 'other', 'node.db') });
      expect(await refusal(fresh.open())).toMatchObject({ code: 'BACKEND_READ_ONLY' });
      const reader = openReadOnly(file);
      expect(reader.recovery).toMatchObject({ lastPosition: 10 });
      expect(reader.read(0, 1e6).length).toBe(10);
      reader.close();
    } finally {
      if (isRoot) seteuid?.call(process, 0);
      chmodSync(directory.path, 0o755);
    }
  });

  it('options that cannot be', () => {
    expect(() => make({ intervalMs: 0 })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
    expect(() => make({ limits: { maxQueuedBytes: -1 } })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    );
  });
});

describe('sqlite recovers', () => {
  it('by cutting off a torn last segment, counting it, and not giving its position away again', async () => {
    await fill();
    alter(file, (connection) => connection.prepare(flip).run(10));
    const backend = make();
    expect(await backend.open()).toMatchObject({ tornSegments: 1, lastPosition: 10 });
    expect((await backend.read(0, 1e6)).length).toBe(9);
    await backend.close();
    const again = make();
    expect(await again.open()).toMatchObject({ tornSegments: 0, lastPosition: 10 });
    await again.close();
  });

  it('with damage in an old segment by refusing the read that reaches it, and only that', async () => {
    await fill(200);
    alter(file, (connection) => connection.prepare(flip).run(7));
    const backend = make();
    await backend.open();
    expect((await backend.read(7, 1e6)).length).toBe(193);
    const error = await refusal(backend.read(0, 1e6));
    expect(error).toMatchObject({ code: 'BACKEND_DAMAGED', details: { position: 7 } });
    await backend.close();
  });

  it('by setting a damaged file aside when asked to, each time under another name', async () => {
    for (const number of [1, 2]) {
      await fill();
      alter(file, (connection) => connection.exec('DROP TABLE facts'));
      const damagedDigest = digest();
      const backend = make({ failureMode: 'delete' });
      const recovery = await backend.open();
      expect(recovery).toMatchObject({ lastPosition: 0, setAside: `${file}.damaged-${number}` });
      await backend.close();
      const kept = createHash('sha256')
        .update(readFileSync(`${file}.damaged-${number}`))
        .digest('hex');
      expect(kept).toBe(damagedDigest);
    }
  });

  it('never sets a foreign file aside', async () => {
    writeFileSync(file, 'x'.repeat(200));
    expect(await refusal(make({ failureMode: 'delete' }).open())).toMatchObject({ code: 'BACKEND_FOREIGN' });
    expect(existsSync(`${file}.damaged-1`)).toBe(false);
  });

  it('from chunks of a checkpoint that was never published: the old one stays, the chunks go', async () => {
    await fill();
    alter(file, (connection) => connection.exec("INSERT INTO checkpoint_chunks VALUES (99, 0, 0, x'01')"));
    const backend = make();
    const { checkpoints } = await backend.open();
    expect(checkpoints).toMatchObject([{ table: 't', position: 3 }]);
    await backend.close();
    alter(file, (connection) => {
      expect(
        connection.prepare('SELECT count(*) FROM checkpoint_chunks WHERE generation = 99').pluck().get(),
      ).toBe(0);
    });
  });
});

describe('openReadOnly', () => {
  it('sees what a running node has committed, and is not in its way', async () => {
    const backend = make();
    await backend.open();
    await backend.commit({ segments: [{ position: 1, span: 2, bytes: Uint8Array.of(5) }] });
    const reader = openReadOnly(file);
    expect(reader.recovery).toMatchObject({
      lastPosition: 2,
      closedCleanly: false,
      lastDurability: 'commit',
    });
    await backend.commit({ segments: [{ position: 3, span: 1, bytes: Uint8Array.of(6) }] });
    expect(reader.read(0, 1e6).map((segment) => [...segment.bytes])).toEqual([[5], [6]]);
    expect(reader.read(2, 1e6).length).toBe(1);
    reader.close();
    await backend.close();
  });

  it('fails on a file that is not there', async () => {
    expect(await refusal(Promise.resolve().then(() => openReadOnly(file)))).toMatchObject({
      code: 'BACKEND_FAILED',
    });
    expect(existsSync(file)).toBe(false);
  });

  it('can write nothing', async () => {
    await fill();
    const before = digest();
    const reader = openReadOnly(file);
    expect(reader.read(0, 1).length).toBe(1);
    reader.close();
    expect(digest()).toBe(before);
  });
});

describe('a better-sqlite3 that does not fit', () => {
  it.each([
    Object.assign(new Error('was compiled against a different Node.js version'), {
      code: 'ERR_DLOPEN_FAILED',
    }),
    new Error('Could not locate the bindings file. Tried:'),
  ])('is told with what builds it ($message)', (error) => {
    const told = asTablecastError(error, { file: 'node.db', action: 'open' });
    expect(told.code).toBe('BACKEND_FAILED');
    expect(told.message).toContain('was not built for this Node.js');
    expect(told.hint).toContain('npm rebuild better-sqlite3');
  });
});
