import assert from 'node:assert/strict';
import { isTablecastError } from '../errors.ts';
import type { Backend, Segment } from '../log/backend.ts';
import {
  assertRead,
  type BackendCase,
  type BackendPlace,
  commitOf,
  positionsOf,
  segment,
} from './backend-cases.ts';
import { durableCases } from './durable-suite.ts';
import { type ContractCase, assertBytes, assertRejects, outcomeOf, withinLimit } from './suite.ts';

/** The options say what {@link backendSuite} is to hold against the contract. */
export interface BackendSuiteOptions {
  /** Says whether what was committed is there after the process ends; adds the cases of a restart. */
  readonly durable: boolean;
  /** Makes a place of its own for each case, with nothing in it. */
  readonly place: () => Promise<BackendPlace> | BackendPlace;
  /** Bounds the time for one case, in milliseconds. Default 60,000. */
  readonly caseLimitMs?: number | undefined;
}

/** Returns every promise of the backend port, one case each. Durable backends are closed and opened again. */
export function backendSuite({ durable, place, caseLimitMs }: BackendSuiteOptions): readonly ContractCase[] {
  const opens: BackendCase = {
    title: 'opens empty, and says so',
    check: async ({ backend }) => {
      const { facts, ...recovery } = await backend.open();
      assert.deepEqual(
        { ...recovery, facts: [...facts] },
        {
          lastPosition: 0,
          trimmedTo: 0,
          facts: [],
          checkpoints: [],
          closedCleanly: true,
          lastDurability: undefined,
          tornSegments: 0,
          setAside: undefined,
        },
      );
      assert.equal(backend.durable, durable);
      assert.deepEqual(await backend.read(0, 100), []);
    },
  };
  const cases = [
    opens,
    ...COMMITS,
    ...READS,
    ...REFUSALS,
    ...FULL,
    ...ENDS,
    ...(durable ? durableCases : []),
  ];
  return cases.map(({ title, check }) => ({
    title,
    run: () => withinLimit(runIn(place, check), caseLimitMs),
  }));
}

async function runIn(place: BackendSuiteOptions['place'], check: BackendCase['check']): Promise<void> {
  const made = await place();
  try {
    await check(made);
  } finally {
    await made.backend.close();
    await made.remove();
  }
}

const COMMITS: readonly BackendCase[] = [
  {
    title: 'returns what was committed, in order, bytes unchanged',
    check: async ({ backend }) => {
      await backend.open();
      const all = [segment(1, 3), segment(4), segment(10, 5, 0), segment(15, 1, 5000)];
      await backend.commit(commitOf(...all.slice(0, 2)));
      await backend.commit(commitOf(...all.slice(2)));
      assertRead(await backend.read(0, 1e6), all);
    },
  },
  {
    title: 'leaves the bytes handed in usable by the caller',
    check: async ({ backend }) => {
      await backend.open();
      const given = segment(1, 1, 64);
      const chunk = Uint8Array.of(1, 2, 3);
      await backend.commit({ segments: [given], facts: new Map([['fact', chunk]]) });
      await backend.writeCheckpoint({ table: 't', position: 1, chunks: [chunk] });
      assertBytes(given.bytes, segment(1, 1, 64).bytes);
      assert.deepEqual([...chunk], [1, 2, 3]);
    },
  },
  {
    title: 'resolves commits in the order of the calls',
    check: async ({ backend }) => {
      await backend.open();
      const order: number[] = [];
      const commits = [1, 2, 3, 4, 5].map(async (position) => {
        await backend.commit(commitOf(segment(position)));
        order.push(position);
      });
      await Promise.all(commits);
      assert.deepEqual(order, [1, 2, 3, 4, 5]);
    },
  },
  {
    title: 'gives back what was sealed bit for bit, from every position, beside what is committed meanwhile',
    check: async ({ backend }) => {
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
        assertRead(await readOn(backend, after, 20_000), expected);
      }
    },
  },
];

/** Pages on to the end of the log; throws for a page that is longer than asked for. */
async function readOn(backend: Backend, after: number, pageBytes: number): Promise<Segment[]> {
  const found: Segment[] = [];
  for (let page = await backend.read(after, pageBytes); page.length > 0;) {
    const bytes = page.reduce((sum, one) => sum + one.bytes.length, 0);
    assert.ok(page.length === 1 || bytes <= pageBytes, `a page of ${bytes} bytes, ${pageBytes} asked for`);
    found.push(...page);
    const { position, span } = page.at(-1) as Segment;
    page = await backend.read(position + span - 1, pageBytes);
  }
  return found;
}

const READS: readonly BackendCase[] = [
  {
    title: 'reads from the segment that ends after the position asked for',
    check: async ({ backend }) => {
      await backend.open();
      await backend.commit(commitOf(segment(1, 3), segment(4, 2), segment(10)));
      const from = async (after: number) => positionsOf(await backend.read(after, 1e6));
      assert.deepEqual(await from(0), [1, 4, 10]);
      assert.deepEqual(await from(2), [1, 4, 10]);
      assert.deepEqual(await from(3), [4, 10]);
      assert.deepEqual(await from(4), [4, 10]);
      assert.deepEqual(await from(7), [10]);
      assert.deepEqual(await from(10), []);
      assert.deepEqual(await from(1e9), []);
    },
  },
  {
    title: 'reads no more bytes than asked for, but always one segment if there is one',
    check: async ({ backend }) => {
      await backend.open();
      await backend.commit(commitOf(segment(1, 1, 100), segment(2, 1, 100), segment(3, 1, 100)));
      const count = async (maxBytes: number) => (await backend.read(0, maxBytes)).length;
      assert.equal(await count(1), 1);
      assert.equal(await count(199), 1);
      assert.equal(await count(200), 2);
      assert.equal(await count(1000), 3);
    },
  },
  {
    title: 'lets a reader page through thousands of segments while commits go on',
    check: async ({ backend }) => {
      await backend.open();
      const total = 6000;
      const positions = Array.from({ length: total }, (_, index) => index + 1);
      const commits = positions.map((position) => backend.commit(commitOf(segment(position))));
      await commits[0];
      const seen: number[] = [];
      while (seen.length < total) {
        const page = await backend.read(seen.at(-1) ?? 0, 5000);
        seen.push(...positionsOf(page));
        if (page.length === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      }
      await Promise.all(commits);
      assert.deepEqual(seen, positions);
    },
  },
  {
    title: 'names the position to which to trim so that so many bytes remain',
    check: async ({ backend }) => {
      await backend.open();
      await backend.commit(commitOf(...Array.from({ length: 100 }, (_, index) => segment(1 + index, 1, 50))));
      assert.equal(await backend.positionKeeping(5000), 0);
      assert.equal(await backend.positionKeeping(1000), 80);
      assert.equal(await backend.positionKeeping(1), 100);
    },
  },
];

const REFUSALS: readonly BackendCase[] = [
  {
    title: 'refuses positions that do not ascend, and leaves no trace of that commit',
    check: async ({ backend }) => {
      await backend.open();
      await backend.commit(commitOf(segment(1, 5)));
      const wrong = [
        [segment(5)],
        [segment(6), segment(6)],
        [segment(0)],
        [segment(Number.NaN)],
        [segment(2 ** 53)],
      ];
      for (const segments of wrong)
        await assertRejects(backend.commit(commitOf(...segments)), 'OPERATION_INVALID');
      await backend.commit(commitOf(segment(6)));
      assert.deepEqual(positionsOf(await backend.read(0, 1e6)), [1, 6]);
    },
  },
  {
    title: 'refuses more facts, and longer names, than it promises to keep',
    check: async ({ backend }) => {
      await backend.open();
      const one = Uint8Array.of(1);
      const many = new Map(Array.from({ length: 4097 }, (_, index) => [`fact-${index}`, one]));
      await assertRejects(backend.commit({ segments: [], facts: many }), 'LIMIT_EXCEEDED');
      const long = new Map([['x'.repeat(1025), one]]);
      await assertRejects(backend.commit({ segments: [], facts: long }), 'LIMIT_EXCEEDED');
      const broken = new Map([['\uD800', one]]);
      await assertRejects(backend.commit({ segments: [], facts: broken }), 'OPERATION_INVALID');
    },
  },
  {
    title: 'rejects a read before the end of the trimmed range, and only that',
    check: async ({ backend }) => {
      await backend.open();
      await backend.commit(commitOf(segment(1, 4), segment(5, 8), segment(13)));
      assert.equal(await backend.trim(9), 4);
      await assertRejects(backend.read(3, 1e6), 'LOG_TRIMMED');
      assert.deepEqual(positionsOf(await backend.read(4, 1e6)), [5, 13]);
      await backend.trim(3);
      assert.equal((await backend.read(4, 1e6)).length, 2);
    },
  },
  {
    title: 'goes on after everything was trimmed',
    check: async ({ backend }) => {
      await backend.open();
      const commits = Array.from({ length: 600 }, (_, index) => backend.commit(commitOf(segment(index + 1))));
      await backend.trim(1000);
      await Promise.all(commits);
      assert.deepEqual(await backend.read(600, 1e6), []);
      await assertRejects(backend.read(599, 1e6), 'LOG_TRIMMED');
      await assertRejects(backend.commit(commitOf(segment(600))), 'OPERATION_INVALID');
      await backend.commit(commitOf(segment(601)));
      assert.equal((await backend.read(600, 1e6)).length, 1);
    },
  },
  {
    title: 'trims what is sealed in whole parts, and never more than asked for',
    check: async ({ backend }) => {
      await backend.open();
      await backend.commit(
        commitOf(...Array.from({ length: 2000 }, (_, index) => segment(1 + index, 1, 1000))),
      );
      while (await backend.seal(1900));
      await backend.trim(700);
      let from = 0;
      while ((await outcomeOf(backend.read(from, 1))) === 'LOG_TRIMMED') from++;
      assert.ok(from <= 700, `trimmed to ${from}, 700 asked for`);
      assert.deepEqual(positionsOf(await backend.read(700, 1)), [701]);
      await backend.trim(1950);
      await assertRejects(backend.read(1949, 1), 'LOG_TRIMMED');
      assert.equal((await backend.read(1950, 1e9)).length, 50);
      await backend.commit(commitOf(segment(2001)));
      assert.equal((await backend.read(1999, 1e9)).length, 2);
    },
  },
  {
    title: 'refuses a checkpoint ahead of the log',
    check: async ({ backend }) => {
      await backend.open();
      await backend.commit(commitOf(segment(1)));
      const ahead = { table: 't', position: 2, chunks: [] };
      await assertRejects(backend.writeCheckpoint(ahead), 'OPERATION_INVALID');
    },
  },
];

const FULL: readonly BackendCase[] = [
  {
    title: 'refuses commits while there is no room, all that wait, and takes them again in the same order',
    check: async (place) => {
      if (place.setRoom === undefined) return;
      const { backend } = place;
      await backend.open();
      await backend.commit({ segments: [segment(1)], facts: new Map([['kept', Uint8Array.of(1)]]) });
      for (let round = 0; round < 3; round += 1) {
        place.setRoom(false);
        const from = 2 + round * 30;
        const waiting = Array.from({ length: 30 }, (_, index) =>
          backend.commit(commitOf(segment(from + index))),
        );
        await refused(waiting, round);
        assert.equal((await backend.read(0, 1e6)).length, from - 1);
        place.setRoom(true);
        for (let index = 0; index < 30; index += 1) await backend.commit(commitOf(segment(from + index)));
      }
      assert.deepEqual(
        positionsOf(await backend.read(0, 1e6)),
        Array.from({ length: 91 }, (_, index) => index + 1),
      );
    },
  },
  {
    title: 'counts no fact of a commit that it refused for lack of room',
    check: async (place) => {
      if (place.setRoom === undefined) return;
      const { backend } = place;
      await backend.open();
      const facts = (count: number, name: string) =>
        new Map(Array.from({ length: count }, (_, index) => [`${name}-${index}`, Uint8Array.of(1)]));
      await backend.commit({ segments: [], facts: facts(96, 'kept') });
      for (let round = 0; round < 3; round += 1) {
        place.setRoom(false);
        const large = { segments: [segment(1, 1, 100_000)], facts: facts(4000, `round${round}`) };
        await refused([backend.commit(large)], round);
        place.setRoom(true);
      }
      await backend.commit({ segments: [segment(1)], facts: facts(4000, 'last') });
    },
  },
];

/** Throws unless commits are all refused, with one error, for which they may be tried again. */
async function refused(commits: readonly Promise<void>[], round: number): Promise<void> {
  const outcomes = await Promise.all(commits.map(refusalOf));
  const [first] = outcomes;
  assert.match(String(first), /^retryable /, `the first commit of round ${round}`);
  assert.deepEqual(new Set(outcomes), new Set([first]), `the commits of round ${round}`);
}

/** Returns the code a commit rejects with, and whether it may be tried again. */
async function refusalOf(commit: Promise<void>): Promise<string> {
  const error = await commit.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isTablecastError(error)) return outcomeOf(commit);
  return `${error.retryable ? 'retryable' : 'final'} ${error.code}`;
}

const ENDS: readonly BackendCase[] = [
  {
    title: 'refuses every call before open and after close, and closes twice',
    check: async ({ backend }) => {
      const calls = () =>
        [
          backend.commit(commitOf(segment(1))),
          backend.read(0, 1),
          backend.writeCheckpoint({ table: 't', position: 0, chunks: [] }),
          backend.trim(1),
          backend.seal(1),
          backend.positionKeeping(1),
        ].map(outcomeOf);
      const allClosed = Array.from({ length: 6 }, () => 'CLOSED');
      assert.deepEqual(await Promise.all(calls()), allClosed);
      await backend.open();
      await Promise.all([backend.close(), backend.close()]);
      await backend.close();
      assert.deepEqual(await Promise.all(calls()), allClosed);
      await assertRejects(backend.open(), 'CLOSED');
    },
  },
  {
    title: 'waits on close for the commits already accepted',
    check: async ({ backend }) => {
      await backend.open();
      let done = 0;
      for (let position = 1; position <= 50; position += 1)
        void backend.commit(commitOf(segment(position))).then(() => (done += 1));
      await backend.close();
      assert.equal(done, 50);
    },
  },
];
