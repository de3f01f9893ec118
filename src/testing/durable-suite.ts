import assert from 'node:assert/strict';
import type { Backend, Recovery } from '../log/backend.ts';
import { assertRead, type BackendCase, type BackendPlace, commitOf, segment } from './backend-cases.ts';
import { assertRejects } from './suite.ts';

/** Closes a place's backend and looks at the next one on the same data. */
async function reopened(
  place: BackendPlace,
  look: (backend: Backend, recovery: Recovery) => Promise<void> | void,
): Promise<void> {
  await place.backend.close();
  const again = place.reopen();
  try {
    await look(again, await again.open());
  } finally {
    await again.close();
  }
}

/** Lists what backends promise that keep their data when the process ends. */
export const durableCases: readonly BackendCase[] = [
  {
    title: 'finds segments and facts again after a restart',
    check: async (place) => {
      const { backend } = place;
      await backend.open();
      const kept = new Map([
        ['__proto__', Uint8Array.of(1)],
        ['constructor', Uint8Array.of()],
        ['gone', Uint8Array.of(3)],
      ]);
      await backend.commit({ segments: [segment(1, 4)], facts: kept });
      await backend.commit({ segments: [], facts: new Map([['gone', undefined]]) });
      await reopened(place, async (again, recovery) => {
        assert.equal(recovery.lastPosition, 4);
        const facts = Array.from(recovery.facts, ([name, value]) => [name, [...value]] as const);
        assert.deepEqual(
          new Map(facts),
          new Map([
            ['__proto__', [1]],
            ['constructor', []],
          ] as const),
        );
        assert.equal(recovery.closedCleanly, true);
        assert.equal(recovery.tornSegments, 0);
        assert.equal(recovery.setAside, undefined);
        assert.ok(recovery.lastDurability !== undefined, 'lastDurability is that of the last owner');
        assertRead(await again.read(0, 1e6), [segment(1, 4)]);
        await assertRejects(again.commit(commitOf(segment(4))), 'OPERATION_INVALID');
        await again.commit(commitOf(segment(5)));
      });
    },
  },
  {
    title: 'finds the newest checkpoint of each table again, whatever its size',
    check: async (place) => {
      const { backend } = place;
      await backend.open();
      await backend.commit(commitOf(segment(1, 9)));
      const large = Array.from({ length: 12 }, (_, index) => new Uint8Array(300_000).fill(index));
      const small = [Uint8Array.of(7), Uint8Array.of(), Uint8Array.of(8)];
      await backend.writeCheckpoint({ table: 'a', position: 3, chunks: large });
      await backend.writeCheckpoint({ table: 'b/../b', position: 4, chunks: [] });
      await Promise.all([
        backend.writeCheckpoint({ table: 'a', position: 5, chunks: large }),
        backend.writeCheckpoint({ table: 'a', position: 6, chunks: small }),
      ]);
      await reopened(place, (_again, { checkpoints }) => {
        const found = checkpoints
          .map(({ table, position, chunks }) => [table, position, chunks.map((chunk) => [...chunk])] as const)
          .toSorted(([one], [other]) => (one < other ? -1 : 1));
        assert.deepEqual(found, [
          ['a', 6, [[7], [], [8]]],
          ['b/../b', 4, []],
        ]);
      });
    },
  },
  {
    title: 'finds what was sealed again after a restart, also when nothing else is left',
    check: async (place) => {
      const { backend } = place;
      await backend.open();
      const all = Array.from({ length: 1200 }, (_, index) => segment(1 + index * 2, 2, 1000));
      await backend.commit(commitOf(...all));
      while (await backend.seal(1e6));
      await reopened(place, async (again, recovery) => {
        assert.equal(recovery.lastPosition, 2400);
        assert.equal(recovery.trimmedTo, 0);
        assertRead(await again.read(0, 100), all.slice(0, 1));
        assertRead(await again.read(2398, 100), all.slice(-1));
        await assertRejects(again.commit(commitOf(segment(2400))), 'OPERATION_INVALID');
        await again.commit(commitOf(segment(2401)));
      });
    },
  },
  {
    title: 'remembers what was trimmed, and the last position though nothing is left',
    check: async (place) => {
      const { backend } = place;
      await backend.open();
      await backend.commit({
        segments: [segment(1, 2), segment(3, 3)],
        facts: new Map([['kept', Uint8Array.of(1)]]),
      });
      await backend.trim(5);
      await reopened(place, async (again, recovery) => {
        assert.equal(recovery.lastPosition, 5);
        assert.equal(recovery.trimmedTo, 5);
        assert.deepEqual([...(recovery.facts.get('kept') ?? [])], [1]);
        await assertRejects(again.read(4, 1), 'LOG_TRIMMED');
      });
    },
  },
  {
    title: 'says that the last owner did not close, and has what it acknowledged',
    check: async (place) => {
      if (place.abandoned === undefined) return;
      await place.backend.open();
      await place.backend.commit({ segments: [segment(1, 2)], facts: new Map([['kept', Uint8Array.of(1)]]) });
      const again = place.abandoned();
      try {
        const recovery = await again.open();
        assert.equal(recovery.closedCleanly, false);
        assert.equal(recovery.lastPosition, 2);
        assert.deepEqual([...(recovery.facts.get('kept') ?? [])], [1]);
        assertRead(await again.read(0, 1e6), [segment(1, 2)]);
      } finally {
        await again.close();
      }
    },
  },
  {
    title: 'goes on saying that an owner did not close until somebody has committed since',
    check: async (place) => {
      if (place.abandoned === undefined) return;
      await place.backend.open();
      await place.backend.commit(commitOf(segment(1)));
      const second = place.abandoned();
      const before = await second.open();
      await second.close();
      const third = place.reopen();
      const recovery = await third.open();
      assert.equal(recovery.closedCleanly, false, 'it was opened and closed, and nothing was committed');
      assert.equal(recovery.lastDurability, before.lastDurability);
      await third.commit(commitOf(segment(2)));
      await third.close();
      await reopenedOnce(place, (last) => assert.equal(last.closedCleanly, true));
    },
  },
];

async function reopenedOnce(place: BackendPlace, look: (recovery: Recovery) => void): Promise<void> {
  const backend = place.reopen();
  try {
    look(await backend.open());
  } finally {
    await backend.close();
  }
}
