/** What was done in a world, so that one in which nothing happened does not count as one that held. */
export interface Figures {
  writes: number;
  batches: number;
  thrown: number;
  refused: number;
  restarts: number;
  joins: number;
  switches: number;
  contests: number;
  expired: number;
  changes: number;
  readings: number;
  trimmed: number;
}

/** A world without anything in it. */
export function noFigures(): Figures {
  return {
    writes: 0,
    batches: 0,
    thrown: 0,
    refused: 0,
    restarts: 0,
    joins: 0,
    switches: 0,
    contests: 0,
    expired: 0,
    changes: 0,
    readings: 0,
    trimmed: 0,
  };
}
