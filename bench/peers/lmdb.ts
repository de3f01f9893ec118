import { join } from 'node:path';
import { open } from 'lmdb';
import type { Measure } from '../contest.ts';
import { measureDurable } from '../durable.ts';
import { loadOf } from '../p03-durable-write.ts';

/** The current value per key, 1,000 puts per transaction; `commit` syncs each, `interval` leaves that to the kernel. */
export function durable(variant: string): Measure {
  return ({ directory, quick }) =>
    measureDurable(
      (folder) => {
        const store = open<number, string>({
          path: join(folder, 'rows'),
          noSync: variant === 'interval',
          overlappingSync: false,
        });
        let waiting: [string, number][] = [];
        return {
          set: (key, value) => {
            waiting.push([key, value]);
          },
          commit: () => {
            store.transactionSync(() => {
              for (const [key, value] of waiting) store.putSync(key, value);
            });
            waiting = [];
          },
          close: () => store.close(),
        };
      },
      directory,
      loadOf(variant, quick),
    );
}
