import { describe, expect, it } from 'vitest';
import { inProcessNetwork } from '../../src/transport/in-process.ts';
import { transportContract } from '../contracts/transport.contract.ts';
import { codeOf, link, pattern } from './observed.ts';

let count = 0;
const shared = inProcessNetwork();

transportContract('in-process', {
  transport: (limits) => shared.transport(`node-${(count += 1)}`, { limits }),
  nobody: () => 'nobody',
});

describe('in-process network', () => {
  const signal = new AbortController().signal;

  it('a cut link loses both ends, refuses dials until healed, and leaves others alone', async () => {
    const network = inProcessNetwork();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => network.transport(name));
    if (a === undefined || b === undefined || c === undefined) throw new Error('unreachable');
    const ab = await link(a, b);
    const cDialled = await c.dial('b', signal);
    ab.near.start();
    ab.far.start();
    network.cut('b', 'a');
    expect((await ab.near.closed()).kind).toBe('lost');
    expect((await ab.far.closed()).kind).toBe('lost');
    expect(await codeOf(a.dial('b', signal))).toBe('PEER_UNREACHABLE');
    expect(cDialled.send(pattern(1, 1))).toBe(true);
    network.heal('a', 'b');
    expect(await codeOf(a.dial('b', signal))).toBe('resolved');
  });

  it('keeps the order of frames when tasks run in any order', async () => {
    const tasks: (() => void)[] = [];
    const network = inProcessNetwork({ defer: (task) => tasks.push(task) });
    const run = async (): Promise<void> => {
      for (let i = 0; i < 20; i += 1) {
        while (tasks.length > 0) tasks.pop()?.();
        await Promise.resolve();
      }
    };
    const linking = link(network.transport('a'), network.transport('b'));
    await run();
    const { near, far } = await linking;
    near.start();
    far.start();
    for (let i = 0; i < 20; i += 1) near.connection.send(pattern(4, i));
    near.connection.close('done');
    while (tasks.length > 0) tasks.pop()?.();
    expect(far.frames.map((frame) => [...frame])).toEqual(
      Array.from({ length: 20 }, (_, i) => [...pattern(4, i)]),
    );
    expect(far.closing?.kind).toBe('closed');
  });

  it('gives the credential of the other side', async () => {
    const network = inProcessNetwork();
    const { near, far } = await link(
      network.transport('a', { credential: 'alice' }),
      network.transport('b', { credential: 'bob' }),
    );
    expect([near.connection.credential, far.connection.credential]).toEqual(['bob', 'alice']);
  });

  it('refuses an empty or taken address and contradictory limits with OPTION_INVALID', () => {
    const network = inProcessNetwork();
    network.transport('a');
    const invalid = expect.objectContaining({ code: 'OPTION_INVALID' });
    expect(() => network.transport('a')).toThrow(invalid);
    expect(() => network.transport('')).toThrow(invalid);
    expect(() => network.transport('b', { limits: { highWaterBytes: 10 } })).toThrow(invalid);
    expect(() => network.transport('b', { limits: { maxQueuedBytes: 10 } })).toThrow(invalid);
    expect(() => network.transport('b', { limits: { maxFrameBytes: Number.NaN } })).toThrow(invalid);
  });
});
