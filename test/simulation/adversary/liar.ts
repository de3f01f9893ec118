import { allAtOnce } from '../../../src/work/slices.ts';
import { modeNamed } from '../../../src/modes/registry.ts';
import { DigestCache, type Digests } from '../../../src/projection/comparing/digest-cache.ts';
import { scratchProjection } from '../../../src/projection/scratch.ts';
import type { ComparisonMessage } from '../../../src/replication/wire/comparison-wire.ts';
import { compileSchema } from '../../../src/schema/index.ts';
import type { Knowledge } from './knowledge.ts';

/** Pretends, wherever tables are compared, to hold the same operations and other rows, and says what fits that. */
export class Liar {
  readonly #known: Knowledge;
  readonly #pretended = new Map<string, Digests>();

  constructor(known: Knowledge) {
    this.#known = known;
  }

  /** What it says to a question or a hash; nothing to an answer. */
  answer(message: ComparisonMessage): readonly ComparisonMessage[] {
    const { table, state } = message;
    const digests = this.#digestsOf(table);
    if (digests === undefined) return [];
    if (message.type === 'digest')
      return [{ type: 'digest', table, state, root: [1, 2], reply: !message.reply }];
    if (message.type !== 'ask') return [];
    const { round, of, numbers } = message;
    const on = { table, state, round };
    if (of === 'buckets') return [{ type: 'sums', ...on, bucket: -1, sums: digests.buckets() }];
    if (of === 'leaves')
      return numbers.map((bucket) => ({ type: 'sums', ...on, bucket, sums: digests.leaves(bucket) }));
    const chunks = Array.from(
      digests.rows(numbers),
      (chunk) => ({ type: 'rows', ...on, last: false, chunk }) as const,
    );
    return [...chunks, { type: 'rows', ...on, last: true, chunk: new Uint8Array(0) }];
  }

  #digestsOf(table: string): Digests | undefined {
    const declaration = Object.hasOwn(this.#known.declarations, table)
      ? this.#known.declarations[table]
      : undefined;
    const [origin] = this.#known.tables.get(table)?.held[0] ?? [];
    if (declaration === undefined || origin === undefined) return undefined;
    const known = this.#pretended.get(table);
    if (known !== undefined) return known;
    const schema = compileSchema(table, { ...declaration, mode: 'naive' });
    const { projection, origins } = scratchProjection(schema, modeNamed);
    const value = schema.isSet ? undefined : declaration.value === 'string' ? 'eve' : 666;
    projection.rows.put(projection.rows.slotOf('eve lies'), value, {
      origin: origins.intern(origin),
      sequence: 1,
      stamp: 1,
    });
    const digests = allAtOnce(new DigestCache(origins).of(projection)) as Digests;
    allAtOnce(digests.order());
    this.#pretended.set(table, digests);
    return digests;
  }
}
