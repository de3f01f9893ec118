import { ByteReader, ByteWriter } from '../bytes/bytes.ts';
import { readTexts, writeTexts } from '../bytes/column.ts';
import { MAX_DICTIONARY_KEYS } from './dictionary.ts';
import { MAX_ORIGIN_BYTES } from '../operations/origin.ts';
import { type DecodedRun, MAX_TABLE_NAME_BYTES } from './run.ts';

/** Keys per chunk of names. */
const KEYS_PER_CHUNK = 2048;

/** Keys by their number; with holes where they were not heard of. */
type Keys = (string | undefined)[];

/** The keys of one origin's chapter of a table. */
interface Chapter {
  readonly keys: Keys;
  /** A run of the chapter was read since {@link KeyNames.forgetUnused}. */
  used: boolean;
}

/** The names say what key numbers stand for, per table, origin and chapter, as far as the log said so. */
export class KeyNames {
  readonly #chapters: Map<string, Map<number, Chapter>>;

  /** Begins with what others know, each of other tables; what a number stands for never changes, so it is shared. */
  constructor(...known: readonly (KeyNames | undefined)[]) {
    this.#chapters = new Map(known.flatMap((one) => (one === undefined ? [] : copies(one.#chapters))));
  }

  /** Takes in the keys that a run names, and returns those of its chapter. */
  learn(run: Pick<DecodedRun, 'table' | 'origin' | 'state' | 'newKeys'>): Keys {
    const { keys } = this.#chapter(run.table, run.origin, run.state.chapter);
    for (const [index, key] of run.newKeys.entries()) keys[run.state.keys + index] = key;
    return keys;
  }

  /** Takes in keys of a chapter by their numbers from `first` on; those that are known already stay. */
  add(
    table: string,
    origin: string,
    part: { chapter: number; first: number; keys: readonly string[] },
  ): void {
    const { keys } = this.#chapter(table, origin, part.chapter);
    for (const [index, key] of part.keys.entries()) keys[part.first + index] ??= key;
  }

  #chapter(table: string, origin: string, number: number): Chapter {
    const name = `${table}\n${origin}`;
    let chapters = this.#chapters.get(name);
    if (chapters === undefined) this.#chapters.set(name, (chapters = new Map()));
    let chapter = chapters.get(number);
    if (chapter === undefined) chapters.set(number, (chapter = { keys: [], used: true }));
    chapter.used = true;
    return chapter;
  }

  /** Forgets all chapters of a run's origin that lie before its own: they are over. */
  forgetBefore(run: Pick<DecodedRun, 'table' | 'origin' | 'state'>): void {
    const chapters = this.#chapters.get(`${run.table}\n${run.origin}`);
    if (chapters === undefined || chapters.size === 1) return;
    for (const number of chapters.keys()) if (number < run.state.chapter) chapters.delete(number);
  }

  /** Calls every chapter unused until a run of it is read. */
  beginUse(): void {
    for (const chapters of this.#chapters.values())
      for (const [number, { keys }] of chapters) chapters.set(number, { keys, used: false });
  }

  /** Forgets chapters of which no run was read since {@link beginUse} and which are not their origin's last. */
  forgetUnused(): void {
    for (const chapters of this.#chapters.values()) {
      const last = Math.max(...chapters.keys());
      for (const [number, { used }] of chapters) if (!used && number !== last) chapters.delete(number);
    }
  }

  /** Returns all of it, in chunks that {@link KeyNames.decode} takes. */
  encode(): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    for (const [name, chapters] of this.#chapters) {
      const [table = '', origin = ''] = name.split('\n');
      for (const [chapter, { keys }] of chapters)
        for (const part of partsOf(keys)) chunks.push(encodePart(table, origin, { chapter, ...part }));
    }
    return chunks;
  }

  /** Throws `OPERATION_INVALID`. */
  static decode(chunks: readonly Uint8Array[]): KeyNames {
    const names = new KeyNames();
    for (const chunk of chunks) {
      const reader = new ByteReader(chunk);
      const table = reader.text(MAX_TABLE_NAME_BYTES);
      const origin = reader.text(MAX_ORIGIN_BYTES);
      const chapter = reader.varint();
      const first = Math.min(reader.varint(), MAX_DICTIONARY_KEYS);
      const keys = readTexts(reader, reader.count('keys', KEYS_PER_CHUNK));
      names.add(table, origin, { chapter, first, keys });
    }
    return names;
  }
}

function copies(known: Map<string, Map<number, Chapter>>): [string, Map<number, Chapter>][] {
  return Array.from(known, ([name, chapters]) => [name, new Map(chapters)]);
}

/** Returns the keys without the holes, in parts that fit a chunk. */
function* partsOf(keys: Keys): Generator<{ first: number; keys: string[] }> {
  let part: string[] = [];
  let first = 0;
  for (let id = 0; id <= keys.length; id++) {
    const key = keys[id];
    if (part.length > 0 && (key === undefined || part.length === KEYS_PER_CHUNK)) {
      yield { first, keys: part };
      part = [];
    }
    if (key === undefined) continue;
    if (part.length === 0) first = id;
    part.push(key);
  }
}

function encodePart(
  table: string,
  origin: string,
  part: { chapter: number; first: number; keys: readonly string[] },
): Uint8Array {
  const writer = new ByteWriter(64 + part.keys.length * 16);
  writer.text(table);
  writer.text(origin);
  writer.varint(part.chapter);
  writer.varint(part.first);
  writer.varint(part.keys.length);
  writeTexts(writer, part.keys, part.keys.length);
  return writer.copy();
}
