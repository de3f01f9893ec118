import type { Value } from '../../schema/index.ts';
import { MovingDot } from '../rows/dot.ts';
import type { CheckpointEntry } from './switching.ts';

/** One row or removal of a checkpoint, in the terms of this node; moved on from entry to entry. */
export class MovingEntry implements CheckpointEntry {
  slot = 0;
  removed = false;
  value: Value;
  readonly dot: MovingDot = new MovingDot(0);
  created = 0;
}
