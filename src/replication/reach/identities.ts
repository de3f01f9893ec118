import type { AccessList } from '../../access/grant.ts';
import { isReservedId } from '../../log/operations/origin.ts';
import { twice } from '../peers/peer-events.ts';
import type { Session } from '../session/session.ts';
import type { Hello } from '../wire/bodies.ts';

/** Most nodes of which is remembered which of their sessions were replaced by a later one; the oldest go first. */
const MAX_REPLACED_NODES = 1024;
/** Most such sessions of one node. */
const MAX_REPLACED = 16;

/** A problem says why a peer may not be the node it says it is. */
export interface IdentityProblem {
  readonly reason: string;
  /** Two processes run under one id. */
  readonly twice: boolean;
}

/** The parts are what judging identities needs of the node. */
export interface IdentitiesParts {
  readonly nodeId: string;
  access(): AccessList;
  sessionsOf(nodeId: string): readonly Session[];
}

/** Judges who may say to be which node, and finds out when two processes run under one id. */
export class Identities {
  readonly #parts: IdentitiesParts;
  /** Per node, what its process drew at its start whose connection gave way to that of a later one. */
  readonly #replaced = new Map<string, number[]>();

  constructor(parts: IdentitiesParts) {
    this.#parts = parts;
  }

  /** Says why a peer may not be the node it says it is; undefined when it may. */
  problem(session: Session, { node, session: drawn, origins }: Hello): IdentityProblem | undefined {
    const { nodeId } = this.#parts;
    const access = this.#parts.access();
    const { grant } = session.tables;
    const who = grant.holder ?? 'one without a name';
    if (node === nodeId) {
      // Only who is called so by right is a reason to look for a second node: by a star anybody may say it.
      return grant.owns(node)
        ? { reason: `${twice(node)} (Or this node dials itself.)`, twice: true }
        : refused(`the node id ${node} is this node's, and not given to the credential ${who} in full.`);
    }
    if (isReservedId(node)) return refused(`the id ${node} means a node of Zeek; choose another.`);
    if (!grant.mayUse(node) || access.belongsToAnother(node, grant.holder)) {
      return refused(`the credential ${who} may not use the node id ${node}.`);
    }
    if (origins.some((origin) => origin.slice(0, Math.max(0, origin.lastIndexOf('@'))) !== node)) {
      return refused(`${node} says that it writes under the name of another node.`);
    }
    const other = this.#parts.sessionsOf(node).find((one) => one !== session);
    if (other === undefined) return undefined;
    if (!sameHolder(session, other)) return refused(`${node} is connected with another credential.`);
    // A process that was started anew draws anew: what was replaced and comes back has run all the time.
    const isBack = other.hello?.session !== drawn && this.#replaced.get(node)?.includes(drawn) === true;
    return isBack ? { reason: twice(node), twice: true } : undefined;
  }

  /** A node's connection gives way to one of a process that was started at another time. */
  replaced({ node, session }: Hello): void {
    const known = this.#replaced.get(node) ?? [];
    this.#replaced.delete(node);
    this.#replaced.set(node, [...known.filter((drawn) => drawn !== session), session].slice(-MAX_REPLACED));
    for (const oldest of this.#replaced.keys()) {
      if (this.#replaced.size <= MAX_REPLACED_NODES) break;
      this.#replaced.delete(oldest);
    }
  }
}

function refused(reason: string): IdentityProblem {
  return { reason, twice: false };
}

/** Returns whether two sessions of one node id may take each other's place. */
function sameHolder(one: Session, other: Session): boolean {
  if (one.connection.direction === 'accepted' && other.connection.direction === 'accepted')
    return one.connection.credential === other.connection.credential;
  // The operator chose an address that is dialled; only a credential of its own tells another holder apart.
  return one.tables.grant.holder === other.tables.grant.holder;
}
