import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { TablecastError, type MapTable, type TableDeclaration } from '../../src/index.ts';
import { decodeCheckpoint } from '../../src/projection/checkpoints/checkpoint-reader.ts';
import { decodeMessage } from '../../src/replication/wire/wire.ts';
import { compileSchema } from '../../src/schema/index.ts';
import { createCluster } from '../support/cluster.ts';

const declarations = {
  numbers: { key: 'string', value: { type: 'int', as: 'exact' }, backend: 'memory' },
  texts: { key: ['addr', 'port'], value: 'string', backend: 'memory', createExpire: '1h' },
  members: { key: 'subnet', backend: 'memory' },
} as const satisfies Record<string, TableDeclaration>;

type Name = keyof typeof declarations;

/** What a node that joins late is sent of each table: chunks, and the rows they stand for. */
async function sentCheckpoints(): Promise<Map<Name, { chunks: Uint8Array[]; rows: number }>> {
  const cluster = await createCluster({ size: 2, topology: 'pair' });
  await cluster.stop(1);
  const node = cluster.node(0);
  const numbers = node.table('numbers', declarations.numbers);
  const texts = node.table('texts', declarations.texts);
  const members = node.table('members', declarations.members);
  for (let round = 0; round < 60; round++) {
    for (let index = 0; index < 40; index++) {
      numbers.set(`ключ ${index}`, index % 3 === 0 ? 2n ** 60n + BigInt(round) : -index);
      texts.set([`10.0.0.${index}`, `${index + 1}/udp`], `Zeile ${round} \u{1f41f}`);
      members.add(`10.${index}.0.0/16`);
    }
    await cluster.run(1);
  }
  numbers.delete('ключ 1');
  const found = new Map<Name, { chunks: Uint8Array[]; rows: number }>();
  cluster.network.observe = ({ frame }) => {
    const message = decodeMessage(frame);
    if (message.type !== 'checkpoint') return;
    const name = message.table as Name;
    const entry = found.get(name) ?? { chunks: [], rows: (node.tables.get(name) as MapTable).size };
    entry.chunks.push(message.chunk);
    found.set(name, entry);
  };
  const late = await cluster.start(1);
  for (const name of Object.keys(declarations) as Name[]) late.table(name, declarations[name]);
  await cluster.run(5000);
  await cluster.close();
  return found;
}

describe('a checkpoint', () => {
  let sent: Awaited<ReturnType<typeof sentCheckpoints>>;
  beforeAll(async () => {
    sent = await sentCheckpoints();
  });

  it.each(Object.keys(declarations) as Name[])(
    'of %s says every row with its origin, sequence and time',
    (name) => {
      const { chunks, rows } = sent.get(name) as { chunks: Uint8Array[]; rows: number };
      const decoded = decodeCheckpoint(chunks, compileSchema(name, declarations[name]), false);
      const texts = decoded.rows.flatMap((part) => (part.removed ? [] : part.texts));
      expect(new Set(texts).size).toBe(rows);
      const [author = '', held = 0] = decoded.header.vector[0] ?? [];
      expect(author).toMatch(/^n0@/);
      for (const part of decoded.rows) {
        for (let index = 0; index < part.texts.length; index++) {
          expect(part.origins[part.originOf[index] as number]).toBe(author);
          expect(part.sequences[index]).toBeGreaterThan(0);
          expect(part.sequences[index]).toBeLessThanOrEqual(held);
        }
      }
    },
  );

  it.each(Object.keys(declarations) as Name[])(
    'of %s that was changed on its way throws nothing but a TablecastError',
    (name) => {
      const { chunks } = sent.get(name) as { chunks: Uint8Array[] };
      const schema = compileSchema(name, declarations[name]);
      const edits = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat({ max: 255 })), {
        minLength: 1,
        maxLength: 4,
      });
      fc.assert(
        fc.property(edits, fc.option(fc.tuple(fc.nat(), fc.nat())), (changes, cut) => {
          const changed: Uint8Array[] = chunks.map((chunk) => chunk.slice());
          for (const [which, at, value] of changes) {
            const chunk = changed[which % changed.length] as Uint8Array;
            chunk[at % chunk.length] = value;
          }
          if (cut !== null) {
            const which = cut[0] % changed.length;
            const chunk = changed[which] as Uint8Array;
            changed[which] = chunk.subarray(0, cut[1] % chunk.length);
          }
          try {
            decodeCheckpoint(changed, schema, false);
          } catch (error) {
            expect(error).toBeInstanceOf(TablecastError);
          }
        }),
        { numRuns: 600 },
      );
    },
  );

  it('of another table, or of the same name declared otherwise, is refused', () => {
    const { chunks } = sent.get('numbers') as { chunks: Uint8Array[] };
    const refused = expect.objectContaining({ code: 'OPERATION_INVALID' });
    expect(() => decodeCheckpoint(chunks, compileSchema('other', declarations.numbers), false)).toThrow(
      refused,
    );
    expect(() =>
      decodeCheckpoint(chunks, compileSchema('numbers', { key: 'string', value: 'string' }), false),
    ).toThrow(refused);
    expect(() => decodeCheckpoint([], compileSchema('numbers', declarations.numbers), false)).toThrow(
      refused,
    );
  });
});
