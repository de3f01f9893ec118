import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ReadinessCheck } from '../../src/observability/readiness.ts';
import { observedNode } from './observed.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('no commit is put behind one that a hanging disk has not answered, and the next one when it has', async () => {
  const answers: (() => void)[] = [];
  const probe = () => new Promise<void>((resolve) => void answers.push(resolve));
  const check = new ReadinessCheck(observedNode({ probe }));
  for (let round = 0; round < 3; round++) {
    const asked = check.check();
    await vi.advanceTimersByTimeAsync(6000);
    expect((await asked).reasons).toEqual(['disk: no answer within 2000 ms']);
  }
  expect(answers).toHaveLength(1);
  answers[0]?.();
  await vi.advanceTimersByTimeAsync(0);
  const asked = check.check();
  expect(answers).toHaveLength(2);
  answers[1]?.();
  expect(await asked).toEqual({ ready: true, reasons: [] });
});
