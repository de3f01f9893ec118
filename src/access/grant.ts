import { matchesAny } from './patterns.ts';
import type { Credential } from './rights.ts';

/** A grant answers what one peer may do, as replication asks. */
export interface Grant {
  /** Names the holder of these rights; undefined for a peer that is trusted with everything. */
  readonly holder: string | undefined;
  /** Says whether it may bring operations of other nodes, and checkpoints. */
  readonly relays: boolean;
  /** Says whether it may read every table there can be, and so what is said in words of any. */
  readonly readsAll: boolean;
  /** Says whether it may write every table there can be, so that its word counts for what concerns them all. */
  readonly writesAll: boolean;
  /** Names the tables it may write, as its credential does: exactly, or with a star at the end. */
  readonly writes: readonly string[];
  mayUse(nodeId: string): boolean;
  /** Returns whether a node id is its own: it is named in full, not by a star. */
  owns(nodeId: string): boolean;
  mayRead(table: string): boolean;
  mayWrite(table: string): boolean;
}

/**
 * Allows all: the rights of a peer that no credential restricts, the holder of the shared token or a dialled
 * address.
 */
export const EVERYTHING: Grant = {
  holder: undefined,
  relays: true,
  readsAll: true,
  writesAll: true,
  writes: ['*'],
  mayUse: () => true,
  owns: () => true,
  mayRead: () => true,
  mayWrite: () => true,
};

/** Returns the rights of a credential as questions. */
export function grantOf({ name, nodes, read = ['*'], write = read, origins }: Credential): Grant {
  return {
    holder: name,
    relays: origins === 'relay',
    readsAll: read.includes('*'),
    writesAll: read.includes('*') && write.includes('*'),
    writes: write,
    mayUse: (nodeId) => matchesAny(nodes, nodeId),
    owns: (nodeId) => nodes.includes(nodeId),
    mayRead: (table) => matchesAny(read, table),
    mayWrite: (table) => matchesAny(write, table) && matchesAny(read, table),
  };
}

/** The credentials of a node, as far as node ids choose among them. */
export class AccessList {
  readonly #credentials: readonly Credential[];
  readonly #owners = new Map<string, Credential>();

  constructor(credentials: readonly Credential[]) {
    this.#credentials = credentials;
    for (const credential of credentials) {
      for (const id of credential.nodes) {
        if (!id.endsWith('*') && !this.#owners.has(id)) this.#owners.set(id, credential);
      }
    }
  }

  /** Says whether rights depend on who a peer says it is, so that nothing may be told before. */
  get isEmpty(): boolean {
    return this.#credentials.length === 0;
  }

  /** Returns whether a node id is named in full by a credential of another holder. */
  belongsToAnother(nodeId: string, holder: string | undefined): boolean {
    const owner = this.#owners.get(nodeId);
    return owner !== undefined && owner.name !== holder;
  }

  /** Returns the credential that fits the id of a node which was dialled and showed none. */
  fitting(nodeId: string): Credential | undefined {
    return this.#owners.get(nodeId) ?? this.#credentials.find(({ nodes }) => matchesAny(nodes, nodeId));
  }

  /**
   * Returns the rights of a node that was dialled and showed no credential: those of the credential that fits
   * its id.
   */
  ofDialled(nodeId: string): Grant {
    const credential = this.fitting(nodeId);
    return credential === undefined ? EVERYTHING : grantOf(credential);
  }
}
