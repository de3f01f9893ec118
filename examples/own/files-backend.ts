// A backend of your own: a file for each commit. docs/write-your-own.md goes through it.
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { type Backend, type Checkpoint, type Commit, type Disk, backendOn, logTrimmed } from 'tablecast';
import { type Recovery, type Segment, TablecastError } from 'tablecast';

/** A file with a commit in it, and where each of its segments ends. */
type CommitFile = { readonly file: string; readonly ends: readonly { last: number; size: number }[] };

const FACTS = '000000000000.commit';

/** Keeps a log as files in a directory, for one process at a time. A commit is there when its file is. */
export function filesBackend(directory: string): Backend {
  return backendOn(new FilesDisk(directory));
}

class FilesDisk implements Disk {
  readonly name = 'files';
  readonly #directory: string;
  readonly #facts = new Map<string, Uint8Array>();
  #files: CommitFile[] = [];
  #trimmedTo = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async open(): Promise<Recovery> {
    await mkdir(this.#directory, { recursive: true });
    const names = (await readdir(this.#directory)).toSorted();
    for (const file of names.filter((name) => name.endsWith('.commit')))
      this.#takeIn(file, await this.#load(file));
    if (names.includes('trimmed')) this.#trimmedTo = await this.#load('trimmed');
    const checkpoints = names.filter((name) => name.endsWith('.checkpoint'));
    await rm(join(this.#directory, 'closed'), { force: true });
    const isNew = this.#files.length === 0;
    return {
      lastPosition: this.#ends.at(-1)?.last ?? this.#trimmedTo,
      trimmedTo: this.#trimmedTo,
      facts: new Map(this.#facts),
      checkpoints: await Promise.all(checkpoints.map((file) => this.#load<Checkpoint>(file))),
      closedCleanly: isNew || names.includes('closed'),
      lastDurability: isNew ? undefined : 'commit',
      tornSegments: 0,
      setAside: undefined,
    };
  }

  async write(commit: Commit): Promise<void> {
    const number = Number.parseInt(this.#files.at(-1)?.file ?? '0', 10) + 1;
    const file = `${String(number).padStart(12, '0')}.commit`;
    await this.#save(file, commit);
    this.#takeIn(file, commit);
  }

  async read(after: number, maxBytes: number): Promise<Segment[]> {
    if (after < this.#trimmedTo) throw logTrimmed(after, this.#trimmedTo);
    const found: Segment[] = [];
    let bytes = 0;
    for (const { file } of this.#files.filter(({ ends }) => (ends.at(-1)?.last ?? 0) > after))
      for (const segment of (await this.#load<Commit>(file)).segments) {
        if (segment.position + segment.span - 1 <= after) continue;
        if ((bytes += segment.bytes.length) > maxBytes && found.length > 0) return found;
        found.push(segment);
      }
    return found;
  }

  async writeCheckpoint(checkpoint: Checkpoint): Promise<void> {
    const name = createHash('sha256').update(checkpoint.table).digest('hex');
    await this.#save(`${name}.checkpoint`, checkpoint);
  }

  async trim(position: number): Promise<number> {
    this.#trimmedTo = this.#ends.findLast(({ last }) => last <= position)?.last ?? this.#trimmedTo;
    await this.#save('trimmed', this.#trimmedTo);
    await this.#save(FACTS, { segments: [], facts: this.#facts });
    const gone = this.#files.filter(({ ends }) => ends.every(({ last }) => last <= this.#trimmedTo));
    this.#files = this.#files.filter((file) => !gone.includes(file));
    for (const { file } of gone) if (file !== FACTS) await rm(join(this.#directory, file));
    return this.#trimmedTo;
  }

  async positionKeeping(bytes: number): Promise<number> {
    let kept = 0;
    return this.#ends.findLast(({ size }) => (kept += size) > bytes)?.last ?? 0;
  }

  async close(clean: boolean): Promise<void> {
    if (clean) await this.#save('closed', true);
  }

  get #ends(): CommitFile['ends'] {
    return this.#files.flatMap(({ ends }) => ends);
  }

  #takeIn(file: string, { segments, facts }: Commit): void {
    for (const [name, value] of facts ?? [])
      if (value === undefined) this.#facts.delete(name);
      else this.#facts.set(name, value);
    const ends = segments.map(({ position, span, bytes }) => ({
      last: position + span - 1,
      size: bytes.length,
    }));
    this.#files.push({ file, ends });
  }

  async #load<T>(file: string): Promise<T> {
    return deserialize(await readFile(join(this.#directory, file))) as T;
  }

  /** The whole file or nothing of it, and on the disk rather than on its way there. */
  async #save(file: string, content: unknown): Promise<void> {
    await this.#saveUnfinished(serialize(content)).catch(refuseIfFull);
    await rename(join(this.#directory, 'unfinished'), join(this.#directory, file));
    const directory = await open(this.#directory);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  async #saveUnfinished(bytes: Uint8Array): Promise<void> {
    const unfinished = await open(join(this.#directory, 'unfinished'), 'w');
    try {
      await unfinished.writeFile(bytes);
      await unfinished.sync();
    } finally {
      await unfinished.close();
    }
  }
}

/** Nothing of what does not fit is there yet: it may be written again once there is room. */
function refuseIfFull(error: NodeJS.ErrnoException): never {
  if (error.code !== 'ENOSPC' && error.code !== 'EDQUOT') throw error;
  throw new TablecastError('BACKEND_FULL', error.message, {
    hint: 'Make room.',
    retryable: true,
    cause: error,
  });
}
