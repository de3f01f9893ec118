import { describe, expect, it } from 'vitest';
import { VersionVector } from '../../src/log/operations/version-vector.ts';
import { modeNamed } from '../../src/modes/registry.ts';
import {
  type DecodedCheckpoint,
  decodeCheckpoint,
} from '../../src/projection/checkpoints/checkpoint-reader.ts';
import { checkpointChunks } from '../../src/projection/checkpoints/checkpoint-writer.ts';
import { wayIn } from '../../src/projection/checkpoints/way-in.ts';
import { scratchProjection } from '../../src/projection/scratch.ts';
import { type TableDeclaration, compileSchema } from '../../src/schema/index.ts';

const PLAIN = { key: 'string', value: 'double' } as const;
const DOCUMENT = { ...PLAIN, mode: 'automerge' } as const;

/** A table, switched so many times. */
function tableOf(declaration: TableDeclaration, switches = 0): ReturnType<typeof scratchProjection> {
  const made = scratchProjection(compileSchema('hosts', declaration), modeNamed);
  const { inForce } = made.projection;
  const epoch = { counter: switches, origin: 'e@1', mode: declaration.mode ?? 'naive' } as const;
  if (switches > 0) inForce.enter(epoch, new VersionVector(), { before: new VersionVector() });
  return made;
}

function checkpointOf({ projection, origins }: ReturnType<typeof tableOf>): DecodedCheckpoint {
  return decodeCheckpoint([...checkpointChunks(projection, origins)], projection.schema, true);
}

describe('a checkpoint of a peer', () => {
  it('is taken over gradually where both stand behind the same switch and there is no document', () => {
    expect(wayIn(tableOf(PLAIN).projection, checkpointOf(tableOf(PLAIN)))).toBe('gradual');
    expect(wayIn(tableOf(PLAIN, 2).projection, checkpointOf(tableOf(PLAIN, 2)))).toBe('gradual');
  });

  it('goes behind the document of a table that has one', () => {
    expect(wayIn(tableOf(DOCUMENT).projection, checkpointOf(tableOf(DOCUMENT)))).toBe('behind-document');
  });

  it('goes across the switch that one of the two has not made, with a document or without', () => {
    const there = checkpointOf(tableOf(PLAIN, 1));
    expect(wayIn(tableOf(PLAIN).projection, there)).toBe('across-switch');
    expect(wayIn(tableOf(PLAIN, 2).projection, there)).toBe('across-switch');
    expect(wayIn(tableOf(DOCUMENT, 2).projection, there)).toBe('across-switch');
  });

  it('is refused with a document for a table without one', () => {
    const there = { ...checkpointOf(tableOf(PLAIN)), document: [new Uint8Array(1)] };
    expect(() => wayIn(tableOf(PLAIN).projection, there)).toThrow('a document for a table without one');
  });
});
