import { changesOf } from '../access/changes.ts';
import { AccessList } from '../access/grant.ts';
import type { CredentialChange } from '../access/rights.ts';
import type { NodeEvent } from '../events.ts';
import type { Carriage } from './node-parts.ts';
import { type NodeOptions, checkCredentialChange } from './options.ts';
import type { Replicator } from '../replication/replicator.ts';

/** Most names in one list of an event; the others are counted. */
const MAX_NAMES = 64;

/** The parts are what replacing credentials needs of its node. */
export interface AccessParts {
  readonly auth: NodeOptions['auth'];
  readonly carriage: Carriage;
  readonly replicator: Replicator;
  /** Gives what makes the HTTP interface judge by them. Throws `OPTION_INVALID`, and changes nothing. */
  reloadHttp(change: CredentialChange): () => void;
  report(event: NodeEvent): void;
}

/** Replaces a node's credentials while it runs: see `TableNode.reloadCredentials`. */
export function credentialReload(parts: AccessParts): (change: CredentialChange) => void {
  const { auth, carriage, replicator } = parts;
  let present: CredentialChange = auth ?? {};
  return (change) => {
    const secrets = checkCredentialChange(change);
    const reloadHttp = parts.reloadHttp(secrets);
    const revoked = carriage.reloadAuth(secrets);
    reloadHttp();
    const ended = replicator.reloadAccess(new AccessList(secrets.credentials ?? []), revoked);
    parts.report(reloaded(present, secrets, ended));
    present = secrets;
  };
}

function reloaded(before: CredentialChange, after: CredentialChange, ended: number): NodeEvent {
  const { added, changed, removed } = changesOf(before, after);
  const counts = `${added.length} new, ${changed.length} changed, ${removed.length} gone`;
  const connections = ended === 1 ? '1 connection was' : `${ended} connections were`;
  return {
    code: 'credentials-reloaded',
    severity: 'info',
    message: `Credentials were replaced: ${counts}; ${connections} ended because of it.`,
    details: { ended, added: some(added), changed: some(changed), removed: some(removed) },
  };
}

function some(names: readonly string[]): readonly string[] {
  if (names.length <= MAX_NAMES) return names;
  return [...names.slice(0, MAX_NAMES), `and ${names.length - MAX_NAMES} more`];
}
