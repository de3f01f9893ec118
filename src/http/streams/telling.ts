import type { EventStream } from './event-stream.ts';

/** Something that is read at one's own pace, and may be ended. */
interface Values<T> extends AsyncIterableIterator<T, undefined> {
  return(): Promise<IteratorResult<T, undefined>>;
}

/** Tells values as they come, at the reader's pace, until it leaves or there are no more. Never rejects. */
export async function tell<T>(
  stream: EventStream,
  values: Values<T>,
  encode: (value: T) => string,
): Promise<void> {
  stream.onReady = () => {
    if (stream.over) void values.return();
  };
  stream.onReady();
  try {
    for await (const value of values) {
      stream.write(encode(value));
      await stream.drained();
    }
  } catch {
    // A stream that fails ends: who asks again is told why.
  } finally {
    stream.end();
  }
}
