import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { SeededRandom } from '../../support/seeded-random.ts';

const HEAD_BYTES = 32;
/** What a disk writes in one piece. */
const SECTOR_BYTES = 512;

/** One recorded call. */
export interface DiskEvent {
  readonly kind: 'W' | 'T' | 'S' | 'U' | 'R';
  readonly path: string;
  readonly offset: number;
  readonly data: Uint8Array;
  readonly timeMs: number;
}

/** Reads what the shim recorded. */
export function readRecording(file: string): DiskEvent[] {
  const bytes = readFileSync(file);
  const events: DiskEvent[] = [];
  for (let at = 0; at < bytes.length;) {
    const kind = String.fromCharCode(bytes[at] as number) as DiskEvent['kind'];
    const pathBytes = bytes.readUInt32LE(at + 4);
    const offset = Number(bytes.readBigUInt64LE(at + 8));
    const length = Number(bytes.readBigUInt64LE(at + 16));
    const timeMs = Number(bytes.readBigUInt64LE(at + 24)) / 1e6;
    const path = bytes.toString('utf8', at + HEAD_BYTES, at + HEAD_BYTES + pathBytes);
    at += HEAD_BYTES + pathBytes;
    events.push({ kind, path, offset, data: bytes.subarray(at, at + length), timeMs });
    at += length;
  }
  return events;
}

/** What a power loss makes of what was not synced. */
export const IMAGE_KINDS = ['all unsynced lost', 'random half kept', 'all kept, each torn'] as const;
export type ImageKind = (typeof IMAGE_KINDS)[number];

/** A write or a truncation of a file, not synced yet. */
interface Change {
  readonly offset: number;
  /** Undefined: the file is cut or extended to `offset`. */
  readonly data: Uint8Array | undefined;
}

class Content {
  #bytes = new Uint8Array(4096);
  size = 0;

  apply({ offset, data }: Change): void {
    const end = offset + (data?.length ?? 0);
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, this.size));
      this.#bytes = larger;
    }
    if (data === undefined) {
      if (offset < this.size) this.#bytes.fill(0, offset, this.size);
      this.size = offset;
    } else {
      this.#bytes.set(data, offset);
      this.size = Math.max(this.size, end);
    }
  }

  copy(): Content {
    const copied = new Content();
    copied.#bytes = this.#bytes.slice(0, Math.max(4096, this.size));
    copied.size = this.size;
    return copied;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.size);
  }
}

interface File {
  readonly durable: Content;
  pending: Change[];
}

/** Names that appeared, went or were changed together: `file` is undefined for one that went. */
type NameChange = readonly { readonly path: string; readonly file: File | undefined }[];

/** A directory as a power loss would leave it, moved on call by call. */
export class RecordedDisk {
  readonly #directory: string;
  readonly #current = new Map<string, File>();
  readonly #durable = new Map<string, File>();
  /** What happened to names since the directory was synced. */
  #names: NameChange[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  apply(event: DiskEvent): void {
    const { kind, path, offset, data } = event;
    if (path === this.#directory) {
      for (const change of this.#names) rename(this.#durable, change);
      this.#names = [];
    } else if (kind === 'U') {
      this.#name([{ path, file: undefined }]);
    } else if (kind === 'R') {
      this.#name([
        { path: Buffer.from(data).toString(), file: this.#file(path) },
        { path, file: undefined },
      ]);
    } else if (kind === 'S') {
      const file = this.#file(path);
      for (const change of file.pending) file.durable.apply(change);
      file.pending = [];
    } else {
      this.#file(path).pending.push({ offset, data: kind === 'W' ? data : undefined });
    }
  }

  #file(path: string): File {
    let file = this.#current.get(path);
    if (file === undefined) {
      file = { durable: new Content(), pending: [] };
      this.#name([{ path, file }]);
    }
    return file;
  }

  #name(change: NameChange): void {
    rename(this.#current, change);
    this.#names.push(change);
  }

  /** The files after a power loss now, by name. */
  image(kind: ImageKind, random: SeededRandom): ReadonlyMap<string, Uint8Array> {
    const keeps = () => kind === 'all kept, each torn' || (kind === 'random half kept' && random.chance(0.5));
    const names = new Map(this.#durable);
    for (const change of this.#names) if (keeps()) rename(names, change);
    const image = new Map<string, Uint8Array>();
    for (const [path, file] of names) {
      const content = file.durable.copy();
      for (const change of file.pending) {
        if (!keeps()) continue;
        for (const part of kind === 'all kept, each torn' ? torn(change, random) : [change])
          content.apply(part);
      }
      image.set(basename(path), content.bytes);
    }
    return image;
  }
}

function rename(names: Map<string, File>, change: NameChange): void {
  for (const { path, file } of change) {
    if (file === undefined) names.delete(path);
    else names.set(path, file);
  }
}

/** Of a write, each sector by itself reaches the disk or does not. */
function torn(change: Change, random: SeededRandom): Change[] {
  const { offset, data } = change;
  if (data === undefined) return [change];
  const parts: Change[] = [];
  for (let at = 0; at < data.length;) {
    const end = Math.min(data.length, at + SECTOR_BYTES - ((offset + at) % SECTOR_BYTES));
    if (random.chance(0.75)) parts.push({ offset: offset + at, data: data.subarray(at, end) });
    at = end;
  }
  return parts;
}
