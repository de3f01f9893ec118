import assert from 'node:assert/strict';
import { type CarrierCase, appendAll, listOf, message, readOf, textsOf, unending } from './carrier-cases.ts';
import type { Carried } from '../carrier/carrier.ts';
import { pattern } from './observed.ts';
import { assertBytes } from './suite.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `m${index}`);

/** Lists what a carrier promises of what is read, let go, and kept beside the messages. */
export const readingCases: readonly CarrierCase[] = [
  {
    title: 'gives what is there in its order, and then what comes',
    check: async ({ link }) => {
      const [writer, reader] = [await link(), await link()];
      const places = await appendAll(writer, ['a'], names(5));
      const reading = readOf(reader, 1, 8);
      for (const [index, name] of ['x', 'y', 'z'].entries()) {
        const place = await writer.append(message([name], name, 0));
        assert.ok(place !== undefined && place > (places[index] ?? 0));
      }
      assert.deepEqual(textsOf(await reading), [...names(5), 'x', 'y', 'z']);
    },
  },
  {
    title: 'begins with the place that is asked for, also with one that is not there yet',
    check: async ({ link }) => {
      const [writer, reader] = [await link(), await link()];
      const places = await appendAll(writer, ['a'], names(4));
      assert.deepEqual(textsOf(await readOf(reader, places[2] ?? 0, 2)), ['m2', 'm3']);
      const live = readOf(reader, (places[3] ?? 0) + 1, 1);
      await writer.append(message(['b'], 'live', 0));
      assert.deepEqual(textsOf(await live), ['live']);
    },
  },
  {
    title: 'gives everything to everybody who reads',
    check: async ({ link }) => {
      const readers = await Promise.all(Array.from({ length: 3 }, link));
      const reading = Promise.all(readers.map((one) => readOf(one, 1, 50)));
      await appendAll(await link(), ['a'], names(50));
      for (const found of await reading) assert.deepEqual(textsOf(found), names(50));
    },
  },
  {
    title: 'gives everything to who takes it slowly, and goes on taking what is appended',
    check: async ({ link }) => {
      const [writer, reader] = [await link(), await link()];
      const size = Math.min(65_536, writer.maxMessageBytes);
      const appendMore = async (places: number[]): Promise<void> => {
        const bytes = pattern(size, places.length);
        const place = await writer.append({ ...message(['a'], '', places.at(-1) ?? 0), bytes });
        if (place !== undefined && places.push(place) < 40) await appendMore(places);
      };
      const places: number[] = [];
      const appended = appendMore(places);
      const found: number[] = [];
      for await (const { place, bytes } of reader.read(1, unending())) {
        await appended;
        if (place <= (found.at(-1) ?? 0)) continue;
        assertBytes(bytes, pattern(size, found.length));
        if (found.push(place) === 40) break;
      }
      assert.deepEqual(found, places);
    },
  },
  {
    title: 'ends to read with the signal, and gives nothing to one that is over',
    check: async ({ link }) => {
      const one = await link();
      const stop = new AbortController();
      await appendAll(one, ['a'], ['1']);
      for await (const { place } of one.read(1, stop.signal)) {
        assert.ok(place > 0);
        stop.abort();
      }
      assert.deepEqual(await listOf(one.read(1, stop.signal)), []);
      const waiting = new AbortController();
      const ended = listOf(one.read(one.newest + 100, waiting.signal));
      setTimeout(() => waiting.abort(), 20);
      assert.deepEqual(await ended, []);
    },
  },
  {
    title: 'lets go what lies below the tokens up to a place, and nothing else',
    check: async ({ link }) => {
      const one = await link();
      const a = await appendAll(one, ['x', 'a', '1'], ['1', '2', '3']);
      await appendAll(one, ['x', 'ab'], ['4']);
      await appendAll(one, ['x', 'a'], ['5']);
      await appendAll(one, ['a', '1'], ['6']);
      const [late = 0] = await appendAll(one, ['x', 'a', '2'], ['7']);
      await one.trim(['x', 'a'], a[1] ?? 0);
      assert.deepEqual(textsOf(await readOf(one, 1, 5)), ['3', '4', '5', '6', '7']);
      await one.trim(['x', 'a'], late);
      assert.deepEqual(textsOf(await readOf(one, 1, 3)), ['4', '5', '6']);
      assert.equal(await one.last(['x', 'a', '1']), undefined);
      assert.deepEqual(
        (await listOf((await link()).latest())).map(({ subject }) => subject.join(' ')),
        ['x ab', 'x a', 'a 1'],
      );
    },
  },
  {
    title: 'lets go what stands under one subject before its last message, and nothing else',
    check: async ({ link }) => {
      const one = await link();
      await appendAll(one, ['x', 'a'], ['1', '2', '3']);
      await appendAll(one, ['x', 'a', 'b'], ['4', '5']);
      await appendAll(one, ['x', 'ab'], ['6', '7']);
      await one.thin(['x', 'a']);
      await one.thin(['x', 'none']);
      assert.deepEqual(textsOf(await readOf(one, 1, 5)), ['3', '4', '5', '6', '7']);
    },
  },
  {
    title: 'lets go of many as of few: up to a place, and before the last',
    check: async ({ link }) => {
      const one = await link();
      const places = await appendAll(one, ['x', 'a'], names(200));
      await one.trim(['x'], places[139] ?? 0);
      assert.deepEqual(textsOf(await readOf(one, 1, 60)), names(200).slice(140));
      await one.thin(['x', 'a']);
      assert.deepEqual(textsOf(await readOf(one, 1, 1)), names(200).slice(-1));
    },
  },
  {
    title: 'gives a reader what it has not taken yet, although something behind that is let go meanwhile',
    check: async ({ link }) => {
      const [one, reader] = [await link(), await link()];
      await appendAll(one, ['end', 'x'], ['first end']);
      await appendAll(one, ['a'], names(200));
      const found: Carried[] = [];
      for await (const carried of reader.read(1, unending())) {
        // A carrier may give a message again.
        if (carried.place <= (found.at(-1)?.place ?? 0)) continue;
        if (found.push(carried) === 1) {
          await appendAll(await link(), ['end', 'y'], ['second end']);
          await one.trim(['end'], carried.place);
        }
        if (carried.subject[1] === 'y') break;
      }
      assert.deepEqual(textsOf(found), ['first end', ...names(200), 'second end']);
    },
  },
  {
    title: 'takes a first message again where all were let go, at a later place',
    check: async ({ link }) => {
      const one = await link();
      const [last = 0] = (await appendAll(one, ['a', 'b'], ['1', '2'])).toReversed();
      await one.trim(['a'], last);
      const other = await link();
      assert.equal(other.newest, last);
      assert.equal(await other.append(message(['a', 'b'], 'wrong', last)), undefined);
      const place = await other.append(message(['a', 'b'], '3', 0));
      assert.ok(place !== undefined && place > last);
      assert.deepEqual(textsOf(await readOf(one, last, 1)), ['3']);
    },
  },
  {
    title: 'keeps bytes beside the messages, in order and by name, until they are forgotten',
    check: async ({ link }) => {
      const [one, other] = [await link(), await link()];
      const sizes = [0, 1, 1000, one.maxMessageBytes];
      for (const [index, size] of sizes.entries()) {
        await one.keep('a.b *', pattern(size, index));
        await one.keep('a', pattern(3, index));
      }
      const found = await listOf(other.kept('a.b *'));
      assert.equal(found.length, sizes.length);
      for (const [index, size] of sizes.entries()) assertBytes(found[index], pattern(size, index));
      await other.forget('a.b *');
      await other.forget('never kept');
      assert.deepEqual(await listOf(one.kept('a.b *')), []);
      assert.equal((await listOf(one.kept('a'))).length, sizes.length);
      assert.deepEqual(await listOf(one.latest()), [], 'they are no messages');
    },
  },
];
