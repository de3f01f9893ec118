import { closeSync, openSync, readSync } from 'node:fs';

/** Begins a write-ahead log; the last bit says in which order the bytes of a word are summed. */
const LOG_MAGIC = 0x377f0682;
const LOG_HEADER = 32;
const FRAME_HEADER = 24;
const DATABASE_MAGIC = 'SQLite format 3\0';
const DATABASE_HEADER = 32;

type Sums = readonly [number, number];

/** Returns whether a database file has all the pages that it says it has. */
export function isWholeDatabase(path: string, size: number): boolean {
  return withFile(path, (read) => {
    const header = read(0, DATABASE_HEADER);
    const pageSize = header.readUInt16BE(16);
    return header.toString('latin1', 0, 16) === DATABASE_MAGIC && header.readUInt32BE(28) * pageSize <= size;
  });
}

/** Returns whether a write-ahead log holds nothing but frames, each behind the one before, from its beginning to its end. */
export function isWholeLog(path: string, size: number): boolean {
  return withFile(path, (read) => {
    const header = read(0, LOG_HEADER);
    if ((header.readUInt32BE(0) & ~1) >>> 0 !== LOG_MAGIC) return false;
    const isBigEndian = (header.readUInt32BE(0) & 1) === 1;
    let sums = summed([0, 0], header.subarray(0, 24), isBigEndian);
    if (!isSummed(header, 24, sums)) return false;
    const length = FRAME_HEADER + header.readUInt32BE(8);
    for (let at = LOG_HEADER; at < size; at += length) {
      const frame = read(at, length);
      sums = summed(sums, frame.subarray(0, 8), isBigEndian);
      sums = summed(sums, frame.subarray(FRAME_HEADER), isBigEndian);
      if (!isSummed(frame, 16, sums)) return false;
    }
    return true;
  });
}

function isSummed(bytes: Buffer, at: number, [first, second]: Sums): boolean {
  return bytes.readUInt32BE(at) === first && bytes.readUInt32BE(at + 4) === second;
}

function summed([first, second]: Sums, bytes: Buffer, isBigEndian: boolean): Sums {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += 8) {
    first = (first + view.getUint32(at, !isBigEndian) + second) >>> 0;
    second = (second + view.getUint32(at + 4, !isBigEndian) + first) >>> 0;
  }
  return [first, second];
}

/** Reads parts of a file; what is beyond its end is zeros. */
function withFile<T>(path: string, look: (read: (at: number, length: number) => Buffer) => T): T {
  const descriptor = openSync(path, 'r');
  try {
    return look((at, length) => {
      const bytes = Buffer.alloc(length);
      readSync(descriptor, bytes, 0, length, at);
      return bytes;
    });
  } finally {
    closeSync(descriptor);
  }
}
