import { sameCredential } from '../../access/changes.ts';
import { type AccessList, EVERYTHING, type Grant, grantOf } from '../../access/grant.ts';
import type { Connection } from '../../transport/transport.ts';

/** A peer, as far as credentials judge it. */
export interface Judged {
  readonly nodeId: string | undefined;
  readonly connection: Connection;
  readonly tables: { readonly grant: Grant };
  end(code: string, reason: string): void;
}

/** Judges what peers may do by the credentials in force. */
export class PeerAccess {
  #list: AccessList;

  constructor(list: AccessList) {
    this.#list = list;
  }

  get list(): AccessList {
    return this.#list;
  }

  /** Returns what a peer may do; undefined while that depends on which node it says it is. */
  grantOf({ direction, rights }: Connection, nodeId: string | undefined): Grant | undefined {
    if (rights !== undefined) return grantOf(rights);
    if (direction === 'accepted' || this.#list.isEmpty) return EVERYTHING;
    return nodeId === undefined ? undefined : this.#list.ofDialled(nodeId);
  }

  /**
   * Judges peers by other credentials from now on. Ends, saying why, the `revoked` connections and those
   * of peers whose rights follow from their id and are others now; returns how many sessions that were.
   */
  reload(
    now: AccessList,
    { sessions, revoked }: { sessions: Iterable<Judged>; revoked: ReadonlySet<Connection> },
  ): number {
    const before = this.#list;
    this.#list = now;
    const concerned = [...sessions].filter((session) => {
      return revoked.has(session.connection) || isJudgedOtherwise(session, before, now);
    });
    for (const session of concerned) {
      const who = session.nodeId ?? 'this connection';
      session.end(
        'access',
        `The credential of ${who} is gone, or gives other rights now; it may connect anew.`,
      );
    }
    // One that was made just now has no session yet.
    for (const connection of revoked) connection.close('its credential is gone');
    return concerned.length;
  }
}

/** Returns whether a peer has other rights by the credentials of `now` than by those of `before`, or none. */
function isJudgedOtherwise(
  { nodeId, connection, tables }: Judged,
  before: AccessList,
  now: AccessList,
): boolean {
  if (nodeId !== undefined && now.belongsToAnother(nodeId, tables.grant.holder)) return true;
  if (connection.rights !== undefined || connection.direction === 'accepted') return false;
  if (nodeId === undefined) return before.isEmpty !== now.isEmpty;
  return !sameCredential(before.fitting(nodeId), now.fitting(nodeId));
}
