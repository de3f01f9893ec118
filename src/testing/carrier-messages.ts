import assert from 'node:assert/strict';
import type { Appended } from '../carrier/carrier.ts';
import { type CarrierCase, appendAll, listOf, message, readOf, textsOf } from './carrier-cases.ts';
import { pattern } from './observed.ts';
import { assertBytes } from './suite.ts';

/** Subjects that a carrier may have to write otherwise than they are. */
const HARD = ['a.b', '*', '>', ' ', '%', '%2E', '/', '"', 'é', '日本', '🙂', '$JS', 'x'.repeat(128)];

/** Lists what a carrier promises of what is appended and found. */
export const messageCases: readonly CarrierCase[] = [
  {
    title: 'is empty at first',
    check: async ({ link }) => {
      const one = await link();
      assert.equal(one.newest, 0);
      assert.deepEqual(await listOf(one.latest()), []);
      assert.equal(await one.last(['a']), undefined);
      assert.deepEqual(await listOf(one.kept('a')), []);
    },
  },
  {
    title: 'keeps subject, headers and bytes as they are, for every link',
    check: async ({ link }) => {
      const [writer, reader] = [await link(), await link()];
      const headers = { 'Tablecast-A': 'one: two, "three"; 4/5', 'Tablecast-B': 'x'.repeat(2000) };
      const sent: Appended = {
        subject: ['a', 'b'],
        headers,
        bytes: pattern(1000, 1),
        after: 0,
        id: 'only one',
      };
      const place = await writer.append(sent);
      assert.ok(place !== undefined && place >= 1);
      const [read] = await readOf(reader, 1, 1);
      for (const found of [await reader.last(['a', 'b']), read]) {
        assert.equal(found?.place, place);
        assert.deepEqual(found?.subject, ['a', 'b']);
        assert.deepEqual({ ...found?.headers }, headers);
        assertBytes(found?.bytes, pattern(1000, 1));
      }
    },
  },
  {
    title: 'takes from no bytes up to maxMessageBytes beside headers of 4 KiB',
    check: async ({ link }) => {
      const one = await link();
      const headers = { 'Tablecast-A': 'x'.repeat(4096 - 'Tablecast-A'.length) };
      let after = 0;
      for (const [index, size] of [0, 1, one.maxMessageBytes].entries()) {
        const bytes = pattern(size, index);
        after = (await one.append({ subject: ['a'], headers, bytes, after, id: `size ${index}` })) ?? 0;
        assert.ok(after > 0, `${size} bytes are taken`);
        const found = await one.last(['a']);
        assertBytes(found?.bytes, bytes);
        assert.deepEqual({ ...found?.headers }, headers);
      }
    },
  },
  {
    title: 'keeps subjects apart, whatever is in their tokens',
    check: async ({ link }) => {
      const one = await link();
      const subjects = [['a', 'b'], ['a'], ...HARD.flatMap((token) => [[token], ['a', token]])];
      for (const [index, subject] of subjects.entries())
        assert.ok((await one.append(message(subject, String(index), 0))) !== undefined, subject.join(' '));
      for (const [index, subject] of subjects.entries()) {
        const found = await one.last(subject);
        assert.deepEqual(found?.subject, subject);
        assert.equal(found.headers['Tablecast-Text'], String(index));
      }
      const heads = await listOf((await link()).latest());
      assert.deepEqual(
        heads.map(({ subject }) => subject),
        subjects,
      );
    },
  },
  {
    title: 'gives each message a later place than all before, whatever its subject',
    check: async ({ link }) => {
      const [one, other] = [await link(), await link()];
      const places: number[] = [];
      for (let count = 0; count < 10; count++) {
        const writer = count % 2 === 0 ? one : other;
        places.push((await writer.append(message([`s${count}`], 'x', 0))) ?? 0);
      }
      assert.ok(
        places.every((place, index) => place > (places[index - 1] ?? 0)),
        places.join(' '),
      );
      assert.equal((await link()).newest, places.at(-1));
    },
  },
  {
    title: 'refuses what follows another message than the last under its subject, and leaves no trace of it',
    check: async ({ link }) => {
      const one = await link();
      const [first = 0, second = 0] = await appendAll(one, ['a'], ['1', '2']);
      const elsewhere = (await one.append(message(['b'], 'elsewhere', 0))) ?? 0;
      for (const after of [0, first, elsewhere, elsewhere + 1])
        assert.equal(await one.append(message(['a'], 'wrong', after)), undefined);
      assert.equal(await one.append(message(['c'], 'wrong', second)), undefined);
      assert.ok((await one.append(message(['a'], '3', second))) !== undefined);
      assert.deepEqual(textsOf(await readOf(one, 1, 4)), ['1', '2', 'elsewhere', '3']);
    },
  },
  {
    title: 'takes one of those that follow the same message',
    check: async ({ link }) => {
      const links = await Promise.all(Array.from({ length: 4 }, link));
      for (let round = 0, after = 0; round < 10; round++) {
        const places = await Promise.all(
          links.map((one, index) => one.append(message(['a'], `${round} ${index}`, after))),
        );
        const [taken, ...others] = places.filter((place) => place !== undefined);
        assert.deepEqual(others, []);
        after = taken ?? 0;
        assert.ok(after > 0, 'one is taken');
      }
    },
  },
  {
    title: 'appends once what is repeated at once under the same id',
    check: async ({ link }) => {
      const one = await link();
      const sent = message(['a'], 'once', 0);
      const place = await one.append(sent);
      for (let times = 0; times < 3; times++) {
        const again = await one.append(sent);
        assert.ok(again === place || again === undefined, 'where it stands, or that something stands there');
      }
      const after = await one.append(message(['a'], 'next', place ?? 0));
      assert.ok(after !== undefined, 'it stands there once');
      assert.deepEqual(textsOf(await readOf(one, 1, 2)), ['once', 'next']);
    },
  },
  {
    title: 'gives the last message under each subject, in the order of their places',
    check: async ({ link }) => {
      const one = await link();
      const a = await appendAll(one, ['a'], ['1', '2', '3']);
      const b = await appendAll(one, ['b'], ['4']);
      const later = await one.append(message(['a'], '5', a[2] ?? 0));
      const heads = await listOf((await link()).latest());
      assert.deepEqual(
        heads.map(({ place, subject: [name], headers }) => [place, name, headers['Tablecast-Text']]),
        [
          [b[0], 'b', '4'],
          [later, 'a', '5'],
        ],
      );
    },
  },
];
