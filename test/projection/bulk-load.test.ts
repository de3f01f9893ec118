import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Change } from '../../src/index.ts';
import { modeNamed } from '../../src/modes/registry.ts';
import { Dictionary } from '../../src/log/runs/dictionary.ts';
import { allAtOnce } from '../../src/work/slices.ts';
import { loadCheckpoint } from '../../src/projection/checkpoints/adoption.ts';
import {
  type DecodedCheckpoint,
  decodeCheckpoint,
  keyTexts,
} from '../../src/projection/checkpoints/checkpoint-reader.ts';
import { checkpointChunks } from '../../src/projection/checkpoints/checkpoint-writer.ts';
import { GradualAdoption } from '../../src/projection/checkpoints/gradual-adoption.ts';
import type { Projection } from '../../src/projection/projection.ts';
import { scratchProjection } from '../../src/projection/scratch.ts';
import { type Schema, type TableDeclaration, type Value, compileSchema } from '../../src/schema/index.ts';

type Scratch = ReturnType<typeof scratchProjection>;

/** A write or, without a value, a removal. */
interface Step {
  readonly key: number;
  readonly author: number;
  readonly removes: boolean;
}

const declarations: readonly TableDeclaration[] = [
  { key: 'string', value: 'double' },
  { key: 'string', value: 'double', mode: 'lww' },
  { key: ['count', 'string'], value: 'int', mode: 'lww' },
  { key: 'string', value: 'string' },
  { key: 'addr' },
  { key: 'string', value: 'double', createExpire: '1h' },
];

const steps = fc.array(fc.record({ key: fc.nat(12), author: fc.nat(2), removes: fc.boolean() }), {
  minLength: 1,
  maxLength: 40,
});

function keyOf(schema: Schema, key: number): unknown {
  if (schema.composite) return [key, `k${key}`];
  return schema.keyTypes[0] === 'addr' ? `10.0.0.${key}` : `k${key}`;
}

function valueOf({ valueType }: Schema, number: number): Value {
  if (valueType === undefined) return undefined;
  if (valueType === 'int') return BigInt(number) * 2n ** 40n;
  return valueType === 'string' ? `v${number}` : number / 4;
}

/** A checkpoint of a table that somebody wrote so. */
function written(schema: Schema, history: readonly Step[]): DecodedCheckpoint {
  const { projection, origins } = scratchProjection(schema, modeNamed);
  const { rows } = projection;
  for (const [index, { key, author, removes }] of history.entries()) {
    const origin = origins.intern(`n${author}@a`);
    const dot = { origin, sequence: projection.held.sequences.get(origin) + 1, stamp: 1024 * (index + 1) };
    const slot = rows.slotOf(schema.keyText(keyOf(schema, key)));
    if (removes) rows.remove(slot, dot);
    else rows.put(slot, schema.value(valueOf(schema, index)), dot);
    projection.held.sequences.advance(origin, dot.sequence);
  }
  return decodeCheckpoint([...checkpointChunks(projection, origins)], schema, false);
}

function content({ projection, origins }: Scratch): unknown {
  const { rows } = projection;
  const dotOf = (slot: number): unknown => {
    const { origin, sequence, stamp } = rows.dot(slot);
    return [rows.text(slot), origins.at(origin).text, sequence, stamp, rows.expiryBase(slot)];
  };
  return {
    size: rows.size,
    rows: Array.from(rows.live(), (slot) => [rows.key(slot), rows.value(slot), dotOf(slot)]),
    removals: Array.from(rows.removals(), dotOf),
    held: Array.from(projection.held.sequences.entries(), ([origin, sequence]) => [
      origins.at(origin).text,
      sequence,
    ]),
  };
}

/** What adopting a checkpoint makes of an empty table; where a key was known, the long way. */
function adopted(schema: Schema, checkpoint: DecodedCheckpoint, long: boolean): unknown {
  const scratch = scratchProjection(schema, modeNamed);
  const { reporter } = scratch.projection;
  const told: unknown[] = [];
  const tell = ({ kind, key, value, previous, origin, operation }: Change): void =>
    void told.push({ kind, key, value, previous, origin, operation });
  reporter.changes.observable.subscribe(tell);
  if (long) scratch.projection.rows.slotOf(schema.keyText(keyOf(schema, 99)));
  const adoption = new GradualAdoption(scratch.projection, scratch.origins, checkpoint);
  allAtOnce(adoption.prepare(checkpoint.chunks));
  expect(adoption.take(7)).toBe(true);
  Array.from(adoption.tell(7));
  return { ...(content(scratch) as object), told, count: adoption.count, record: [...adoption.record] };
}

function loaded(schema: Schema, checkpoint: DecodedCheckpoint): Projection {
  const { projection, origins } = scratchProjection(schema, modeNamed);
  loadCheckpoint(projection, origins, checkpoint, { position: 7 });
  return projection;
}

describe('a checkpoint for an empty table', () => {
  it.each(declarations.map((declaration) => [JSON.stringify(declaration), declaration] as const))(
    'taken over column by column makes and tells what taking it over row by row does: %s',
    (_, declaration) => {
      const schema = compileSchema('t', declaration);
      fc.assert(
        fc.property(steps, (history) => {
          const checkpoint = written(schema, history);
          expect(adopted(schema, checkpoint, false)).toEqual(adopted(schema, checkpoint, true));
        }),
        { numRuns: 60, interruptAfterTimeLimit: 3000 },
      );
    },
  );

  it('may name a key twice, and then counts as it is named last', () => {
    const schema = compileSchema('t', { key: 'string', value: 'double' });
    const checkpoint = written(schema, [
      { key: 1, author: 0, removes: false },
      { key: 2, author: 0, removes: false },
      { key: 3, author: 0, removes: false },
    ]);
    const [part] = checkpoint.rows;
    const again = { ...(part as NonNullable<typeof part>), cells: [10, 11, 12] };
    const twice = { ...checkpoint, rows: [...checkpoint.rows, again] };
    expect(adopted(schema, twice, false)).toEqual(adopted(schema, twice, true));
    const { rows } = loaded(schema, twice);
    expect(Array.from(rows.live(), (slot) => [rows.key(slot), rows.value(slot)])).toEqual([
      ['k1', 10],
      ['k2', 11],
      ['k3', 12],
    ]);
  });

  it('leaves a table that can be written on: a key that comes back stands last', () => {
    const schema = compileSchema('t', { key: 'string', value: 'double' });
    const history = [1, 2, 3].map((key) => ({ key, author: 0, removes: false }));
    const { rows } = loaded(schema, written(schema, history));
    const dot = { origin: 0, sequence: 9, stamp: 9 };
    rows.remove(rows.slotOf('k1'), dot);
    rows.put(rows.slotOf('k4'), 4, dot);
    rows.put(rows.slotOf('k1'), 1, dot);
    expect(Array.from(rows.live(), (slot) => rows.key(slot))).toEqual(['k2', 'k3', 'k4', 'k1']);
  });
});

describe('the dictionary of a checkpoint', () => {
  it('names the keys that its author used, with and without a row', () => {
    const schema = compileSchema('t', { key: 'string', value: 'double' });
    const { projection, origins } = scratchProjection(schema, modeNamed);
    const origin = origins.intern('n0@a');
    const dictionary = new Dictionary(3);
    const texts = Array.from({ length: 5000 }, (_, number) => `k${number}`);
    for (const [number, text] of texts.entries()) {
      const slot = projection.rows.slotOf(text);
      const dot = { origin, sequence: number + 1, stamp: number };
      if (number % 3 === 0) projection.rows.remove(slot, dot);
      else projection.rows.put(slot, number, dot);
      dictionary.addKey(slot);
    }
    projection.held.sequences.advance(origin, texts.length);
    projection.held.dictionaries.set(origin, dictionary);
    const checkpoint = decodeCheckpoint([...checkpointChunks(projection, origins)], schema, false);
    const entries = checkpoint.rows.flatMap((part) => part.texts);
    expect(entries.length).toBeLessThan(texts.length);
    expect(keyTexts(checkpoint.keys[0], entries)).toEqual(texts);
    const table = loaded(schema, checkpoint);
    const [learned] = table.held.dictionaries.values();
    expect(learned?.state).toEqual({ chapter: 3, keys: texts.length, origins: 0 });
    expect(texts.map((_, id) => table.rows.text(learned?.slot(id) ?? -1))).toEqual(texts);
  });
});
