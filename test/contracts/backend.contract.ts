import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backend, Checkpoint, Commit, Recovery, Segment } from '../../src/backends/backend.ts';

/** One place to keep data, as one test sees it. */
export interface BackendSetup {
  readonly backend: Backend;
  /** A second backend on the same data; only for durable ones, after the first was closed. */
  reopen(): Backend;
  teardown(): Promise<void>;
}

const bytesOf = (...values: number[]): Uint8Array => Uint8Array.from(values);

function segment(position: number, span = 1, size = 3): Segment {
  return { position, span, bytes: new Uint8Array(size).fill(position % 251) };
}

const commitOf = (...segments: Segment[]): Commit => ({ segments });

function plain(segments: readonly Segment[]): unknown {
  return segments.map(({ position, span, bytes }) => ({ position, span, bytes: [...bytes] }));
}

/** One text for all of them: lists of a million numbers take long to compare. */
function digest(segments: readonly Segment[]): string {
  const hash = createHash('sha256');
  for (const { position, span, bytes } of segments)
    hash.update(`${position} ${span} ${bytes.length} `).update(bytes);
  return hash.digest('hex');
}

function plainCheckpoints(checkpoints: readonly Checkpoint[]): unknown {
  return checkpoints.map(({ table, position, chunks }) => [
    table,
    position,
    chunks.map((chunk) => [...chunk]),
  ]);
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'resolved',
    (error: unknown) => (error as { code?: unknown }).code ?? error,
  );

/** The suite every implementation of the backend port passes. */
export function backendContract(
  name: string,
  options: { durable: boolean },
  setup: () => Promise<BackendSetup>,
): void {
  describe(`backend contract: ${name}`, () => {
    let place: BackendSetup;
    let backend: Backend;

    beforeEach(async () => {
      place = await setup();
      ({ backend } = place);
    });
    afterEach(async () => {
      await backend.close();
      await place.teardown();
    });

    it('opens empty, and says so', async () => {
      const recovery = await backend.open();
      expect({ ...recovery, facts: [...recovery.facts] }).toEqual({
        lastPosition: 0,
        trimmedTo: 0,
        facts: [],
        checkpoints: [],
        closedCleanly: true,
        lastDurability: undefined,
        tornSegments: 0,
        setAside: undefined,
      });
      expect(backend.durable).toBe(options.durable);
      expect(await backend.read(0, 100)).toEqual([]);
    });

    it('returns what was committed, in order, bytes unchanged', async () => {
      await backend.open();
      const all = [segment(1, 3), segment(4), segment(10, 5, 0), segment(15, 1, 5000)];
      await backend.commit(commitOf(...all.slice(0, 2)));
      await backend.commit(commitOf(...all.slice(2)));
      expect(plain(await backend.read(0, 1e6))).toEqual(plain(all));
    });

    it('leaves the bytes handed in usable by the caller', async () => {
      await backend.open();
      const given = segment(1, 1, 64);
      const chunk = bytesOf(1, 2, 3);
      await backend.commit({ segments: [given], facts: new Map([['fact', chunk]]) });
      await backend.writeCheckpoint({ table: 't', position: 1, chunks: [chunk] });
      expect(given.bytes.length).toBe(64);
      expect([...chunk]).toEqual([1, 2, 3]);
    });

    it('reads from the segment that ends after the position asked for', async () => {
      await backend.open();
      await backend.commit(commitOf(segment(1, 3), segment(4, 2), segment(10)));
      const from = async (after: number) => (await backend.read(after, 1e6)).map((one) => one.position);
      expect(await from(0)).toEqual([1, 4, 10]);
      expect(await from(2)).toEqual([1, 4, 10]);
      expect(await from(3)).toEqual([4, 10]);
      expect(await from(4)).toEqual([4, 10]);
      expect(await from(7)).toEqual([10]);
      expect(await from(10)).toEqual([]);
      expect(await from(1e9)).toEqual([]);
    });

    it('reads no more bytes than asked for, but always one segment if there is one', async () => {
      await backend.open();
      await backend.commit(commitOf(segment(1, 1, 100), segment(2, 1, 100), segment(3, 1, 100)));
      const count = async (maxBytes: number) => (await backend.read(0, maxBytes)).length;
      expect(await count(1)).toBe(1);
      expect(await count(199)).toBe(1);
      expect(await count(200)).toBe(2);
      expect(await count(1000)).toBe(3);
    });

    it('lets a reader page through thousands of segments while commits go on', async () => {
      await backend.open();
      const total = 6000;
      const commits = Array.from({ length: total }, (_, index) =>
        backend.commit(commitOf(segment(index + 1))),
      );
      await commits[0];
      const seen: number[] = [];
      while (seen.length < total) {
        const page = await backend.read(seen.at(-1) ?? 0, 5000);
        seen.push(...page.map((one) => one.position));
        if (page.length === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(commits);
      expect(seen).toEqual(Array.from({ length: total }, (_, index) => index + 1));
    });

    it('resolves commits in the order of the calls', async () => {
      await backend.open();
      const order: number[] = [];
      const commits = [1, 2, 3, 4, 5].map(async (position) => {
        await backend.commit(commitOf(segment(position)));
        order.push(position);
      });
      await Promise.all(commits);
      expect(order).toEqual([1, 2, 3, 4, 5]);
    });

    it('refuses positions that do not ascend, and leaves no trace of that commit', async () => {
      await backend.open();
      await backend.commit(commitOf(segment(1, 5)));
      expect(await codeOf(backend.commit(commitOf(segment(5))))).toBe('OPERATION_INVALID');
      expect(await codeOf(backend.commit(commitOf(segment(6), segment(6))))).toBe('OPERATION_INVALID');
      expect(await codeOf(backend.commit(commitOf(segment(0))))).toBe('OPERATION_INVALID');
      expect(await codeOf(backend.commit(commitOf(segment(Number.NaN))))).toBe('OPERATION_INVALID');
      expect(await codeOf(backend.commit(commitOf(segment(2 ** 53))))).toBe('OPERATION_INVALID');
      await backend.commit(commitOf(segment(6)));
      expect((await backend.read(0, 1e6)).map((one) => one.position)).toEqual([1, 6]);
    });

    it('refuses more facts, and longer names, than it promises to keep', async () => {
      await backend.open();
      const many = new Map(Array.from({ length: 4097 }, (_, index) => [`fact-${index}`, bytesOf(1)]));
      expect(await codeOf(backend.commit({ segments: [], facts: many }))).toBe('LIMIT_EXCEEDED');
      const long = new Map([['x'.repeat(1025), bytesOf(1)]]);
      expect(await codeOf(backend.commit({ segments: [], facts: long }))).toBe('LIMIT_EXCEEDED');
      const broken = new Map([['\uD800', bytesOf(1)]]);
      expect(await codeOf(backend.commit({ segments: [], facts: broken }))).toBe('OPERATION_INVALID');
    });

    it('rejects a read before the end of the trimmed range, and only that', async () => {
      await backend.open();
      await backend.commit(commitOf(segment(1, 4), segment(5, 8), segment(13)));
      await backend.trim(9);
      expect(await codeOf(backend.read(3, 1e6))).toBe('LOG_TRIMMED');
      expect((await backend.read(4, 1e6)).map((one) => one.position)).toEqual([5, 13]);
      await backend.trim(3);
      expect((await backend.read(4, 1e6)).length).toBe(2);
    });

    it('goes on after everything was trimmed', async () => {
      await backend.open();
      for (let position = 1; position <= 600; position += 1) void backend.commit(commitOf(segment(position)));
      await backend.trim(1000);
      expect(await backend.read(600, 1e6)).toEqual([]);
      expect(await codeOf(backend.read(599, 1e6))).toBe('LOG_TRIMMED');
      expect(await codeOf(backend.commit(commitOf(segment(600))))).toBe('OPERATION_INVALID');
      await backend.commit(commitOf(segment(601)));
      expect((await backend.read(600, 1e6)).length).toBe(1);
    });

    it('gives back what was sealed bit for bit, from every position, beside what is committed meanwhile', async () => {
      await backend.open();
      const all = Array.from({ length: 900 }, (_, index) =>
        segment(1 + index * 3, 2, 1 + ((index * 37) % 4000)),
      );
      await backend.commit(commitOf(...all.slice(0, 800)));
      const later = backend.commit(commitOf(...all.slice(800)));
      while (await backend.seal(1800));
      await later;
      for (const after of [0, 1, 2, 299, 1795, 1799, 1801, 2698]) {
        const expected = all.filter(({ position, span }) => position + span - 1 > after);
        const found: Segment[] = [];
        for (let page = await backend.read(after, 20_000); page.length > 0;) {
          expect(page.length === 1 || page.reduce((sum, { bytes }) => sum + bytes.length, 0) <= 20_000).toBe(
            true,
          );
          found.push(...page);
          const { position, span } = page.at(-1) as Segment;
          page = await backend.read(position + span - 1, 20_000);
        }
        expect(digest(found)).toBe(digest(expected));
      }
    });

    it('trims what is sealed in whole parts, and never more than asked for', async () => {
      await backend.open();
      const all = Array.from({ length: 2000 }, (_, index) => segment(1 + index, 1, 1000));
      await backend.commit(commitOf(...all));
      while (await backend.seal(1900));
      await backend.trim(700);
      let from = 0;
      while ((await codeOf(backend.read(from, 1))) === 'LOG_TRIMMED') from++;
      expect(from).toBeLessThanOrEqual(700);
      expect((await backend.read(700, 1)).map(({ position }) => position)).toEqual([701]);
      await backend.trim(1950);
      expect(await codeOf(backend.read(1949, 1))).toBe('LOG_TRIMMED');
      expect((await backend.read(1950, 1e9)).length).toBe(50);
      await backend.commit(commitOf(segment(2001)));
      expect((await backend.read(1999, 1e9)).length).toBe(2);
    });

    it('names the position to which to trim so that so many bytes remain', async () => {
      await backend.open();
      await backend.commit(commitOf(...Array.from({ length: 100 }, (_, index) => segment(1 + index, 1, 50))));
      expect(await backend.positionKeeping(5000)).toBe(0);
      expect(await backend.positionKeeping(1000)).toBe(80);
      expect(await backend.positionKeeping(1)).toBe(100);
    });

    it('refuses a checkpoint ahead of the log', async () => {
      await backend.open();
      await backend.commit(commitOf(segment(1)));
      const ahead = { table: 't', position: 2, chunks: [] };
      expect(await codeOf(backend.writeCheckpoint(ahead))).toBe('OPERATION_INVALID');
    });

    it('refuses every call before open and after close, and closes twice', async () => {
      const calls = () => [
        backend.commit(commitOf(segment(1))),
        backend.read(0, 1),
        backend.writeCheckpoint({ table: 't', position: 0, chunks: [] }),
        backend.trim(1),
        backend.seal(1),
        backend.positionKeeping(1),
      ];
      const allClosed = Array.from({ length: 6 }, () => 'CLOSED');
      expect(await Promise.all(calls().map(codeOf))).toEqual(allClosed);
      await backend.open();
      await Promise.all([backend.close(), backend.close()]);
      await backend.close();
      expect(await Promise.all(calls().map(codeOf))).toEqual(allClosed);
      expect(await codeOf(backend.open())).toBe('CLOSED');
    });

    it('waits on close for the commits already accepted', async () => {
      await backend.open();
      let done = 0;
      for (let position = 1; position <= 50; position += 1) {
        void backend.commit(commitOf(segment(position))).then(() => (done += 1));
      }
      await backend.close();
      expect(done).toBe(50);
    });

    if (options.durable) durableSection(() => place);
  });
}

function durableSection(place: () => BackendSetup): void {
  async function closeAndReopen(
    backend: Backend,
    work: (again: Backend, recovery: Recovery) => unknown,
  ): Promise<void> {
    await backend.close();
    const again = place().reopen();
    try {
      await work(again, await again.open());
    } finally {
      await again.close();
    }
  }

  it('finds segments and facts again after a restart', async () => {
    const { backend } = place();
    await backend.open();
    const kept = new Map([
      ['__proto__', bytesOf(1)],
      ['constructor', bytesOf()],
      ['gone', bytesOf(3)],
    ]);
    await backend.commit({ segments: [segment(1, 4)], facts: kept });
    await backend.commit({ segments: [], facts: new Map([['gone', undefined]]) });
    await closeAndReopen(backend, async (again, recovery) => {
      expect(recovery.lastPosition).toBe(4);
      expect([...recovery.facts].map(([key, value]) => [key, [...value]])).toEqual([
        ['__proto__', [1]],
        ['constructor', []],
      ]);
      expect(recovery).toMatchObject({ closedCleanly: true, tornSegments: 0, setAside: undefined });
      expect(plain(await again.read(0, 1e6))).toEqual(plain([segment(1, 4)]));
      expect(await codeOf(again.commit(commitOf(segment(4))))).toBe('OPERATION_INVALID');
      await again.commit(commitOf(segment(5)));
    });
  });

  it('finds the newest checkpoint of each table again, whatever its size', async () => {
    const { backend } = place();
    await backend.open();
    await backend.commit(commitOf(segment(1, 9)));
    const large = Array.from({ length: 12 }, (_, index) => new Uint8Array(300_000).fill(index));
    await backend.writeCheckpoint({ table: 'a', position: 3, chunks: large });
    await backend.writeCheckpoint({ table: 'b', position: 4, chunks: [] });
    await Promise.all([
      backend.writeCheckpoint({ table: 'a', position: 5, chunks: large }),
      backend.writeCheckpoint({ table: 'a', position: 6, chunks: [bytesOf(7), bytesOf(), bytesOf(8)] }),
    ]);
    await closeAndReopen(backend, (_again, recovery) => {
      expect(plainCheckpoints(recovery.checkpoints)).toEqual([
        ['a', 6, [[7], [], [8]]],
        ['b', 4, []],
      ]);
    });
  });

  it('finds what was sealed again after a restart, also when nothing else is left', async () => {
    const { backend } = place();
    await backend.open();
    const all = Array.from({ length: 1200 }, (_, index) => segment(1 + index * 2, 2, 1000));
    await backend.commit(commitOf(...all));
    while (await backend.seal(1e6));
    await closeAndReopen(backend, async (again, recovery) => {
      expect(recovery).toMatchObject({ lastPosition: 2400, trimmedTo: 0 });
      expect(plain(await again.read(0, 100))).toEqual(plain(all.slice(0, 1)));
      expect(plain(await again.read(2398, 100))).toEqual(plain(all.slice(-1)));
      expect(await codeOf(again.commit(commitOf(segment(2400))))).toBe('OPERATION_INVALID');
      await again.commit(commitOf(segment(2401)));
    });
  });

  it('remembers what was trimmed, and the last position though nothing is left', async () => {
    const { backend } = place();
    await backend.open();
    await backend.commit(commitOf(segment(1, 2), segment(3, 3)));
    await backend.trim(5);
    await closeAndReopen(backend, async (again, recovery) => {
      expect(recovery).toMatchObject({ lastPosition: 5, trimmedTo: 5 });
      expect(await codeOf(again.read(4, 1))).toBe('LOG_TRIMMED');
    });
  });
}
