import { Emitter } from '../work/emitter.ts';
import type { Operation } from '../log/operations/operation.ts';
import { Origins } from '../log/operations/origin.ts';
import type { Schema } from '../schema/index.ts';
import type { ProjectionContext } from './context.ts';
import { Dispatcher } from './telling/dispatcher.ts';
import { Projection } from './projection.ts';

/** A projection apart from any node, to replay a log into. It takes no local writes. */
export function scratchProjection(
  schema: Schema,
  modeOf: ProjectionContext['modeOf'],
): { projection: Projection; origins: Origins } {
  const origins = new Origins();
  const projection = new Projection(schema, modeOf(schema), {
    modeOf,
    origins,
    wall: { now: () => 0, believed: () => 0 },
    dispatcher: new Dispatcher(),
    journal: { next: noWrites, close: noWrites },
    operations: new Emitter<Operation>(),
    session: 0,
  });
  return { projection, origins };
}

function noWrites(): never {
  throw new Error('A replayed table takes no writes.');
}
