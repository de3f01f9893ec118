import { describe, expect, it } from 'vitest';
import { VersionVector } from '../../src/log/operations/version-vector.ts';
import { modeNamed } from '../../src/modes/registry.ts';
import {
  type DecodedCheckpoint,
  decodeCheckpoint,
} from '../../src/projection/checkpoints/checkpoint-reader.ts';
import { checkpointChunks, wholeTable } from '../../src/projection/checkpoints/checkpoint-writer.ts';
import { GradualAdoption } from '../../src/projection/checkpoints/gradual-adoption.ts';
import { wayIn } from '../../src/projection/checkpoints/way-in.ts';
import { scratchProjection } from '../../src/projection/scratch.ts';
import { type TableDeclaration, compileSchema } from '../../src/schema/index.ts';
import { allAtOnce } from '../../src/work/slices.ts';

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

describe('a checkpoint that tells of a switch, and comes when it is known', () => {
  /** What is left of a row that the author of a removal had seen, or not. */
  function leftOf(seen: number): boolean {
    const there = tableOf(PLAIN, 1);
    const removal = { origin: there.origins.intern('b@1'), sequence: 2, stamp: 0 };
    there.projection.rows.remove(there.projection.rows.slotOf('k'), removal);
    there.projection.held.vector().advance(removal.origin, 2);
    if (seen > 0) there.projection.held.vector().advance(there.origins.intern('c@1'), seen);
    const part = wholeTable(there.projection, true);
    const chunks = [...checkpointChunks(there.projection, there.origins, part)];
    const { projection, origins } = tableOf(PLAIN, 1);
    const write = { origin: origins.intern('c@1'), sequence: 1, stamp: 0 };
    projection.rows.put(projection.rows.slotOf('k'), 1, write);
    projection.held.vector().advance(write.origin, 1);
    const adoption = new GradualAdoption(
      projection,
      origins,
      decodeCheckpoint(chunks, projection.schema, false),
    );
    allAtOnce(adoption.prepare(chunks));
    expect(adoption.take(1)).toBe(true);
    return projection.rows.has(projection.rows.slotOf('k'));
  }

  it('takes the row away that the removal had seen, and no other', () => {
    expect(leftOf(1)).toBe(false);
    expect(leftOf(0)).toBe(true);
  });
});
