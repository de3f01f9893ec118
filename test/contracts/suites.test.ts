import { expect, it } from 'vitest';
import type { Backend } from '../../src/log/backend.ts';
import { memoryBackend } from '../../src/backends/memory.ts';
import type { Carrier, CarrierLink } from '../../src/carrier/carrier.ts';
import { MemoryCarrier } from '../../src/carrier/memory-carrier.ts';
import type { ConflictMode } from '../../src/modes/conflict-mode.ts';
import { lwwMode } from '../../src/modes/lww.ts';
import { naiveMode } from '../../src/modes/naive.ts';
import {
  type ContractCase,
  backendSuite,
  carrierSuite,
  conflictModeSuite,
  transportSuite,
} from '../../src/testing/index.ts';
import { inProcessNetwork } from '../../src/transport/in-process.ts';
import type { Connection, Transport } from '../../src/transport/transport.ts';

/** The titles of the cases that do not hold, of all or of those with one title. */
async function broken(suite: readonly ContractCase[], only?: string): Promise<string[]> {
  const titles: string[] = [];
  for (const { title, run } of suite) {
    if (only !== undefined && title !== only) continue;
    await run().catch(() => {
      titles.push(title);
    });
  }
  return titles;
}

/** The memory backend with some members replaced, as a suite. */
function changed(change: (inner: Backend) => Partial<Backend>, durable = false): readonly ContractCase[] {
  const make = (): Backend => {
    const inner = memoryBackend();
    const backend: Backend = {
      name: 'changed',
      durable: inner.durable,
      open: () => inner.open(),
      commit: (commit) => inner.commit(commit),
      read: (after, maxBytes) => inner.read(after, maxBytes),
      writeCheckpoint: (checkpoint) => inner.writeCheckpoint(checkpoint),
      trim: (position) => inner.trim(position),
      seal: (position) => inner.seal(position),
      positionKeeping: (bytes) => inner.positionKeeping(bytes),
      close: () => inner.close(),
    };
    return Object.assign(backend, change(inner));
  };
  const place = () => ({ backend: make(), reopen: make, remove: () => undefined });
  return backendSuite({ durable, place });
}

it('holds for a backend that keeps the contract', async () => {
  expect(await broken(changed(() => ({})))).toEqual([]);
});

it.each<[string, (inner: Backend) => Partial<Backend>, string]>([
  [
    'returns other bytes',
    (inner) => ({
      read: async (after, maxBytes) =>
        (await inner.read(after, maxBytes)).map((one) => ({
          ...one,
          bytes: one.bytes.map((byte) => byte ^ 1),
        })),
    }),
    'returns what was committed, in order, bytes unchanged',
  ],
  [
    'reads without a limit',
    (inner) => ({ read: (after) => inner.read(after, Infinity) }),
    'reads no more bytes than asked for, but always one segment if there is one',
  ],
  [
    'begins one segment late',
    (inner) => ({ read: (after, maxBytes) => inner.read(after === 0 ? 0 : after + 1, maxBytes) }),
    'reads from the segment that ends after the position asked for',
  ],
  [
    'takes what does not ascend',
    (inner) => ({ commit: (commit) => inner.commit(commit).catch(() => undefined) }),
    'refuses positions that do not ascend, and leaves no trace of that commit',
  ],
  [
    'resolves commits in any order',
    (inner) => ({
      commit: async (commit) => {
        await inner.commit(commit);
        if (commit.segments[0]?.position === 2) await new Promise((resolve) => setTimeout(resolve, 1));
      },
    }),
    'resolves commits in the order of the calls',
  ],
  [
    'trims more than asked for',
    (inner) => ({ trim: (position) => inner.trim(position + 10) }),
    'rejects a read before the end of the trimmed range, and only that',
  ],
  [
    'takes a checkpoint ahead of its log',
    (inner) => ({
      writeCheckpoint: (checkpoint) => inner.writeCheckpoint(checkpoint).catch(() => undefined),
    }),
    'refuses a checkpoint ahead of the log',
  ],
  [
    'wipes the bytes it was given',
    (inner) => ({
      commit: async (commit) => {
        await inner.commit(commit);
        for (const { bytes } of commit.segments) bytes.fill(0);
      },
    }),
    'leaves the bytes handed in usable by the caller',
  ],
])('a backend that %s is found out', async (_fault, change, title) => {
  expect(await broken(changed(change), title)).toEqual([title]);
});

it('a case that never ends is ended, and says so', async () => {
  const place = () => ({ backend: memoryBackend(), reopen: memoryBackend, remove: () => undefined });
  const never = () => new Promise<never>(() => undefined);
  const [first] = backendSuite({ durable: false, place: never, caseLimitMs: 20 });
  await expect(first?.run()).rejects.toThrow('The case did not end within 20 ms.');
  const [same] = backendSuite({ durable: false, place });
  await same?.run();
});

it('a backend that calls itself durable and forgets is found out by every case of a restart', async () => {
  const found = await broken(changed(() => ({ durable: true }), true));
  expect(found).toEqual([
    'finds segments and facts again after a restart',
    'finds the newest checkpoint of each table again, whatever its size',
    'finds what was sealed again after a restart, also when nothing else is left',
    'remembers what was trimmed, and the last position though nothing is left',
  ]);
});

/** In-process transports whose connections are changed. */
function changedConnections(change: (inner: Connection) => Partial<Connection>): readonly ContractCase[] {
  const network = inProcessNetwork();
  let count = 0;
  const wrap = (inner: Connection): Connection =>
    new Proxy(inner, {
      get: (_target, name) => {
        const own = change(inner)[name as keyof Connection] ?? inner[name as keyof Connection];
        return typeof own === 'function' ? own.bind(inner) : own;
      },
    });
  const wrapped = (inner: Transport): Transport => ({
    name: inner.name,
    maxFrameBytes: inner.maxFrameBytes,
    listen: (accept) => inner.listen((connection) => accept(wrap(connection))),
    dial: async (address, signal) => wrap(await inner.dial(address, signal)),
    close: () => inner.close(),
  });
  return transportSuite({
    transport: (limits) => wrapped(network.transport(`at-${(count += 1)}`, { limits })),
    nobody: () => 'nobody',
  });
}

it('holds for a transport that keeps the contract', async () => {
  expect(await broken(changedConnections(() => ({})))).toEqual([]);
});

it.each<[string, (inner: Connection) => Partial<Connection>, string]>([
  [
    'changes bytes',
    (inner) => ({ send: (frame) => inner.send(frame.map((byte) => byte ^ 1)) }),
    'delivers 2,000 frames in order, both ways at once',
  ],
  [
    'calls both sides the dialling one',
    () => ({ direction: 'dialled' }),
    'says which side dialled and where the other is',
  ],
  [
    'throws nothing for what is too long',
    (inner) => ({ send: (frame) => frame.length > 65_536 || inner.send(frame) }),
    'throws LIMIT_EXCEEDED for a frame above maxFrameBytes and goes on',
  ],
  [
    'gives another reason',
    (inner) => ({ close: (reason) => inner.close(`${reason}!`) }),
    'sends what is queued before it ends, and tells both sides closed with the reason',
  ],
])('a transport that %s is found out', async (_fault, change, title) => {
  expect(await broken(changedConnections(change), title)).toEqual([title]);
});

/** The carrier in memory, whose links are changed. */
function changedLinks(change: (inner: CarrierLink) => Partial<CarrierLink>): readonly ContractCase[] {
  const wrap = (inner: CarrierLink): CarrierLink => {
    const own = change(inner);
    return new Proxy(inner, {
      get: (_target, name) => {
        const member = own[name as keyof CarrierLink] ?? inner[name as keyof CarrierLink];
        return typeof member === 'function' ? member.bind(inner) : member;
      },
    });
  };
  const wrapped = (inner: Carrier): Carrier => ({
    name: inner.name,
    open: async (signal) => wrap(await inner.open(signal)),
    close: () => inner.close(),
  });
  return carrierSuite({
    caseLimitMs: 2000,
    place: () => {
      const memory = new MemoryCarrier('memory://changed');
      return { carrier: () => wrapped(memory.forNode()), remove: async () => undefined };
    },
  });
}

it('holds for a carrier that keeps the contract', async () => {
  expect(await broken(changedLinks(() => ({})))).toEqual([]);
});

it.each<[string, (inner: CarrierLink) => Partial<CarrierLink>, string]>([
  [
    'changes bytes',
    (inner) => ({
      append: (sent) => inner.append({ ...sent, bytes: sent.bytes.map((byte) => byte ^ 1) }),
    }),
    'keeps subject, headers and bytes as they are, for every link',
  ],
  [
    'takes what follows another message',
    (inner) => ({
      append: async (sent) => inner.append({ ...sent, after: (await inner.last(sent.subject))?.place ?? 0 }),
    }),
    'refuses what follows another message than the last under its subject, and leaves no trace of it',
  ],
  [
    'forgets the names of attempts, and looks at nothing',
    (inner) => ({
      append: async (sent) =>
        inner.append({
          ...sent,
          id: String(Math.random()),
          after: (await inner.last(sent.subject))?.place ?? 0,
        }),
    }),
    'appends once what is repeated at once under the same id',
  ],
  [
    'takes tokens with a dot for two',
    (inner) => ({
      append: (sent) => inner.append({ ...sent, subject: sent.subject.flatMap((token) => token.split('.')) }),
    }),
    'keeps subjects apart, whatever is in their tokens',
  ],
  [
    'reads from the beginning',
    (inner) => ({ read: (_from, signal) => inner.read(1, signal) }),
    'begins with the place that is asked for, also with one that is not there yet',
  ],
  [
    'lets go one too many',
    (inner) => ({ trim: (subject, place) => inner.trim(subject, place + 1) }),
    'lets go what lies below the tokens up to a place, and nothing else',
  ],
  [
    'keeps one piece under each name',
    (inner) => ({
      keep: async (name, bytes) => {
        await inner.forget(name);
        await inner.keep(name, bytes);
      },
    }),
    'keeps bytes beside the messages, in order and by name, until they are forgotten',
  ],
  [
    'brings every note to everybody',
    (inner) => ({ tell: (note) => inner.tell({ ...note, to: undefined }) }),
    'brings a note to everybody who listens, or to the one that it names, in the order of who says it',
  ],
  [
    'keeps notes as messages',
    (inner) => ({
      tell: async (note) => {
        await inner.append({ subject: ['note'], headers: {}, bytes: note.bytes, after: 0, id: note.by });
        await inner.tell(note);
      },
    }),
    'keeps no note: who listens later hears nothing of it, and no message stands in the memory',
  ],
  [
    'answers after its end',
    () => ({ last: async () => undefined }),
    'rejects every call after the end of a link, and ends what is read',
  ],
])('a carrier that %s is found out', async (_fault, change, title) => {
  expect(await broken(changedLinks(change), title)).toEqual([title]);
});

it('a mode whose order is none is found out', async () => {
  expect(await broken(conflictModeSuite(lwwMode))).toEqual([]);
  expect(await broken(conflictModeSuite(naiveMode))).toEqual([]);
  const byStampOnly: ConflictMode = {
    ...lwwMode,
    supersedes: (incoming, present) => incoming.stamp > present.stamp,
  };
  expect(await broken(conflictModeSuite(byStampOnly))).toEqual([
    'orders different versions, one before the other',
    'lets the later of one author stand',
    'ends alike whatever the order of arrival, and however often one arrives',
  ]);
});
