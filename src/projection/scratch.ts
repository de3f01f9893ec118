import { Subject } from 'rxjs';
import { HybridClock } from '../log/hybrid-clock.ts';
import type { Operation } from '../log/operation.ts';
import { Origins } from '../log/origin.ts';
import type { ConflictMode } from '../modes/conflict-mode.ts';
import type { Schema } from '../schema/index.ts';
import { Dispatcher } from './dispatcher.ts';
import { Projection } from './projection.ts';

/** A projection apart from any node, to replay a log into. It takes no local writes. */
export function scratchProjection(
  schema: Schema,
  mode: ConflictMode,
): { projection: Projection; origins: Origins } {
  const origins = new Origins();
  const projection = new Projection(schema, mode, {
    origins,
    clock: new HybridClock(() => 0),
    dispatcher: new Dispatcher(),
    journal: {
      next: () => {
        throw new Error('A replayed table takes no writes.');
      },
    },
    operations: new Subject<Operation>(),
    session: 0,
  });
  return { projection, origins };
}
