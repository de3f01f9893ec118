import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { Commit } from '../../src/log/backend.ts';
import { Inbox } from '../../src/backends/sqlite/inbox.ts';
import { Mailbox, mailboxMemory } from '../../src/backends/sqlite/mailbox.ts';
import type { Request, RequestMessage } from '../../src/backends/sqlite/messages.ts';
import { type CommitsRequest, packCommits, toMessage } from '../../src/backends/sqlite/packed-commits.ts';
import { sqliteBackend } from '../../src/backends/sqlite/sqlite-backend.ts';
import { runsWithin } from '../support/runs-within.ts';
import { temporaryDirectory } from './support/places.ts';
import { segmentAt } from './support/segments.ts';

const commitAt = (position: number, size = 10): Commit => ({
  segments: [{ position, span: 1, bytes: new Uint8Array(size).fill(position % 251) }],
});

/** Both ends of one mailbox, whose reader is awake. */
function ends() {
  const shared = mailboxMemory();
  const caller = new Mailbox(shared);
  const thread = new Mailbox(shared);
  thread.wake();
  return { caller, thread };
}

describe('the mailbox', () => {
  it('gives commits as a message gives them, once, and as a copy', () => {
    const { caller, thread } = ends();
    const commits = [commitAt(1), { segments: [] }, commitAt(7, 333)];
    expect(caller.put(commits, 4)).toBe(true);
    const taken = thread.take();
    expect(taken).toEqual(packCommits(commits, 4));
    expect(thread.take()).toBeUndefined();
    caller.put([commitAt(9)], 5);
    expect(taken).toEqual(packCommits(commits, 4));
  });

  it('takes nothing that is too large for it, and nothing while its reader is asleep', () => {
    const { caller, thread } = ends();
    expect(caller.put([commitAt(1, 64 * 1024)], 0)).toBe(false);
    expect(thread.take()).toBeUndefined();
    expect(caller.put([commitAt(1, 60 * 1024)], 0)).toBe(true);
    thread.take();
    expect(thread.sleep(thread.rings)).toBe(true);
    expect(caller.put([commitAt(1)], 0)).toBe(false);
    thread.wake();
    expect(caller.put([commitAt(1)], 0)).toBe(true);
  });

  it('misses no ring between a look and the waiting, and gives up when nobody rings', () => {
    const { caller, thread } = ends();
    const heard = thread.rings;
    expect(thread.wait(heard, 1)).toBe(false);
    caller.ring();
    expect(thread.wait(heard, 60_000)).toBe(true);
  });

  it('either the thread does not go to sleep or the caller is told that it takes a message', () => {
    const rungBefore = ends();
    const heard = rungBefore.thread.rings;
    rungBefore.caller.put([commitAt(1)], 0);
    expect(rungBefore.caller.ring()).toBe(false);
    expect(rungBefore.thread.sleep(heard)).toBe(false);
    const rungAfter = ends();
    rungAfter.caller.put([commitAt(1)], 0);
    expect(rungAfter.thread.sleep(rungAfter.thread.rings)).toBe(true);
    expect(rungAfter.caller.ring()).toBe(true);
  });
});

it('an inbox gives what was put into the mailbox before what was sent after it, whenever the thread looked last', () => {
  fc.assert(
    fc.property(fc.nat(3), fc.nat(3), (sentBefore, sentAfter) => {
      const { caller, thread } = ends();
      const handed: number[] = [];
      const due: (() => RequestMessage)[] = [];
      const message = (position: number) => () => toMessage(packCommits([commitAt(position)], 0)).message;
      // Nothing is put in before all that was sent was answered, so that only what is sent later can come with it.
      for (let index = 1; index <= sentAfter; index++) due.push(message(sentBefore + 1 + index));
      const push = (request: Request) => void handed.push((request as CommitsRequest).places[0] as number);
      let arrived = sentBefore;
      const receive = () => {
        if (arrived-- > 0) return message(sentBefore - arrived)();
        // Here, behind the last look, the caller comes with one for the mailbox and with messages.
        if (arrived === -1) caller.put([commitAt(sentBefore + 1)], 0);
        return due.shift()?.();
      };
      const inbox = new Inbox({ mailbox: thread, receive, push });
      inbox.empty();
      inbox.empty();
      const all = Array.from({ length: sentBefore + 1 + sentAfter }, (_, index) => index + 1);
      expect(handed).toEqual(all);
    }),
    { numRuns: 50 },
  );
});

/** What is done with a backend between two commits. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('await' as const), large: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('burst' as const), count: fc.integer({ min: 2, max: 6 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('turn' as const), count: fc.integer({ min: 2, max: 6 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remember' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('checkpoint' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('pause' as const), ms: fc.constantFrom(1, 19, 21, 45) }),
  },
);

it('keeps the order and loses nothing, whichever way commits take and however long the pauses are', async () => {
  const directory = temporaryDirectory();
  try {
    const sent = vi.spyOn(Worker.prototype, 'postMessage');
    let file = 0;
    let commits = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 40 }),
        runsWithin(4000, async (steps) => {
          const options = {
            file: join(directory.path, `${file++}.db`),
            durability: 'commit',
            owner: 'test',
          } as const;
          const backend = sqliteBackend(options);
          await backend.open();
          let position = 0;
          const next = (size?: number) => {
            commits++;
            const segment = segmentAt(++position);
            return { segments: [size === undefined ? segment : { ...segment, bytes: new Uint8Array(size) }] };
          };
          for (const one of steps) {
            if (one.kind === 'await') await backend.commit(next(one.large ? 70_000 : undefined));
            else if (one.kind === 'checkpoint')
              await backend.writeCheckpoint({ table: 't', position, chunks: [] });
            else if (one.kind === 'pause') await new Promise((resolve) => setTimeout(resolve, one.ms));
            else if (one.kind === 'remember')
              await backend.commit({ segments: [], facts: new Map([['f', Uint8Array.of(position % 256)]]) });
            else {
              const work: Promise<void>[] = [];
              for (let count = one.count; count > 0; count--) {
                work.push(backend.commit(next()));
                // Past the end of the turn, so that each is handed over by itself.
                if (one.kind === 'burst')
                  await new Promise((resolve) =>
                    queueMicrotask(() => queueMicrotask(() => resolve(undefined))),
                  );
              }
              await Promise.all(work);
            }
          }
          const found = await backend.read(0, 1e9);
          expect(found.map((segment) => segment.position)).toEqual(
            Array.from({ length: position }, (_, at) => at + 1),
          );
          await backend.close();
          const again = sqliteBackend(options);
          expect(await again.open()).toMatchObject({ lastPosition: position, closedCleanly: true });
          await again.close();
        }),
      ),
      { numRuns: 25 },
    );
    // Else nothing went through the mailbox.
    expect(sent.mock.calls.filter(([message]) => message instanceof Uint8Array).length).toBeLessThan(commits);
    sent.mockRestore();
  } finally {
    directory.remove();
  }
});

it.each([
  ['exit', 'end'],
  ['close', 'terminate'],
])(
  'a writing thread that waits for its mailbox is gone with the process that ends by %s, and by %s',
  async (...ways) => {
    const directory = temporaryDirectory();
    try {
      await Promise.all(ways.map((how) => endsBy(how, join(directory.path, `${how}.db`))));
    } finally {
      directory.remove();
    }
  },
);

async function endsBy(how: string, file: string): Promise<void> {
  const child = fileURLToPath(new URL('support/waiting-child.ts', import.meta.url));
  const loader = fileURLToPath(new URL('../../scripts/typescript.mjs', import.meta.url));
  const writer = spawn(process.execPath, ['--import', loader, child, file, how], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  writer.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  // Not its exit: what it printed may not have been read by then.
  const [code] = (await once(writer, 'close')) as [number];
  expect([code, said]).toEqual([0, 'committed\n']);
  const backend = sqliteBackend({ file, durability: 'commit', owner: 'test', inline: true });
  expect(await backend.open()).toMatchObject({ lastPosition: 3, closedCleanly: how === 'close' });
  await backend.close();
}
