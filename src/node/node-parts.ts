import { AccessList } from '../access/grant.ts';
import type { CredentialChange } from '../access/rights.ts';
import type { Backend } from '../log/backend.ts';
import { memoryBackend } from '../backends/memory.ts';
import type { CarriedParts } from './carried.ts';
import { addressOfGroup } from './group-address.ts';
import type { Environment } from '../environment.ts';
import { TablecastError } from '../errors.ts';
import type { NodeEvent } from '../events.ts';
import type { Slicing } from '../work/slices.ts';
import type { CertificateChange, NodeOptions } from './options.ts';
import type { IntakeLimits } from '../replication/costs/intake.ts';
import type { Connection, Stranger, Transport } from '../transport/transport.ts';
import { WEB_SOCKET_SCHEMES } from './own-ports.ts';
import { type Route, SeveralTransports } from '../transport/several.ts';
import type { Outside } from './outside.ts';

/** The parts of a node are what a test may replace. */
export interface NodeParts {
  readonly environment?: Environment | undefined;
  readonly transport?: Transport | undefined;
  /** Carries the node's tables in the place of the servers that its options name. */
  readonly carried?: Outside['carried'] | undefined;
  readonly durableBackend?: Backend | undefined;
  /** After how many operations a checkpoint of a durable table is due; for simulations, which have few. */
  readonly checkpointAfter?: number | undefined;
  /** Says how long work is cut; for simulations, whose tables are small. */
  readonly slicing?: Slicing | undefined;
}

/** The backends of a node by the names that declarations use; `memory` is always there, and first. */
export function backendsOf(options: NodeOptions, durable: Backend | undefined): ReadonlyMap<string, Backend> {
  const backends = new Map([['memory', memoryBackend({ maxBytes: options.limits?.maxMemoryLogBytes })]]);
  if (durable !== undefined) backends.set('sqlite', durable);
  for (const [name, backend] of Object.entries(options.backends ?? {})) backends.set(name, backend);
  return backends;
}

/** A carriage carries a node's frames. */
export interface Carriage {
  readonly transport: Transport;
  /** Says whether any transport of it accepts connections. */
  readonly listens: boolean;
  /** Lists where others can dial, once it listens. */
  readonly addresses: readonly string[];
  /** Throws `OPTION_INVALID` for certificates that cannot be used, and for a transport that has none. */
  reload(this: void, change: CertificateChange): void;
  /** Returns connections that are to be ended. Throws `OPTION_INVALID` as {@link Carriage.reload} does. */
  reloadAuth(this: void, change: CredentialChange): ReadonlySet<Connection>;
}

/** The parts are what a carriage is made with, and told these. */
export interface CarriageParts extends CarriedParts {
  /** Tells an event after what is under way. */
  later(this: void, event: NodeEvent): void;
  refused(stranger: Stranger): void;
}

/** Returns the transport that is given, or that the options ask for. */
export function carriageOf(
  options: NodeOptions,
  parts: Pick<NodeParts, 'transport'> & Pick<Outside, 'webSocket' | 'socket' | 'carried'>,
  owner: CarriageParts,
): Carriage {
  const { transport, webSocket, socket } = parts;
  const carried = parts.carried(options, { ...owner, report: owner.later });
  if (transport !== undefined) return givenCarriage(options, transport, carried);
  const told: Parameters<Outside['webSocket']>[1] = {
    onWarning: (message) => owner.report({ code: 'transport-warning', severity: 'warning', message }),
    onRefused: (stranger) => owner.refused(stranger),
  };
  const own = webSocket(options, told);
  const local = socket(options, told);
  const listens = options.listen !== undefined;
  const others = (options.transports ?? []).map((one) => {
    return { transport: one, schemes: [one.name], listens: true };
  });
  const all = new SeveralTransports([
    { transport: own, schemes: WEB_SOCKET_SCHEMES, listens },
    // What dials a socket is the same as what dials the network.
    ...(local === undefined ? [] : [{ transport: local, schemes: [], listens: true }]),
    ...others,
    ...routeTo(carried),
  ]);
  return {
    transport: all,
    listens: listens || local !== undefined || others.length > 0,
    get addresses() {
      return all.addresses;
    },
    reload: (change) => own.reloadTls(change),
    reloadAuth: (change) => new Set([...own.reloadAuth(change), ...(local?.reloadAuth(change) ?? [])]),
  };
}

/** A carriage over one transport that was given in the place of all. */
function givenCarriage({ listen }: NodeOptions, given: Transport, carried: Transport | undefined): Carriage {
  const all = new SeveralTransports([{ transport: given, schemes: [], listens: true }, ...routeTo(carried)]);
  const isCarried = (address: string): boolean =>
    carried !== undefined && address.startsWith(`${carried.name}://`);
  return {
    transport: {
      name: given.name,
      maxFrameBytes: given.maxFrameBytes,
      listen: (accept) => all.listen(accept),
      dial: (address, signal) => (isCarried(address) ? all : given).dial(address, signal),
      close: () => all.close(),
    },
    listens: listen !== undefined,
    get addresses() {
      return all.addresses;
    },
    reload: refuseReload,
    reloadAuth: refuseReload,
  };
}

function routeTo(carried: Transport | undefined): Route[] {
  return carried === undefined ? [] : [{ transport: carried, schemes: [carried.name], listens: false }];
}

function refuseReload(): never {
  throw new TablecastError('OPTION_INVALID', 'This node was given its transport.', {
    hint: 'Renew certificates and credentials where the transport was made.',
  });
}

const MAX_PEERS = 64;

/** Says who is dialled, who may connect, what each may do, and how much is taken from each. */
export function peerRulesOf({
  auth,
  limits,
  peers = [],
  nats,
}: Pick<NodeOptions, 'auth' | 'limits' | 'peers' | 'nats'>): {
  /** Its peers, and the group whose carrier it is at. */
  readonly peers: readonly string[];
  readonly maxPeers: number;
  readonly access: AccessList;
  readonly intake: IntakeLimits;
} {
  return {
    peers: nats === undefined ? peers : [...peers, addressOfGroup(nats.group)],
    maxPeers: limits?.maxPeers ?? MAX_PEERS,
    access: new AccessList(auth?.credentials ?? []),
    intake: {
      operationsPerSecond: limits?.maxOperationsPerSecond ?? 1_000_000,
      bytesPerSecond: limits?.maxBytesPerSecond ?? 128 * 1024 * 1024,
    },
  };
}
