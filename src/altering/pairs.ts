import { sha256 } from '../log/bytes/sha256.ts';
import type { MapTable } from '../table/table.ts';
import type { AlteringNode } from './options.ts';
import type { Mark, Side } from './side.ts';

/** Is a row of each table that belong together, and what both showed when they were last alike. */
export interface Pair {
  readonly texts: readonly [from: string, to: string];
  readonly marks: readonly [from: Mark, to: Mark];
}

/** Names one of the two tables: 0 is that of before, 1 the new one. */
export type SideIndex = 0 | 1;

/** Longer keys are kept by their checksum: with what is put before them they would be longer than a key may be. */
const KEY_CHARACTERS = 256;

type PairRows = MapTable<readonly string[], string>;

/**
 * Says which rows belong together, in a table of its own on this node. It is written in the batch in which a row is
 * carried, so that after a crash both say the same.
 */
export class Pairs {
  readonly #rows: PairRows;

  constructor(node: AlteringNode, from: string, to: string, backend: string | undefined) {
    const declaration = { key: ['string', 'string'], value: 'string', backend } as const;
    this.#rows = node.table(pairsName(from, to), declaration);
  }

  get size(): number {
    return this.#rows.size / 2;
  }

  of(side: SideIndex, text: string): Pair | undefined {
    const kept = this.#rows.get([String(side), idOf(text)]);
    if (kept === undefined) return undefined;
    const [from, to, before, after] = JSON.parse(kept) as [string, string, Mark, Mark];
    return { texts: [from, to], marks: [before, after] };
  }

  keep({ texts, marks }: Pair): void {
    const kept = JSON.stringify([...texts, ...marks]);
    this.#rows.set(['0', idOf(texts[0])], kept);
    this.#rows.set(['1', idOf(texts[1])], kept);
  }

  drop({ texts }: Pair): void {
    this.#rows.delete(['0', idOf(texts[0])]);
    this.#rows.delete(['1', idOf(texts[1])]);
  }

  /** Gives the key in `from` of every pair. */
  *keysOfFrom(from: Side): Generator {
    const ids = Array.from(this.#rows.keys()).filter(([side]) => side === '0');
    for (const id of ids) {
      const kept = this.#rows.get(id);
      if (kept !== undefined) yield from.keyOf((JSON.parse(kept) as [string])[0]);
    }
  }
}

/** Is what the table of pairs is called; a long name by its checksum. */
function pairsName(from: string, to: string): string {
  const name = `alter:${from}:${to}`;
  return name.length <= 128 ? name : `alter:${hexOf(name)}`;
}

function idOf(text: string): string {
  return text.length <= KEY_CHARACTERS ? `=${text}` : `#${hexOf(text)}`;
}

function hexOf(text: string): string {
  return Buffer.from(sha256(Buffer.from(text))).toString('hex');
}
