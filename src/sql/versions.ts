import type { KeyHistory, SqlRow } from './target.ts';

/** A row of a history: the row as it was, and from when until when. */
export type Version = SqlRow;

/** The rows of a history that the versions of one key make. */
export function* versionsOf({ versions }: KeyHistory): Generator<Version> {
  for (const [index, { position, time, row }] of versions.entries()) {
    const next = versions[index + 1];
    if (row !== undefined) yield [...row, position, next?.position, time, next?.time];
  }
}
