import type { Grant } from '../../access/grant.ts';
import { TablecastError, isTablecastError } from '../../errors.ts';
import type { NodeEvent } from '../../events.ts';
import type { Connection } from '../../transport/transport.ts';
import type { IntakeLimits } from '../costs/intake.ts';
import type { RefusedTable } from '../peers/announced.ts';
import type { Denial } from '../peers/peer-tables.ts';
import type { HeldBackOperations } from '../peers/peer-state.ts';
import type { Hello } from '../wire/bodies.ts';
import { MAX_FRAME_OPERATIONS, PROTOCOL } from '../wire/wire.ts';

/** Says what to do where a peer does not take operations. */
const HELD_THERE_HINT =
  'Everything else goes on. The reason says what is wrong with them; docs/operations.md says how to bring what they hold back in.';

/** A session, as far as events name it. */
interface Who {
  readonly nodeId: string | undefined;
  readonly connection: Connection;
  readonly tables: { readonly grant: Grant };
}

/** Says what one side may not do with a table. */
export function denied({ right, table, origin }: Denial, who: Who): NodeEvent {
  const { holder } = who.tables.grant;
  const peer = who.nodeId ?? who.connection.remote;
  const what = {
    read: 'declares it and may not read it',
    write: 'sent operations of it and may not write it; they are not taken',
    origin: `sent ${origin === undefined ? 'a checkpoint' : `operations of ${origin}`}, which it may not bring`,
    taken: 'does not take what this node holds of it',
  }[right];
  return {
    code: 'access-refused',
    severity: right === 'origin' ? 'error' : 'warning',
    message: `Table ${table}: ${peer} ${what}.`,
    table,
    peer,
    details: { right, ...(origin && { origin }), ...(holder && { credential: holder }) },
  };
}

/** A peer sends faster than it may. */
export function throttled(who: Who, { operationsPerSecond, bytesPerSecond }: IntakeLimits): NodeEvent {
  const peer = who.nodeId ?? who.connection.remote;
  return {
    code: 'peer-throttled',
    severity: 'warning',
    message: `${peer} sends faster than this node takes from one peer; it has to wait.`,
    peer,
    details: { maxOperationsPerSecond: operationsPerSecond, maxBytesPerSecond: bytesPerSecond },
  };
}

/** Something could not be sent to a peer, or was not right of what it sent. */
export function failed(code: 'send-failed' | 'frame-refused', error: unknown, who: Who): NodeEvent {
  const reason = error instanceof Error ? error.message : String(error);
  const peer = who.nodeId ?? who.connection.remote;
  return {
    code,
    severity: 'error',
    message: code === 'send-failed' ? `Cannot send to ${peer}: ${reason}` : reason,
    peer,
    details: isTablecastError(error) ? { code: error.code, hint: error.hint } : {},
  };
}

/** Tells a peer that it cannot be sent what is due. What went wrong here may name files, which is no business of a peer's. */
export function saidOf(error: unknown): string {
  return isTablecastError(error) ? `It cannot send what is due (${error.code}).` : 'It failed.';
}

/** A table is declared differently on both sides. */
export function differing({ name, message, here, there }: RefusedTable, peer: string | undefined): NodeEvent {
  return { code: 'table-refused', severity: 'error', message, table: name, peer, details: { here, there } };
}

/** Operations of a life are not taken at all. */
export function lifeRefused(origin: string, why: string, peer: string | undefined): NodeEvent {
  return {
    code: 'operations-refused',
    severity: 'warning',
    message: `Operations of ${origin} were not applied: ${why}.`,
    peer,
    details: { origin },
  };
}

/** Operations of an author are not taken into a table, here or at the peer. */
export function heldBack(held: HeldBackOperations, peer: string): NodeEvent {
  const { by, table, origin, sequence, code, reason, hint } = held;
  const what =
    origin === undefined
      ? `what ${by === 'here' ? peer : 'this node'} has`
      : `operations of ${origin} from number ${sequence} on`;
  const who =
    by === 'here' ? `holds back ${what}, brought by ${peer}` : `${peer} says that it holds back ${what}`;
  return {
    code: 'operations-refused',
    severity: 'error',
    message: `Table ${table}: ${by === 'here' ? 'this node ' : ''}${who}: ${reason} ${hint ?? HELD_THERE_HINT}`,
    table,
    peer,
    details: { by, origin, sequence, code, hint: hint ?? HELD_THERE_HINT },
  };
}

/** Tells that what was held back here is taken. */
export function takenAgain({ table, origin, sequence, code }: HeldBackOperations, peer: string): NodeEvent {
  const what =
    origin === undefined ? `what ${peer} has` : `operations of ${origin} from number ${sequence} on`;
  return {
    code: 'operations-taken',
    severity: 'info',
    message: `Table ${table}: ${what} were held back and are taken now.`,
    table,
    peer,
    details: { origin, sequence, code },
  };
}

/** A claim is what a peer says of a fork, and by whose credential it says it. */
export interface ForkClaim {
  readonly table: string;
  /** The life of which both hold other operations; of this node's own perhaps only its id. */
  readonly life: string;
  readonly peer: string | undefined;
  /** Undefined for a peer that is trusted with everything. */
  readonly holder: string | undefined;
}

/** A peer that could bring them says that it holds operations of this node under numbers that stand for others here. */
export function forked({ table, peer, holder }: ForkClaim): NodeEvent {
  return {
    code: 'fork-detected',
    severity: 'error',
    message: `Table ${table}: ${peer} says that it has operations of this node that this node's storage does not, and this node wrote others under the same numbers.`,
    table,
    peer,
    details: {
      claimedBy: peer,
      ...(holder !== undefined && { credential: holder }),
      hint: `If you trust ${peer} in this, the directory was restored or copied. Export what was written since, stop the node, empty its directory, and start it again: its peers fill it.`,
    },
  };
}

/** A peer that could bring them says that it holds other operations of a third node than this one, under the same numbers. */
export function parted({ table, life: origin, peer, holder }: ForkClaim): NodeEvent {
  const author = origin.slice(0, origin.lastIndexOf('@'));
  return {
    code: 'fork-detected',
    severity: 'error',
    message: `Table ${table}: ${peer} says that it and this node hold different operations of ${origin} under the same numbers.`,
    table,
    peer,
    details: {
      origin,
      claimedBy: peer,
      ...(holder !== undefined && { credential: holder }),
      hint: `If you trust ${peer} in this, the directory of ${author} was restored or copied, or used twice. Find out whose operations are wanted. Of ${author} and of every node that took the others: export what was written since, stop it, empty its directory, and start it again.`,
    },
  };
}

/** A peer says that there is a fork and could not bring what it says it holds, or it cannot be: nothing is proven. */
export function forkClaimed({ table, life: origin, peer, holder }: ForkClaim): NodeEvent {
  return {
    code: 'fork-claimed',
    severity: 'warning',
    message: `Table ${table}: ${peer} says that it holds other operations of ${origin} than this node, which it cannot prove. The table is not shared with ${peer}; nothing else changed.`,
    table,
    peer,
    details: {
      origin,
      claimedBy: peer,
      ...(holder !== undefined && { credential: holder }),
      hint: `Change nothing here because of it. Look at what ${peer} itself reports; where nothing is wrong with this node, ${peer} began from an older state of it, or is not honest.`,
    },
  };
}

/** Makes the error for a frame of more operations than there may be. */
export function tooManyOperations(): TablecastError {
  return new TablecastError(
    'LIMIT_EXCEEDED',
    `A peer sent more than ${MAX_FRAME_OPERATIONS} operations in one frame.`,
    {
      hint: 'Check that the peer runs a version of tablecast that speaks this protocol.',
      details: { limit: MAX_FRAME_OPERATIONS },
    },
  );
}

/** Tells a peer that its protocol is not spoken here; undefined when it is. */
export function noCommonProtocol({ protocol: [lowest, highest] }: Hello): string | undefined {
  if (lowest <= PROTOCOL[1] && highest >= PROTOCOL[0]) return undefined;
  const theirs = `${lowest} to ${highest}`;
  return `No common protocol version: here ${PROTOCOL.join(' to ')}, there ${theirs}. Upgrade the older node.`;
}
