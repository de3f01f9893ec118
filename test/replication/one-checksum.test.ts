import { firstValueFrom, skip } from 'rxjs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { encodeMessage } from '../../src/replication/wire/wire.ts';
import { NodeUnderAttack } from '../reliability/support/fake-peer.ts';
import { dearValues, frameOfTexts } from '../reliability/support/dear-frames.ts';
import { setRun } from '../security/support.ts';

const RUNS = 51;

/** The buffers of which checksums were worked out, one entry for each time. */
const summed = vi.hoisted((): ArrayBufferLike[] => []);
vi.mock(import('../../src/log/bytes/checksum.ts'), async (original) => {
  const { crc32 } = await original();
  return {
    crc32: (bytes: Uint8Array): number => {
      summed.push(bytes.buffer);
      return crc32(bytes);
    },
  };
});

const sumsOf = (frame: Uint8Array): number => summed.filter((buffer) => buffer === frame.buffer).length;

let target: NodeUnderAttack;
beforeEach(async () => {
  target = await NodeUnderAttack.open({ id: 'receiver' });
});
afterEach(() => target.close());

const runs = Array.from({ length: RUNS }, (_, at) => {
  return setRun({ table: 'seen', origin: 'author@1', keys: [`key ${at}`], firstSequence: at + 1, known: at });
});

// INV-6
it('works out the checksum of each run of a frame once', () => {
  const seen = target.node.table('seen', { key: 'string' });
  const peer = target.connect();
  peer.greet('author');
  const frame = encodeMessage({ type: 'runs', runs });
  peer.deliver(frame);
  expect(seen.size).toBe(RUNS);
  expect(sumsOf(frame)).toBe(RUNS);
});

it('does so when values of the frame are prepared in slices', async () => {
  const lists = target.node.table('lists', { key: 'string', value: 'any', complexValues: true });
  const peer = target.connect();
  peer.greet('author');
  const [, text] = dearValues[3] as (typeof dearValues)[number];
  const frame = frameOfTexts([text, text], 'lists', 'author');
  const second = firstValueFrom(lists.changes.pipe(skip(1)));
  peer.deliver(frame);
  expect(lists.size).toBe(0);
  await second;
  expect(sumsOf(frame)).toBe(1);
});

it('refuses a frame whose last run is damaged before anything of it is prepared or applied', () => {
  const seen = target.node.table('seen', { key: 'string' });
  const peer = target.connect();
  peer.greet('author');
  const damaged = Uint8Array.from(runs.at(-1) as Uint8Array);
  damaged[20] = (damaged[20] as number) ^ 1;
  peer.say({ type: 'runs', runs: [...runs.slice(0, -1), damaged] });
  expect(peer.closedWith).toContain('checksum');
  expect(seen.size).toBe(0);
});
