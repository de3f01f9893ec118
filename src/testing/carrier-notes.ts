import assert from 'node:assert/strict';
import type { Note } from '../carrier/carrier.ts';
import { type CarrierCase, listOf, unending } from './carrier-cases.ts';
import { pattern } from './observed.ts';
import { assertBytes } from './suite.ts';

/** Names that a carrier may have to write otherwise than they are. */
const HARD = ['a.b', '*', '>', ' ', '%2E', 'é', '🙂', 'x'.repeat(128)];

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = ({ by, bytes }: Note): string => `${by}: ${new TextDecoder().decode(bytes)}`;

/** Reads so many notes. */
async function heard(notes: AsyncIterable<Note>, count: number): Promise<Note[]> {
  const found: Note[] = [];
  for await (const note of notes) if (found.push(note) === count) break;
  return found;
}

/** Lists what a carrier promises of notes. */
export const noteCases: readonly CarrierCase[] = [
  {
    title: 'brings a note to everybody who listens, or to the one that it names, in the order of who says it',
    check: async ({ link }) => {
      const [one, other] = [await link(), await link()];
      const atOne = await one.hear('one', unending());
      const atOther = await other.hear('other', unending());
      for (const [index, to] of [undefined, 'one', 'nobody', 'other', undefined, 'one'].entries())
        await one.tell({ by: 'one', to, bytes: bytesOf(String(index)) });
      assert.deepEqual((await heard(atOne, 4)).map(textOf), ['one: 0', 'one: 1', 'one: 4', 'one: 5']);
      assert.deepEqual((await heard(atOther, 3)).map(textOf), ['one: 0', 'one: 3', 'one: 4']);
    },
  },
  {
    title: 'brings notes as they are, from no bytes up to maxMessageBytes, whatever is in their names',
    check: async ({ link }) => {
      const one = await link();
      for (const [index, name] of HARD.entries()) {
        const notes = await one.hear(name, unending());
        const sizes = [0, 1, index === 0 ? one.maxMessageBytes : 1000];
        for (const size of sizes) await one.tell({ by: name, to: name, bytes: pattern(size, index) });
        const found = await heard(notes, sizes.length);
        for (const [at, { by, to, bytes }] of found.entries()) {
          assert.deepEqual([by, to], [name, name]);
          assertBytes(bytes, pattern(sizes[at] ?? 0, index));
        }
      }
    },
  },
  {
    title: 'keeps no note: who listens later hears nothing of it, and no message stands in the memory',
    check: async ({ link }) => {
      const [one, other] = [await link(), await link()];
      await one.tell({ by: 'one', to: 'other', bytes: bytesOf('before') });
      // What comes back over the link that said it has passed the carrier.
      const own = await one.hear('one', unending());
      await one.tell({ by: 'one', to: 'one', bytes: bytesOf('passed') });
      await heard(own, 1);
      const notes = await other.hear('other', unending());
      await one.tell({ by: 'one', to: 'other', bytes: bytesOf('after') });
      assert.deepEqual((await heard(notes, 1)).map(textOf), ['one: after']);
      const late = await link();
      assert.equal(late.newest, 0);
      assert.deepEqual(await listOf(late.latest()), []);
    },
  },
  {
    title: 'ends to listen with the signal, and with the link',
    check: async ({ link }) => {
      const [one, other] = [await link(), await link()];
      const stop = new AbortController();
      const [stopped, closed] = [await one.hear('one', stop.signal), await other.hear('other', unending())];
      const lists = Promise.all([listOf(stopped), listOf(closed)]);
      stop.abort();
      other.close();
      assert.deepEqual(await lists, [[], []]);
      assert.deepEqual(await listOf(await one.hear('one', AbortSignal.abort())), []);
    },
  },
];
