import { describe, expect, it } from 'vitest';
import { originText } from '../../src/log/operations/origin.ts';
import { modeNamed } from '../../src/modes/registry.ts';
import { checkpointChunks } from '../../src/projection/checkpoints/checkpoint-writer.ts';
import { decodeCheckpoint } from '../../src/projection/checkpoints/checkpoint-reader.ts';
import { MAX_LIVES_PER_NODE } from '../../src/projection/held/lives.ts';
import { scratchProjection } from '../../src/projection/scratch.ts';
import { compileSchema } from '../../src/schema/index.ts';

/** Half of the longest frame. */
const MOST_BYTES = 2 * 1024 * 1024;

function tableOf(): ReturnType<typeof scratchProjection> {
  const schema = compileSchema('t', { key: 'string', value: 'count' });
  return scratchProjection(schema, modeNamed);
}

/** A life writes after it has seen what everybody wrote before. */
function live(
  { projection, origins }: ReturnType<typeof scratchProjection>,
  nodeId: string,
  epoch: number,
): number {
  const origin = origins.intern(originText(nodeId, epoch));
  if (projection.held.sequences.get(origin) === 0) projection.held.beginLife(origin);
  const seen = projection.held.contextOf(origin);
  for (const [other, sequence] of projection.held.sequences.entries()) seen.advance(other, sequence);
  projection.held.sequences.advance(origin, projection.held.sequences.get(origin) + 1);
  return origin;
}

describe('what is remembered of what authors had seen', () => {
  it('leaves a checkpoint sendable after many lives of many nodes', () => {
    const table = tableOf();
    const began = Date.UTC(2026, 0, 1) * 1024;
    for (let life = 0; life < 2 * MAX_LIVES_PER_NODE; life++) {
      for (let node = 0; node < 16; node++)
        live(table, `worker-${node}`, began + life * 1024 * 86_400_000 + node);
    }
    const [header] = checkpointChunks(table.projection, table.origins);
    expect(header?.length).toBeLessThan(MOST_BYTES);
  });

  it('does not grow with the lives of others', () => {
    const table = tableOf();
    let steady = 0;
    for (let life = 1; life <= 1000; life++) {
      live(table, 'restless', life);
      steady = live(table, 'steady', 1);
    }
    expect(table.projection.held.contextOf(steady).size).toBeLessThanOrEqual(MAX_LIVES_PER_NODE + 1);
    expect(table.projection.held.contexts.size).toBeLessThanOrEqual(MAX_LIVES_PER_NODE + 1);
    const latest = table.origins.intern(originText('restless', 1000));
    expect(table.projection.held.contextOf(steady).get(latest)).toBe(1);
    expect(table.projection.held.contextOf(latest).get(steady)).toBe(999);
  });
});

describe('a checkpoint of a table that very many nodes wrote to', () => {
  it('travels in chunks that fit into frames, and is read back whole', () => {
    const table = tableOf();
    for (let node = 0; node < 700; node++) live(table, `visitor-${node}`, Date.UTC(2026, 0, 1) * 1024 + node);
    const chunks = [...checkpointChunks(table.projection, table.origins)];
    expect(chunks.length).toBeGreaterThan(1);
    for (const chunk of chunks) expect(chunk.length).toBeLessThan(MOST_BYTES);
    for (const trusted of [true, false]) {
      const { header } = decodeCheckpoint(chunks, table.projection.schema, trusted);
      expect(header.vector).toHaveLength(700);
      expect(header.contexts.at(-1)?.[1]).toHaveLength(699);
    }
  });
});
