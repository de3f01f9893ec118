import { Dictionary } from '../../log/runs/dictionary.ts';
import type { Origins } from '../../log/operations/origin.ts';
import type { Work } from '../../work/slices.ts';
import { VersionVector } from '../../log/operations/version-vector.ts';
import type { CheckpointHeader } from './checkpoint-header.ts';
import type { DecodedCheckpoint, DictionaryKeys } from './checkpoint-reader.ts';
import type { WholeTable } from '../whole-table.ts';
import type { Rows } from '../rows/rows.ts';
import { learnOvertaken } from './overtaken-header.ts';
import { learnTouched } from './touched-header.ts';

/** A version vector as a checkpoint's header says it. */
export function vectorOf(origins: Origins, pairs: CheckpointHeader['vector']): VersionVector {
  const vector = new VersionVector();
  for (const [origin, sequence] of pairs) vector.advance(origins.intern(origin), sequence);
  return vector;
}

/** The slots of a dictionary's keys, where `slots` are those of the checkpoint's entries. */
function slotsOf(
  { entries, texts }: DictionaryKeys['parts'][number],
  slots: Int32Array,
  rows: Rows,
): Int32Array {
  const found = new Int32Array(entries.length);
  let text = 0;
  for (let at = 0; at < found.length; at++) {
    const entry = entries[at] as number;
    found[at] = entry > 0 ? (slots[entry - 1] as number) : rows.slotOf(texts[text++] as string);
  }
  return found;
}

/**
 * Learning is what a table learns from a checkpoint beside rows: what is held, what numbers in runs stand
 * for, and what authors had seen. It is put together in steps, and learned at once.
 */
export class Learning {
  readonly dictionaries: Map<number, Dictionary> = new Map();
  readonly contexts: Map<number, VersionVector> = new Map();
  /** Is what the node that wrote the checkpoint held. */
  readonly theirs: VersionVector;
  readonly #table: WholeTable;
  readonly #origins: Origins;
  readonly #header: CheckpointHeader;

  constructor(table: WholeTable, origins: Origins, header: CheckpointHeader) {
    this.#table = table;
    this.#origins = origins;
    this.#header = header;
    this.theirs = vectorOf(origins, header.vector);
  }

  /** `slots` are those of the checkpoint's entries, among `rows`. */
  *prepare({ keys }: DecodedCheckpoint, slots: Int32Array, rows: Rows): Work {
    const origins = this.#origins;
    const held = this.#table.held.vector();
    for (const [index, entry] of this.#header.dictionaries.entries()) {
      const origin = origins.intern(entry.origin);
      if (this.theirs.get(origin) <= held.get(origin) || origin === this.#table.authors.own) continue;
      const dictionary = new Dictionary(entry.chapter);
      const { nodeId } = origins.at(origin);
      for (const text of entry.origins) dictionary.origins.push(this.#table.held.claims.intern(text, nodeId));
      for (const part of keys[index]?.parts ?? []) {
        dictionary.addKeys(slotsOf(part, slots, rows));
        yield 1 + part.entries.length / 8 + part.texts.length;
      }
      this.dictionaries.set(origin, dictionary);
    }
    for (const [origin, seen] of this.#header.contexts) {
      const index = origins.intern(origin);
      const context =
        this.contexts.get(index) ?? this.#table.held.contexts.get(index)?.copy() ?? new VersionVector();
      context.merge(vectorOf(origins, seen));
      this.contexts.set(index, context);
      yield 1 + context.size / 4;
    }
  }

  /** Learns it; the checkpoint stands at `position` of this node's log. Nothing may have been received since it was prepared. */
  take(position: number): void {
    const table = this.#table;
    const origins = this.#origins;
    const { vector, written, forgotten } = this.#header;
    const held = table.held.vector();
    for (const [index, [text, sequence]] of vector.entries()) {
      const origin = origins.intern(text);
      const before = held.get(origin);
      if (sequence > before) table.held.sessions.take(origin, before, written?.[index]);
    }
    for (const [origin, dictionary] of this.dictionaries) {
      const { chapter } = dictionary;
      dictionary.starts.push(...(table.held.dictionaries.get(origin)?.starts ?? []));
      dictionary.starts.push({ chapter, position, readFrom: position });
      table.held.dictionaries.set(origin, dictionary);
    }
    for (const [nodeId, epoch] of forgotten ?? []) table.held.lives.remember(nodeId, epoch);
    for (const [origin, context] of this.contexts) table.held.contexts.set(origin, context);
    for (const [origin, sequence] of this.theirs.entries()) {
      if (held.get(origin) === 0 && !table.held.lives.isForgotten(origin)) table.held.beginLife(origin);
      if (sequence > held.get(origin)) {
        table.held.summedUp += sequence - held.get(origin);
        table.held.noteSeen(origin);
        table.held.marks.note(origin, held.get(origin) + 1, position);
      }
      held.advance(origin, sequence);
      table.held.overtakings.arrived(origin);
    }
    learnOvertaken(table, origins, this.#header);
    learnTouched(table, this.#header);
  }
}
