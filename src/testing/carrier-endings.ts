import assert from 'node:assert/strict';
import type { CarrierLink } from '../carrier/carrier.ts';
import { type CarrierCase, appendAll, listOf, message, readOf, textsOf, unending } from './carrier-cases.ts';
import { assertRejects } from './suite.ts';

/** Rejects unless each call of a link does. */
async function assertOver(link: CarrierLink): Promise<void> {
  const calls: Record<string, () => Promise<unknown>> = {
    answers: () => link.answers(),
    latest: () => listOf(link.latest()),
    last: () => link.last(['a']),
    append: () => link.append(message(['a'], 'late', 0)),
    read: () => listOf(link.read(1, unending())),
    keep: () => link.keep('a', new Uint8Array(1)),
    kept: () => listOf(link.kept('a')),
    forget: () => link.forget('a'),
    thin: () => link.thin(['a']),
    trim: () => link.trim(['a'], 1),
    tell: () => link.tell({ by: 'a', to: undefined, bytes: new Uint8Array(1) }),
    hear: () => link.hear('a', unending()),
  };
  for (const [name, call] of Object.entries(calls))
    await assert.rejects(call(), `${name} rejects after the end`);
}

/** Resolves with what a reader was given until reading ended, however it did. */
async function readToItsEnd(link: CarrierLink): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const one of link.read(1, unending())) found.push(...textsOf([one]));
  } catch {
    // Whether it ends or rejects is the carrier's.
  }
  return found;
}

/** Lists what a carrier promises of how links begin and end. */
export const endingCases: readonly CarrierCase[] = [
  {
    title: 'names itself and its memory, for every link alike',
    check: async ({ carrier, link }) => {
      const one = await link();
      await appendAll(one, ['a'], ['1']);
      const other = await link();
      assert.notEqual(carrier().name, '');
      assert.notEqual(one.identity, '');
      assert.equal(other.identity, one.identity);
      assert.ok(one.maxMessageBytes >= 1024);
    },
  },
  {
    title: 'answers who asks whether it is there',
    check: async ({ link }) => {
      const one = await link();
      await one.answers();
      await appendAll(one, ['a'], ['1']);
      await one.answers();
    },
  },
  {
    title: 'rejects every call after the end of a link, and ends what is read',
    check: async ({ link }) => {
      const [one, other] = [await link(), await link()];
      await appendAll(one, ['a'], ['1']);
      const reading = readToItsEnd(one);
      one.close();
      one.close();
      assert.equal(typeof (await one.ended), 'string');
      await reading;
      await assertOver(one);
      assert.deepEqual(textsOf(await readOf(other, 1, 1)), ['1'], 'the other link goes on');
    },
  },
  {
    title: 'ends every link of a carrier that is closed, and of no other',
    check: async ({ carrier, link }) => {
      const [mine, others] = [carrier(), await link()];
      const links = [await mine.open(unending()), await mine.open(unending())];
      await mine.close();
      await mine.close();
      for (const one of links) {
        await one.ended;
        await assertOver(one);
      }
      await appendAll(others, ['a'], ['1']);
    },
  },
  {
    title: 'opens no link for a signal that is over',
    check: ({ carrier }) => assertRejects(carrier().open(AbortSignal.abort()), 'PEER_UNREACHABLE'),
  },
  {
    title: 'is another memory, and empty, once it was made anew',
    check: async ({ place, link }) => {
      if (place.remake === undefined) return;
      const before = await link();
      await appendAll(before, ['a'], ['1', '2']);
      await before.keep('a', new Uint8Array(1));
      await place.remake();
      const after = await link();
      assert.notEqual(after.identity, before.identity);
      assert.equal(after.newest, 0);
      assert.deepEqual(await listOf(after.latest()), []);
      assert.deepEqual(await listOf(after.kept('a')), []);
      await appendAll(after, ['a'], ['new']);
      assert.deepEqual(textsOf(await readOf(after, 1, 1)), ['new']);
    },
  },
  {
    title: 'ends links when it goes away, lets nobody in, and is then as it was',
    check: async ({ place, carrier, link }) => {
      if (place.setAway === undefined) return;
      const before = await link();
      await appendAll(before, ['a'], ['1', '2']);
      await place.setAway(true);
      await before.ended;
      await assertOver(before);
      await assertRejects(carrier().open(unending()), 'PEER_UNREACHABLE');
      await place.setAway(false);
      const after = await link();
      assert.equal(after.identity, before.identity);
      assert.deepEqual(textsOf(await readOf(after, 1, 2)), ['1', '2']);
    },
  },
  {
    title: 'refuses what it has no room for, goes on giving, and takes it when there is room',
    check: async ({ place, link }) => {
      if (place.setRoom === undefined) return;
      const one = await link();
      const [first = 0] = await appendAll(one, ['a'], ['1']);
      const full = message(['a'], '2', first);
      await place.setRoom(false);
      await assertRejects(one.append(full), 'PEER_REFUSED');
      assert.deepEqual(textsOf(await readOf(one, 1, 1)), ['1']);
      await place.setRoom(true);
      assert.ok((await one.append(full)) !== undefined);
      assert.deepEqual(textsOf(await readOf(one, 1, 2)), ['1', '2']);
    },
  },
];
