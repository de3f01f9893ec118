import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Asked } from '../../src/http/asked.ts';
import { httpLimits } from '../../src/http/limits.ts';
import { Places } from '../../src/http/places.ts';
import type { EventStream } from '../../src/http/streams/event-stream.ts';
import { Follower, type FollowerParts } from '../../src/http/streams/follower.ts';
import { StreamSet } from '../../src/http/streams/stream-set.ts';
import type { Operation } from '../../src/log/operations/operation.ts';
import { Sockets } from '../../src/transport/websocket/sockets.ts';

beforeEach(
  () =>
    void vi.useFakeTimers({
      toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'performance'],
    }),
);
afterEach(() => void vi.useRealTimers());

/** A response whose reader takes nothing while it is told so. */
class Reader extends EventEmitter {
  destroyed = false;
  takes = true;
  removeHeader(): void {}
  writeHead(): void {}
  write(): boolean {
    return this.takes;
  }
  end(): void {}
  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

function opened(): { readonly reader: Reader; readonly stream: EventStream; readonly streams: StreamSet } {
  const reader = new Reader();
  const streams = new StreamSet(httpLimits(), new Sockets(8, 'all'));
  const asked = {
    viewer: { holder: 'one', isHeld: () => true },
    request: { method: 'GET', setTimeout: () => undefined, socket: new EventEmitter() },
    response: reader,
  } as unknown as Asked;
  return { reader, streams, stream: streams.open(asked) };
}

test('a reader that takes nothing for a minute is ended at the next sign of life', () => {
  const { reader, stream, streams } = opened();
  reader.takes = false;
  stream.write('data: 1\n\n');
  vi.advanceTimersByTime(60_000);
  expect(reader.destroyed).toBe(false);
  vi.advanceTimersByTime(15_000);
  expect([reader.destroyed, stream.over, streams.size]).toEqual([true, true, 0]);
});

test('a reader that took something within a minute stays, and so does one to whom nothing is told', () => {
  const { reader, stream } = opened();
  reader.takes = false;
  stream.write('data: 1\n\n');
  vi.advanceTimersByTime(59_000);
  reader.takes = true;
  reader.emit('drain');
  vi.advanceTimersByTime(600_000);
  expect([reader.destroyed, stream.over]).toEqual([false, false]);
  stream.end();
});

test('a reader that does not take the end of its stream is cut off at the next sign of life', () => {
  const { reader, stream, streams } = opened();
  stream.end();
  expect([reader.destroyed, streams.size]).toEqual([false, 1]);
  vi.advanceTimersByTime(15_000);
  expect([reader.destroyed, streams.size]).toEqual([true, 0]);
});

/** A reader far behind, of a log of two operations. */
function follower(places: Places): { readonly run: Promise<void>; readonly told: () => number; end(): void } {
  let told = 0;
  let over = false;
  let stop: () => void = () => undefined;
  const gone = new Promise<void>((resolve) => (stop = resolve));
  const stream = {
    get over() {
      return over;
    },
    isReady: false,
    write: () => told++,
    drained: () => (told === 0 ? Promise.resolve() : gone),
    end: () => undefined,
  };
  const operations = [{ position: 1 }, { position: 2 }] as unknown as Operation[];
  const parts = {
    places,
    feed: { start: 1000, over: false },
    source: { host: { reader: () => ({ next: async () => operations }) }, table: 't', encode: () => 'x' },
  } as unknown as FollowerParts;
  const run = new Follower(parts, stream as unknown as EventStream, 0).run();
  const end = (): void => {
    over = true;
    stop();
  };
  return { run, told: () => told, end };
}

test('a reader far behind that takes nothing for two seconds gives its place at the log to the next', async () => {
  const places = new Places(1);
  const [first, second] = [follower(places), follower(places)];
  await vi.advanceTimersByTimeAsync(1999);
  expect([first.told(), second.told()]).toEqual([1, 0]);
  await vi.advanceTimersByTimeAsync(1);
  expect([first.told(), second.told()]).toEqual([1, 1]);
  first.end();
  second.end();
  await vi.advanceTimersByTimeAsync(2000);
  await Promise.all([first.run, second.run]);
});
