import { readFileSync } from 'node:fs';
import Database from 'better-sqlite3';

/** Runs statements on a file behind the backend's back; the file must not be open elsewhere. */
export function alter(file: string, work: (connection: Database.Database) => void): void {
  const connection = new Database(file);
  try {
    work(connection);
  } finally {
    connection.close();
  }
}

const WAL_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** Transactions in a write-ahead log: frames that carry the size of the database after a commit. */
export function countTransactions(walFile: string): number {
  const wal = readFileSync(walFile);
  const pageBytes = wal.readUInt32BE(8);
  const salt = wal.subarray(16, 24);
  let count = 0;
  for (
    let at = WAL_HEADER_BYTES;
    at + FRAME_HEADER_BYTES <= wal.length;
    at += FRAME_HEADER_BYTES + pageBytes
  ) {
    const isCurrent = wal.subarray(at + 8, at + 16).equals(salt);
    if (isCurrent && wal.readUInt32BE(at + 4) > 0) count += 1;
  }
  return count;
}
