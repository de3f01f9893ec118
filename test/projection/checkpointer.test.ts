import { describe, expect, it } from 'vitest';
import type { Backend, Checkpoint } from '../../src/log/backend.ts';
import { allAtOnce } from '../../src/work/slices.ts';
import { modeNamed } from '../../src/modes/registry.ts';
import { Checkpointer } from '../../src/projection/checkpoints/checkpointer.ts';
import { GradualAdoption } from '../../src/projection/checkpoints/gradual-adoption.ts';
import { checkpointChunks } from '../../src/projection/checkpoints/checkpoint-writer.ts';
import { decodeCheckpoint } from '../../src/projection/checkpoints/checkpoint-reader.ts';
import { scratchProjection } from '../../src/projection/scratch.ts';
import { compileSchema } from '../../src/schema/index.ts';
import { systemEnvironment } from '../../src/system-environment.ts';

const OPERATIONS = 100_000;
const schema = compileSchema('t', { key: 'string', value: 'double', backend: 'sqlite' });

describe('the checkpoint of a table', () => {
  it('is not written for rows that were taken over, which the log has as they came, but for what is replayed', async () => {
    const donor = scratchProjection(schema, modeNamed);
    donor.projection.held.sequences.advance(donor.origins.intern('donor@1'), OPERATIONS);
    const checkpoint = decodeCheckpoint(
      [...checkpointChunks(donor.projection, donor.origins)],
      schema,
      false,
    );
    const { projection, origins } = scratchProjection(schema, modeNamed);
    const adoption = new GradualAdoption(projection, origins, checkpoint);
    allAtOnce(adoption.prepare(checkpoint.chunks));
    const written: string[] = [];
    const backend = {
      writeCheckpoint: async ({ table }: Checkpoint) => void written.push(table),
    } as unknown as Backend;
    const stopped = async (): Promise<void> => {
      const log = { position: 1, flush: async () => undefined };
      const checkpointer = new Checkpointer(backend, origins, { environment: systemEnvironment, log });
      checkpointer.watch(projection, 0);
      await checkpointer.stop();
    };
    expect(adoption.take(1)).toBe(true);
    await stopped();
    expect(written).toEqual([]);
    projection.held.sequences.advance(origins.intern('other@1'), OPERATIONS);
    await stopped();
    expect(written).toEqual(['t']);
  });
});
