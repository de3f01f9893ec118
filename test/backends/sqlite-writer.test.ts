import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Request } from '../../src/backends/sqlite/messages.ts';
import { packCommits } from '../../src/backends/sqlite/packed-commits.ts';
import { Writer } from '../../src/backends/sqlite/writer.ts';
import type { WriterEvents, WriterHost } from '../../src/backends/sqlite/writer-host.ts';
import type { Recovery } from '../../src/log/backend.ts';
import { segmentAt } from './support/segments.ts';

const NOTHING: Recovery = {
  lastPosition: 0,
  trimmedTo: 0,
  facts: new Map(),
  checkpoints: [],
  closedCleanly: true,
  lastDurability: undefined,
  tornSegments: 0,
  setAside: undefined,
};

/** Takes requests, and answers the oldest when it is told to: what is under way at which time is the test's to say. */
class AnsweringHost implements WriterHost {
  readonly handed: Request[] = [];
  /** Of commits by every hand-over: whether they were said to be alone, and whether they are. */
  readonly alone: { readonly said: boolean; readonly is: boolean }[] = [];
  readonly #events: WriterEvents;
  #answered = 0;

  constructor(events: WriterEvents) {
    this.#events = events;
    queueMicrotask(() => events.reply({ kind: 'opened', recovery: NOTHING, generation: 0 }));
  }

  get isDone(): boolean {
    return this.#answered === this.handed.length;
  }

  post(request: Request): void {
    this.handed.push(request);
  }

  commit(...[commits, generation, alone]: Parameters<WriterHost['commit']>): void {
    this.alone.push({ said: alone, is: this.isDone });
    this.handed.push(packCommits(commits, generation));
  }

  hold(): void {}

  answer(): void {
    const request = this.handed[this.#answered];
    if (request === undefined) return;
    this.#answered++;
    if (request.kind === 'commits') this.#events.reply({ kind: 'committed', count: request.count });
    else if (request.kind !== 'close')
      this.#events.reply({ kind: 'answered', id: request.id, answer: { more: false } });
  }
}

/** Longer than anything that follows from a reply takes to be handed over. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

async function opened(): Promise<{ writer: Writer; host: AnsweringHost }> {
  const hosts: AnsweringHost[] = [];
  const start = (events: WriterEvents): WriterHost => {
    const host = new AnsweringHost(events);
    hosts.push(host);
    return host;
  };
  const writer = new Writer(start, { file: 'nowhere.db', maxQueuedBytes: 2 ** 30 });
  await writer.open();
  return { writer, host: hosts[0] as AnsweringHost };
}

type Step = 'commit' | 'turn' | 'answer' | 'seal' | 'checkpoint';

/** Takes the steps, then answers all that is under way. */
async function take(steps: readonly Step[]): Promise<AnsweringHost> {
  const { writer, host } = await opened();
  const asked: Promise<unknown>[] = [];
  let position = 0;
  for (const step of steps) {
    if (step === 'commit') asked.push(writer.commit({ segments: [segmentAt(++position)] }));
    else if (step === 'seal') asked.push(writer.seal(position));
    else if (step === 'checkpoint')
      asked.push(writer.writeCheckpoint({ table: 't', position, chunks: [Uint8Array.of(1)] }));
    else if (step === 'turn') await turn();
    else host.answer();
  }
  for (await turn(); !host.isDone; await turn()) host.answer();
  await Promise.all(asked);
  return host;
}

// What is handed over alone goes past what is under way: see `Mailbox.put`.
it.each<{ readonly beside: string; readonly steps: readonly Step[]; readonly said: readonly boolean[] }>([
  { beside: 'nothing', steps: ['commit', 'turn'], said: [true] },
  { beside: 'commits of its turn', steps: ['commit', 'commit', 'turn'], said: [true] },
  { beside: 'a commit', steps: ['commit', 'turn', 'commit', 'turn'], said: [true, false] },
  { beside: 'nothing after a commit', steps: ['commit', 'turn', 'answer', 'commit'], said: [true, true] },
  { beside: 'a request', steps: ['seal', 'turn', 'commit', 'turn'], said: [false] },
  { beside: 'nothing after a request', steps: ['seal', 'turn', 'answer', 'commit'], said: [true] },
])('a commit beside $beside is handed over as such', async ({ steps, said }) => {
  const host = await take(steps);
  expect(host.alone.map((one) => one.said)).toEqual(said);
});

it('commits are handed over as alone when every request before was answered, and each once in its order', async () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constant<Step>('commit') },
    { weight: 3, arbitrary: fc.constantFrom<Step>('turn', 'answer') },
    { weight: 1, arbitrary: fc.constantFrom<Step>('seal', 'checkpoint') },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { alone, handed } = await take(steps);
      for (const { said, is } of alone) expect(said).toBe(is);
      const positions = handed.flatMap((one) =>
        one.kind === 'commits' ? [...one.places].filter((_, index) => index % 3 === 0) : [],
      );
      const committed = steps.filter((each) => each === 'commit').length;
      expect(positions).toEqual(Array.from({ length: committed }, (_, index) => index + 1));
    }),
    { numRuns: 200 },
  );
});
