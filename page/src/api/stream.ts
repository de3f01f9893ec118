import { EventSourceParserStream } from 'eventsource-parser/stream';
import { type Asked, answer } from './client.ts';
import { ApiProblem } from './problem.ts';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;

/** What a stream tells. */
export interface StreamEnds<T> {
  value(value: T, id: string | undefined): void;
  /** The stream broke, and is tried again; undefined: it stands again. */
  problem(problem: ApiProblem | undefined): void;
}

/**
 * Follows Server-Sent Events until the returned function is called; after a break it goes on behind the last
 * event that came. Not the browser's `EventSource`, which can show no token.
 */
export function follow<T>(where: string, asked: Asked, ends: StreamEnds<T>): () => void {
  const ending = new AbortController();
  void run(where, { ...asked, abort: ending.signal }, ends);
  return () => ending.abort();
}

async function run<T>(where: string, asked: Asked, ends: StreamEnds<T>): Promise<void> {
  let last: string | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  while (!isOver(asked)) {
    try {
      const headers = {
        accept: 'text/event-stream',
        ...(last === undefined ? {} : { 'last-event-id': last }),
      };
      const { body } = await answer(where, { ...asked, headers });
      ends.problem(undefined);
      pauseMs = FIRST_PAUSE_MS;
      await read(body, (data, id) => {
        last = id ?? last;
        ends.value(JSON.parse(data) as T, id);
      });
    } catch (error) {
      if (isOver(asked)) return;
      const problem = ApiProblem.of(error);
      ends.problem(problem);
      // Behind a log that was trimmed there is nothing to wait for: what is there now is the beginning.
      if (problem.status === 410) last = undefined;
    }
    await pause(pauseMs, asked.abort);
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}

function isOver({ abort }: Asked): boolean {
  return abort?.aborted === true;
}

async function read(
  body: Response['body'],
  take: (data: string, id: string | undefined) => void,
): Promise<void> {
  if (body === null) return;
  const events = body
    .pipeThrough(new TextDecoderStream() as never)
    .pipeThrough(new EventSourceParserStream());
  const reader = events.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read())
    take(next.value.data, next.value.id);
}

function pause(milliseconds: number, abort: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    abort?.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
