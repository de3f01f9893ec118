import { TablecastError } from '../../errors.ts';

/** Most readings of the log for visitors that wait for another one to end. */
export const MAX_READINGS_WAITING = 16;

/** Whole logs are read for visitors one after another, so that many who ask take no more of the node than one. */
export class LogReadings {
  #last: Promise<unknown> = Promise.resolve();
  #present = 0;

  /** Reads when those before are over. Rejects with `LIMIT_EXCEEDED` when too many wait. */
  async inTurn<T>(read: () => Promise<T>): Promise<T> {
    if (this.#present > MAX_READINGS_WAITING) throw tooMany();
    this.#present++;
    const turn = this.#last.then(read);
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#present--;
    }
  }
}

function tooMany(): TablecastError {
  return new TablecastError(
    'LIMIT_EXCEEDED',
    `${MAX_READINGS_WAITING} commands wait for this node to read its log.`,
    {
      hint: 'Ask again when they have their answers, or read the database: --file DIRECTORY/ID.tablecast.db.',
      details: { limit: MAX_READINGS_WAITING },
      retryable: true,
    },
  );
}
