import type { RunEffects, Version } from '../conflict-mode.ts';
import { actorOf, originOf } from './genesis.ts';

const STAMPS_PER_SECOND: number = 1024 * 1000;
/** The message of a change: sequence and stamp of its run's first operation. */
const MESSAGE = /^[1-9][0-9]{0,15} [0-9]{1,16}$/;

/** Names who wrote what every node makes by itself, where the row it stood in is not known any more. */
export const NOBODY = 'nobody@0';

/** A run's name is what its changes carry beside their operations: whose they are, and which run's. */
export interface RunName {
  readonly actor: string;
  readonly message: string;
  readonly time: number;
}

/** Returns the name that the changes of a run carry in the document of an epoch. */
export function runName({ origin, firstSequence, firstStamp }: RunEffects, epoch: string): RunName {
  return {
    actor: actorOf(origin, epoch),
    message: `${firstSequence} ${firstStamp}`,
    time: Math.floor(firstStamp / STAMPS_PER_SECOND),
  };
}

/** Returns whether a message names a run. */
export function namesRun(message: string): boolean {
  return MESSAGE.test(message);
}

/** The version of a change's operations as far as the change says: that of the run's first. */
export function roughVersion({ actor, message }: Pick<RunName, 'actor' | 'message'>): Version {
  const [sequence, stamp] = message.split(' ').map(Number);
  return { origin: originOf(actor) ?? NOBODY, sequence: sequence || 1, stamp: stamp ?? 0 };
}
