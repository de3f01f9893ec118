import { expect, test } from 'vitest';
import { BreakableTransport } from '../../src/trial/breakable-transport.ts';
import { CountedDisk } from '../../src/trial/counted-disk.ts';
import { NodeObserver } from '../../src/trial/observer.ts';
import { turn } from '../../src/trial/throughput.ts';
import { makeWorkload } from '../../src/trial/workload.ts';
import { openNodeOf } from '../../src/node/open-node.ts';
import { SeededRandom } from '../../src/simulation/seeded-random.ts';
import { SimulatedNetwork } from '../../src/simulation/simulated-network.ts';
import { VirtualTime } from '../../src/simulation/virtual-time.ts';
import { inProcessNetwork } from '../../src/transport/in-process.ts';
import { transportContract } from '../contracts/transport.contract.ts';
import { codeOf, link } from '../transport/observed.ts';

let count = 0;
const shared = inProcessNetwork();

transportContract('breakable', {
  transport: (limits) => new BreakableTransport(shared.transport(`node-${(count += 1)}`, { limits })),
  nobody: () => 'nobody',
});

test('a broken transport ends its connections and takes and makes no new ones until it is mended', async () => {
  const network = inProcessNetwork();
  const broken = new BreakableTransport(network.transport('a'));
  const other = network.transport('b');
  const { near, far } = await link(broken, other);
  near.start();
  far.start();
  broken.break();
  await far.closed();
  const signal = new AbortController().signal;
  expect(await codeOf(broken.dial('b', signal))).toBe('PEER_UNREACHABLE');
  broken.mend();
  expect(await codeOf(broken.dial('b', signal))).toBe('resolved');
});

test('frames are counted by their bytes, and commits by what they hold', async () => {
  const network = inProcessNetwork();
  const counting = new BreakableTransport(network.transport('a'));
  const { near } = await link(counting, network.transport('b'));
  near.start();
  near.connection.send(new Uint8Array(100));
  near.connection.send(new Uint8Array(23));
  expect(counting.sentBytes).toBe(123);

  const disk = new CountedDisk();
  await disk.backend.open();
  await disk.backend.commit({
    segments: [{ position: 1, span: 2, bytes: new Uint8Array(50) }],
    facts: new Map([
      ['name', new Uint8Array(7)],
      ['gone', undefined],
    ]),
  });
  for (const size of [30, 20])
    await disk.backend.writeCheckpoint({ table: 't', position: 2, chunks: [new Uint8Array(size)] });
  expect(disk.bytes).toBe(77);
});

test('a network asks its draw where each frame stands between the shortest and the longest delay', async () => {
  const time = new VirtualTime();
  const network = new SimulatedNetwork(time, new SeededRandom(1), [10, 20]);
  const asked: string[] = [];
  network.draw = (from, to, now) => {
    asked.push(`${from} ${to} ${now - began}`);
    return 0.5;
  };
  const [a, b] = [network.transport('ws://a'), network.transport('ws://b')];
  const linked = link(a, b);
  const { near, far } = await time.until(linked);
  near.start();
  far.start();
  const began = time.now;
  const arrivals: number[] = [];
  network.observe = () => arrivals.push(time.now - began);
  near.connection.send(new Uint8Array(3));
  near.connection.send(new Uint8Array(3));
  await time.run(100);
  expect(arrivals).toEqual([15, 15]);
  expect(asked).toEqual(['ws://a ws://b 0', 'ws://a ws://b 0']);
});

test('rows are known by what they say, also behind a switch, which takes a sequence of its own', async () => {
  const options = { nodes: 2, seed: 1, concurrent: 0, partitions: 0 };
  const { rows, ...rest } = makeWorkload(
    [
      { key: 'a', value: 'x' },
      { key: 'b', value: 'y' },
    ],
    options,
  );
  const workload = { ...rest, rows: rows.map((row, index) => ({ ...row, node: 0, ordinal: index + 1 })) };
  const node = await openNodeOf({ id: 'n1' }, { durableBackend: new CountedDisk().backend });
  const observer = new NodeObserver(node, { workload, mode: 'naive', index: 0, now: () => 5 });
  observer.write(0);
  await node.tables.get('latest')?.switchMode('lww');
  await turn();
  expect(observer.held).toEqual([1, 0]);
  observer.write(1);
  await turn();
  expect(observer.held).toEqual([2, 0]);
  expect([...observer.notes().arrivedAt]).toEqual([5, 5]);
  observer.close();
  await node.close();
});
