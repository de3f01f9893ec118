// What a stranger wrote from docs/write-your-own.md: a file for each segment, and one that says which of them count.
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Backend, type Checkpoint, type Commit, type Disk, backendOn, logTrimmed } from 'tablecast';
import type { Recovery, Segment } from 'tablecast';

interface State {
  readonly last: number;
  readonly trimmedTo: number;
  readonly clean: boolean;
  readonly facts: readonly (readonly [string, string])[];
}
interface SegmentFile {
  readonly name: string;
  readonly last: number;
  readonly size: number;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const bytesOf = (written: string): Uint8Array => new Uint8Array(Buffer.from(written, 'base64'));

/** Survives the end of the process; the machine's takes what the operating system had not written. */
export function segmentsBackend(directory: string): Backend {
  return backendOn(new SegmentDisk(directory));
}

class SegmentDisk implements Disk {
  readonly name = 'segments';
  readonly #directory: string;
  #state: State = { last: 0, trimmedTo: 0, clean: true, facts: [] };
  #files: SegmentFile[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  async open(): Promise<Recovery> {
    await mkdir(this.#directory, { recursive: true });
    const names = await readdir(this.#directory);
    const isNew = !names.includes('state');
    if (!isNew) this.#state = JSON.parse(await this.#read('state')) as State;
    await Promise.all(names.filter((name) => name.endsWith('.segment')).map((name) => this.#find(name)));
    this.#files.sort((a, b) => a.last - b.last);
    const checkpoints = names.filter((name) => name.endsWith('.checkpoint'));
    const { last, trimmedTo, clean, facts } = this.#state;
    if (!isNew) await this.#save({ ...this.#state, clean: false });
    return {
      lastPosition: last,
      trimmedTo,
      facts: new Map(facts.map(([name, value]) => [name, bytesOf(value)])),
      checkpoints: await Promise.all(checkpoints.map((name) => this.#checkpoint(name))),
      closedCleanly: clean,
      lastDurability: isNew ? undefined : 'interval',
      tornSegments: 0,
      setAside: undefined,
    };
  }

  async write({ segments, facts }: Commit): Promise<void> {
    const added: SegmentFile[] = [];
    for (const { position, span, bytes } of segments) {
      const last = position + span - 1;
      const name = `${position}-${last}.segment`;
      await writeFile(join(this.#directory, name), bytes);
      added.push({ name, last, size: bytes.length });
    }
    const kept = new Map(this.#state.facts);
    for (const [name, value] of facts ?? [])
      if (value === undefined) kept.delete(name);
      else kept.set(name, text(value));
    const last = added.at(-1)?.last ?? this.#state.last;
    await this.#save({ ...this.#state, last, facts: [...kept], clean: false });
    this.#files.push(...added);
  }

  async read(after: number, maxBytes: number): Promise<readonly Segment[]> {
    if (after < this.#state.trimmedTo) throw logTrimmed(after, this.#state.trimmedTo);
    const found: Segment[] = [];
    let sum = 0;
    for (const { name, last, size } of this.#files.filter((file) => file.last > after)) {
      sum += size;
      if (found.length > 0 && sum > maxBytes) break;
      const position = Number.parseInt(name, 10);
      const bytes = new Uint8Array(await readFile(join(this.#directory, name)));
      found.push({ position, span: last - position + 1, bytes });
    }
    return found;
  }

  async writeCheckpoint({ table, position, chunks }: Checkpoint): Promise<void> {
    const name = `${Buffer.from(table).toString('hex')}.checkpoint`;
    await this.#write(name, JSON.stringify({ table, position, chunks: chunks.map(text) }));
  }

  async trim(position: number): Promise<number> {
    const gone = this.#files.filter(({ last }) => last <= position);
    const trimmedTo = gone.at(-1)?.last ?? this.#state.trimmedTo;
    await this.#save({ ...this.#state, trimmedTo });
    this.#files = this.#files.filter((file) => !gone.includes(file));
    for (const { name } of gone) await rm(join(this.#directory, name));
    return trimmedTo;
  }

  async positionKeeping(bytes: number): Promise<number> {
    let excess = this.#files.reduce((sum, { size }) => sum + size, -bytes);
    let position = 0;
    for (const { last, size } of this.#files) {
      if (excess <= 0) break;
      position = last;
      excess -= size;
    }
    return position;
  }

  async close(clean: boolean): Promise<void> {
    await this.#save({ ...this.#state, clean });
  }

  /** A file that the state does not count was left by a commit, or a trim, that did not end. */
  async #find(name: string): Promise<void> {
    const last = Number(/-(\d+)\./.exec(name)?.[1]);
    if (last > this.#state.last || last <= this.#state.trimmedTo) await rm(join(this.#directory, name));
    else this.#files.push({ name, last, size: (await readFile(join(this.#directory, name))).length });
  }

  async #checkpoint(name: string): Promise<Checkpoint> {
    const read = JSON.parse(await this.#read(name)) as { table: string; position: number; chunks: string[] };
    return { ...read, chunks: read.chunks.map(bytesOf) };
  }

  async #save(state: State): Promise<void> {
    await this.#write('state', JSON.stringify(state));
    this.#state = state;
  }

  #read(name: string): Promise<string> {
    return readFile(join(this.#directory, name), 'utf8');
  }

  async #write(name: string, content: string): Promise<void> {
    await writeFile(join(this.#directory, `${name}.new`), content);
    await rename(join(this.#directory, `${name}.new`), join(this.#directory, name));
  }
}
