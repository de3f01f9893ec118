import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Emitter, Present } from '../../src/work/emitter.ts';

describe('an emitter', () => {
  it('tells everybody in the order in which they subscribed, who comes meanwhile from the next value on', () => {
    const emitter = new Emitter<number>();
    const told: string[] = [];
    emitter.observable.subscribe((value) => {
      told.push(`a${value}`);
      if (value === 1) emitter.observable.subscribe((later) => void told.push(`c${later}`));
    });
    emitter.observable.subscribe((value) => void told.push(`b${value}`));
    emitter.next(1);
    emitter.next(2);
    expect(told).toEqual(['a1', 'b1', 'a2', 'b2', 'c2']);
  });

  it('tells nothing to who has gone, also while a value is told', () => {
    const emitter = new Emitter<number>();
    const told: number[] = [];
    const leaving = { unsubscribe: (): void => undefined };
    emitter.observable.subscribe(() => leaving.unsubscribe());
    const second = emitter.observable.subscribe((value) => void told.push(value));
    leaving.unsubscribe = () => second.unsubscribe();
    emitter.next(1);
    expect(told).toEqual([]);
    expect(emitter.observed).toBe(true);
  });

  it('is observed only while somebody is subscribed', () => {
    const emitter = new Emitter<number>();
    expect(emitter.observed).toBe(false);
    const subscription = emitter.observable.subscribe();
    expect(emitter.observed).toBe(true);
    subscription.unsubscribe();
    expect(emitter.observed).toBe(false);
  });

  it('completes who is subscribed, and at once who comes later', () => {
    const emitter = new Emitter<number>();
    const completed: string[] = [];
    emitter.observable.subscribe({ complete: () => void completed.push('before') });
    emitter.complete();
    emitter.observable.subscribe({ complete: () => void completed.push('after') });
    emitter.next(1);
    expect(completed).toEqual(['before', 'after']);
    expect(emitter.observed).toBe(false);
  });

  it('keeps the order when many leave, also while a value is told and one inside the other', () => {
    const emitter = new Emitter<number>();
    const told: string[] = [];
    const subscriptions = Array.from({ length: 100 }, (_, index) =>
      emitter.observable.subscribe((value) => {
        if (index === 0 && value === 1) {
          for (const [number, subscription] of subscriptions.entries())
            if (number % 10 > 0) subscription.unsubscribe();
          emitter.next(2);
        }
        told.push(`${value}:${index}`);
      }),
    );
    emitter.next(1);
    emitter.observable.subscribe((value) => void told.push(`${value}:last`));
    emitter.next(3);
    const tens = Array.from({ length: 10 }, (_, ten) => ten * 10);
    const [, ...others] = tens;
    expect(told).toEqual([
      ...tens.map((index) => `2:${index}`),
      '1:0',
      ...others.map((index) => `1:${index}`),
      ...tens.map((index) => `3:${index}`),
      '3:last',
    ]);
  });

  it('does the same work for each who comes or goes, however many there are', () => {
    const looking = vi.spyOn(Array.prototype, 'filter');
    onTestFinished(() => looking.mockRestore());
    const emitter = new Emitter<number>();
    const subscriptions = [];
    for (let count = 0; count < 2000; count++) subscriptions.push(emitter.observable.subscribe());
    for (let index = 0; index < 2000; index += 2) subscriptions[index]?.unsubscribe();
    for (let index = 1; index < 2000; index += 2) subscriptions[index]?.unsubscribe();
    const touched = (looking.mock.contexts as unknown[][]).reduce((sum, { length }) => sum + length, 0);
    looking.mockRestore();
    expect(emitter.observed).toBe(false);
    expect(touched).toBeLessThan(2000 * 4);
  });
});

describe('what tells its present value', () => {
  it('tells it to whoever comes, and what it becomes to everybody once', () => {
    const present = new Present(1);
    const told: string[] = [];
    present.observable.subscribe((value) => {
      told.push(`a${value}`);
      if (value === 2) present.observable.subscribe((later) => void told.push(`b${later}`));
    });
    present.next(2);
    present.next(3);
    present.complete();
    present.observable.subscribe({ next: () => told.push('late'), complete: () => told.push('completed') });
    expect(told).toEqual(['a1', 'a2', 'b2', 'a3', 'b3', 'completed']);
    expect(present.value).toBe(3);
  });
});
