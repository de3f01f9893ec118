import { describe, expect, it } from 'vitest';
import { Emitter } from '../../src/projection/emitter.ts';

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
});
