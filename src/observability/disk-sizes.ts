import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Bytes of a database and of its disk; what cannot be told is left out. */
export interface DiskSizes {
  readonly database: number | undefined;
  readonly wal: number | undefined;
  readonly free: number | undefined;
}

/** Looks at the files of a database. Never rejects. */
export async function diskSizes(file: string): Promise<DiskSizes> {
  const [database, wal, space] = await Promise.all([
    stat(file).catch(() => undefined),
    stat(`${file}-wal`).catch(() => undefined),
    statfs(dirname(file)).catch(() => undefined),
  ]);
  return {
    database: database?.size,
    wal: wal?.size ?? (database === undefined ? undefined : 0),
    free: space === undefined ? undefined : space.bavail * space.bsize,
  };
}
