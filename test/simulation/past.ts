import type { Operation } from '../../src/index.ts';
import type { DiskCopy } from '../support/simulated-disk.ts';
import type { NodeWitness } from './node-witness.ts';

/** What one member carries from life to life. */
export interface Past {
  operations: readonly Operation[];
  /** Position of its last operation on disk of which it was told that it is there. */
  acknowledgedTo: number;
  readonly adopted: Set<string>;
  witness: NodeWitness | undefined;
  restartAt: number;
  backup: { readonly copy: DiskCopy; readonly operations: readonly Operation[] } | undefined;
  position: number;
  failed: boolean;
  /** What the member's disk held when it was last looked at. */
  readonly disk: { read: number; readonly held: Map<string, number> };
}

/** Nothing has happened to a member yet. */
export function newPast(): Past {
  return {
    operations: [],
    acknowledgedTo: 0,
    adopted: new Set(),
    witness: undefined,
    restartAt: 0,
    backup: undefined,
    position: 0,
    failed: false,
    disk: { read: 0, held: new Map() },
  };
}
