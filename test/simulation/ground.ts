import type { Hash } from 'node:crypto';
import type { Cluster, Member } from '../support/cluster.ts';
import type { Ledger } from './ledger.ts';
import type { Past } from './past.ts';
import type { Surroundings } from './table-witness.ts';
import type { User } from './user.ts';
import type { World } from './world.ts';

/** The parts of a simulation stand on it: the nodes of a world, and what is remembered of them. */
export interface Ground {
  readonly world: World;
  readonly cluster: Cluster;
  readonly ledger: Ledger;
  readonly around: Surroundings;
  readonly user: User;
  readonly trace: Hash;
  /** Nodes whose disk forgot what peers have. */
  readonly lossy: Set<string>;
  /** Indexes of the nodes whose disk is full, or fails at the next write; -1 for none. */
  readonly disks: { full: number; failing: number };
  pastOf(member: Member): Past;
  /** Looks at what can be looked at at any moment. */
  glance(): void;
}
