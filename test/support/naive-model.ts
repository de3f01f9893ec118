import type { Operation } from '../../src/index.ts';

/** A row as the model knows it: what it holds, and which operation put it there. */
export interface ModelRow {
  readonly key: unknown;
  readonly value: unknown;
  readonly origin: string;
  readonly sequence: number;
}

/** What the model needs of an operation. */
export type ModelOperation = Pick<Operation, 'kind' | 'key' | 'value' | 'origin' | 'sequence'>;

/** Equal keys give equal texts, different ones different texts. */
export function textOf(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value === 'string' || typeof value === 'number') return JSON.stringify(value);
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part)) ?? '';
}

/**
 * What a naive table is: every operation takes effect when it arrives. Written from the semantics
 * in the documentation, not from the code: a Map, and five kinds.
 */
export class NaiveModel {
  readonly rows: Map<string, ModelRow> = new Map();

  apply({ kind, key, value, origin, sequence }: ModelOperation): void {
    // It prolongs a life, and changes no row.
    if (kind === 'touch') return;
    if (kind === 'clear') this.rows.clear();
    else if (kind === 'set') this.rows.set(textOf(key), { key, value, origin, sequence });
    else this.rows.delete(textOf(key));
  }

  /** Keys and values, in the order of a Map. */
  entries(): [unknown, unknown][] {
    return Array.from(this.rows.values(), ({ key, value }) => [key, value]);
  }

  static of(operations: Iterable<ModelOperation>): NaiveModel {
    const model = new NaiveModel();
    for (const operation of operations) model.apply(operation);
    return model;
  }
}
