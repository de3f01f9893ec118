import { expect, it, onTestFinished } from 'vitest';
import type { Observable } from 'rxjs';
import { openNode } from '../../src/index.ts';
import { leastProcessorTime } from '../support/least-time.ts';

const FEW = 2000;
const TIMES_MORE = 10;

it.each(['changes', 'conflicts', 'divergence', 'synced', 'events', 'peers'] as const)(
  'to come to %s and to go costs the same for each, however many there are',
  async (name) => {
    const node = await openNode({ id: 'a', limits: { maxSubscribers: 1_000_000 } });
    onTestFinished(() => node.close());
    const table = node.table('t', { key: 'string', value: 'int', mode: 'lww' });
    const owner = name === 'events' || name === 'peers' ? node : table;
    const stream = Reflect.get(owner, name) as Observable<unknown>;
    const comeAndGo = (many: number) => (): void => {
      const subscriptions = Array.from({ length: many }, () => stream.subscribe());
      for (const subscription of subscriptions) subscription.unsubscribe();
    };
    await leastProcessorTime(comeAndGo(FEW), 3);
    const few = await leastProcessorTime(comeAndGo(FEW));
    const many = await leastProcessorTime(comeAndGo(FEW * TIMES_MORE));
    // Ten times as many cost ten times as much; where each costs by their number it is a hundred.
    expect(many).toBeLessThan((few + 2) * TIMES_MORE * 4);
  },
);
