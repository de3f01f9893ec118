import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { untilSignal } from '../../src/cli/signals.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;
let before: readonly NodeJS.SignalsListener[][];

beforeEach(() => {
  before = signals.map((signal) => process.listeners(signal));
});

/** A command's process ends behind it; this one goes on. */
afterEach(() => {
  for (const [index, signal] of signals.entries()) {
    for (const listener of process.listeners(signal)) {
      if (before[index]?.includes(listener) !== true) process.off(signal, listener);
    }
  }
});

describe('what goes on until a signal comes', () => {
  it('that fails is stopped, and its failure is that of the command', async () => {
    const stops: string[] = [];
    const going = untilSignal((_, fail) => {
      queueMicrotask(() => fail(new Error('the lines cannot be printed')));
      return () => void stops.push('stopped');
    });
    await expect(going).rejects.toThrow('the lines cannot be printed');
    expect(stops).toEqual(['stopped']);
  });

  it('that fails at once is stopped as well', async () => {
    const stops: string[] = [];
    const going = untilSignal((_, fail) => {
      fail(new Error('at once'));
      return () => void stops.push('stopped');
    });
    await expect(going).rejects.toThrow('at once');
    expect(stops).toEqual(['stopped']);
  });

  it('that ends, and fails after that, has ended', async () => {
    await untilSignal((end, fail) => {
      end();
      fail(new Error('too late'));
      return () => undefined;
    });
  });

  it('that is told to stop, and fails because of it, has ended', async () => {
    const stops: string[] = [];
    const told = untilSignal((_, fail) => () => {
      stops.push('stopped');
      fail(new Error('too late'));
    });
    process.emit('SIGTERM', 'SIGTERM');
    await told;
    expect(stops).toEqual(['stopped']);
  });
});
