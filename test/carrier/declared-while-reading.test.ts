import { expect, it } from 'vitest';
import type { Checkpoints } from '../../src/carrier/checkpoints.ts';
import { Ledger } from '../../src/carrier/ledger.ts';
import { MemoryCarrier } from '../../src/carrier/memory-carrier.ts';
import { Reading } from '../../src/carrier/reading.ts';
import { headersOf, subjectOf } from '../../src/carrier/subjects.ts';
import { VirtualTime, promisesSettled } from '../../src/simulation/virtual-time.ts';
import { SeededRandom } from '../../src/simulation/seeded-random.ts';

const noCheckpoints = { of: () => undefined } as unknown as Checkpoints;
const saidEmpty = { name: 't', fingerprint: '', mode: 'lww', declaration: {}, held: [] };
const ignored = (): void => undefined;

it('a table that the node says it has just while its first operations pass is read from their beginning', async () => {
  const memory = new MemoryCarrier('memory://tests');
  const link = await memory.forNode().open(new AbortController().signal);
  const read: number[] = [];
  const ledger = await Ledger.of(link, 'here');
  const reading: Reading = new Reading({
    environment: new VirtualTime().environment(new SeededRandom(1)),
    link: new Proxy(link, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (name === 'read') return readFrom;
        return typeof member === 'function' ? member.bind(target) : member;
      },
    }),
    ledger,
    checkpoints: noCheckpoints,
    isCareful: false,
    place: 0,
    reached: ignored,
    give: ignored,
    say: ignored,
    level: ignored,
    declared: ignored,
    // It is called for a message before that is looked at; the node says its table before the next is asked for.
    published: () => queueMicrotask(() => reading.said([saidEmpty])),
    grew: ignored,
    unfinished: ignored,
    missing: async () => undefined,
    strange: ignored,
    failed: ignored,
  });
  function readFrom(from: number, signal: AbortSignal): ReturnType<typeof link.read> {
    read.push(from);
    return link.read(from, signal);
  }
  reading.said([]);
  await promisesSettled();
  const subject = subjectOf('t', 'there@abc');
  const headers = headersOf({ held: 1, session: 1, by: 'there', part: [0, 1], bundle: undefined });
  await link.append({ subject, headers, bytes: new Uint8Array(9), after: 0, id: 'one' });
  await promisesSettled();
  reading.stop();
  expect(read).toEqual([1, 1]);
});
