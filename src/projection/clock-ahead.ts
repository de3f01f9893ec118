import { TablecastError } from '../errors.ts';
import { MAX_AHEAD_MS } from '../log/hybrid-clock.ts';

/** The refusal of an operation dated too far ahead to let it decide which write is the last. */
export function clockAhead(table: string, origin: string, timeMs: number): TablecastError {
  const time = new Date(timeMs).toISOString();
  return new TablecastError(
    'CLOCK_AHEAD',
    `Table ${table}: an operation of ${origin} is dated ${time}, more than ${MAX_AHEAD_MS / 60_000} minutes ahead of this node's clock.`,
    {
      hint: 'Correct the clocks (NTP). In this mode the later write stands, so one clock ahead would win against everybody.',
      details: { table, origin, time },
      retryable: true,
    },
  );
}
