import type { Observable, Subscription } from 'rxjs';
import { EMPTY } from 'rxjs/internal/observable/empty';
import { Subject } from 'rxjs/internal/Subject';
import { filter } from 'rxjs/internal/operators/filter';
import { firstValueFrom } from 'rxjs/internal/firstValueFrom';
import { map } from 'rxjs/internal/operators/map';
import { merge } from 'rxjs/internal/observable/merge';
import { of } from 'rxjs/internal/observable/of';
import {
  type ErrorCode,
  type NodeEvent,
  type NodeOptions,
  type PeerState,
  type Table,
  type PlainDeclaration,
  type TableNode,
  TablecastError,
  openNode,
} from '../index.ts';
import { type PeerFlags, requirePeerUrl } from './command.ts';
import { commandId } from './command-id.ts';
import { readCredentials } from './credentials.ts';
import { exactly } from '../schema/exactly.ts';
import { usageError } from './failure.ts';
import { didYouMean } from './nearest-word.ts';
import { note, visible } from './output.ts';

/** A table of a running node, held by this process as well. */
export interface JoinedTable {
  readonly table: Table;
  readonly name: string;
  /** As the running node declares it. */
  readonly declaration: Readonly<PlainDeclaration>;
}

/**
 * This process as a node beside a running one: it keeps what it joins in memory, under an id of its own.
 */
export class JoinedNode {
  readonly node: TableNode;
  readonly peerId: string;
  readonly #flags: PeerFlags;
  readonly #refused = new Map<string, NodeEvent>();
  readonly #refusals = new Subject<NodeEvent>();
  readonly #watching: Subscription;
  #state: PeerState;
  #standing = 0;
  #toldEarlier = false;

  constructor(node: TableNode, state: PeerState, flags: PeerFlags) {
    this.node = node;
    this.peerId = state.nodeId ?? state.address;
    this.#state = state;
    this.#flags = flags;
    this.#watching = node.events.subscribe((event) => {
      const refuses = event.code === 'table-refused' || event.code === 'access-refused';
      if (!refuses || event.table === undefined) return;
      this.#refused.set(event.table, event);
      this.#refusals.next(event);
    });
    this.#watching.add(this.#peer.subscribe((peer) => this.#look(peer)));
  }

  get #peer(): Observable<PeerState | undefined> {
    return this.node.peers.pipe(map((peers) => named(peers, this.#flags.peer)));
  }

  /** The running node, as it is now. */
  get state(): PeerState {
    return this.#state;
  }

  #look(peer: PeerState | undefined): void {
    this.#state = peer ?? this.#state;
    this.#standing = Math.max(this.#standing, peer?.durableOperations ?? 0);
  }

  /**
   * Declares a table as the running node does, and waits until its rows are here. Throws
   * `OPTION_INVALID` when the node has no such table, `PEER_UNREACHABLE` when its rows do not come in time.
   */
  async join(name: string): Promise<JoinedTable> {
    const joined = this.declare(name);
    await this.synced([joined]);
    return joined;
  }

  /** Declares a table as the running node does, without waiting for its rows. */
  declare(name: string, backend: 'memory' | 'sqlite' = 'memory'): JoinedTable {
    const { tables, address } = this.state;
    const announced = tables.find((table) => table.name === name);
    if (announced === undefined) {
      throw noTable(this.peerId, address, { name, names: tables.map((table) => table.name) });
    }
    const declaration = announced.declaration as PlainDeclaration;
    // Nodes agree on types and mode; where the rows are kept is each node's own choice.
    const here = exactly({ ...declaration, mode: announced.mode, backend } as PlainDeclaration);
    const table = this.node.table(name, here) as unknown as Table;
    return { table, name, declaration };
  }

  /** Waits until the rows of tables are here. */
  async synced(tables: readonly JoinedTable[]): Promise<void> {
    for (const { table, name } of tables) {
      await this.#until(table.synced.pipe(filter((synced) => synced)), `the rows of ${name}`, name);
    }
  }

  /**
   * Waits until the running node holds the given number of operations written here into a table, as durably as it
   * keeps that table. Throws `BACKEND_FULL`, or what else keeps it from that, `PEER_REFUSED` when it does
   * not take them, `PEER_UNREACHABLE` when it goes away or says nothing in time.
   */
  async confirmed(operations: number, table: string): Promise<void> {
    const connected = this.#peer.pipe(filter((peer) => peer?.state === 'connected'));
    const verdict = connected.pipe(
      map((peer) => (peer === undefined ? undefined : verdictOn(peer, operations))),
      filter((found) => found !== undefined),
    );
    const found = await this.#until(
      verdict,
      'a confirmation of the write, which may or may not have reached it',
      table,
    );
    if (found === 'durable' || found === undefined) return;
    if (found !== 'received') throw notDurable(this.peerId, found);
    if (!this.#toldEarlier)
      note(
        visible(`${this.peerId} runs an earlier version: it confirms what it has, not what is on its disk`),
      );
    this.#toldEarlier = true;
  }

  /** Counts the operations written here that the running node is known to hold durably. */
  get standing(): number {
    return this.#standing;
  }

  async close(): Promise<void> {
    this.#watching.unsubscribe();
    await this.node.close();
  }

  /** Waits for something that the end of the connection, or the refusal of a table, makes impossible. */
  async #until<T>(ready: Observable<T>, what: string, table: string): Promise<T> {
    const already = this.#refused.get(table);
    const refused = merge(already === undefined ? EMPTY : of(already), this.#refusals).pipe(
      filter((event) => event.table === table),
      map((event) => ({ failure: refusal(event) })),
    );
    const lost = this.#peer.pipe(
      filter((peer) => peer !== undefined && peer.state !== 'connected'),
      map((peer) => ({ failure: this.#gone(peer?.reason ?? 'the connection ended', what) })),
    );
    const first = firstValueFrom(merge(refused, lost, ready.pipe(map((value) => ({ value })))));
    const problem = `Node ${this.peerId} did not send ${what}`;
    const found = await inTime(first, this.#flags.timeout, problem);
    if ('failure' in found) throw found.failure;
    return found.value;
  }

  #gone(reason: string, what: string): TablecastError {
    return new TablecastError('PEER_UNREACHABLE', `Lost node ${this.peerId} (${reason}) before ${what}.`, {
      hint: 'Look at the log of that node, and try again.',
      retryable: true,
    });
  }
}

/**
 * Judges what a node says of operations sent to it: that they are durable, why not, or, of an earlier
 * version, that it has them.
 */
function verdictOn(
  peer: PeerState,
  operations: number,
): 'durable' | 'received' | { problem: string } | undefined {
  const { durableOperations, durabilityProblem, sentOperations, lagOperations } = peer;
  if ((durableOperations ?? 0) >= operations) return 'durable';
  if (durabilityProblem !== undefined) return { problem: durabilityProblem };
  const acknowledged = sentOperations - lagOperations;
  return durableOperations === undefined && acknowledged > 0 && acknowledged >= operations
    ? 'received'
    : undefined;
}

/** Says that a node has no table of a name, and which it has. */
export function noTable(
  node: string,
  address: string,
  { name, names }: { readonly name: string; readonly names: readonly string[] },
): TablecastError {
  return usageError(
    `Node ${node} (${address}) has no table ${JSON.stringify(name)}.${didYouMean(name, names)}`,
    `Its tables are: ${names.join(', ') || 'none'}. Tables are declared by the node: see tablecast run --table.`,
  );
}

/** Says that a write is in the memory of a node only, and why. */
export function notDurable(
  peer: string,
  { problem, isWritten = true }: { readonly problem: string; readonly isWritten?: boolean },
): TablecastError {
  if (problem === 'PEER_REFUSED') {
    return new TablecastError('PEER_REFUSED', `Node ${peer} did not take the write.`, {
      hint: 'Its log says why; see also tablecast status.',
    });
  }
  const known = BACKEND_CODES.find((code) => code === problem) ?? 'BACKEND_FAILED';
  const full = known === 'BACKEND_FULL';
  return new TablecastError(
    known,
    `Node ${peer} cannot write to its disk${full ? ', which is full' : ''} (${visible(problem)}): ${isWritten ? 'the write is in its memory only' : 'nothing was written'}.`,
    {
      hint: full
        ? 'Make room on that disk: the node goes on by itself and keeps what it has, unless it ends before.'
        : 'Look at the log of that node, and at its disk; then restart it and write again.',
      retryable: full,
    },
  );
}

/** Names what can be wrong with the disk of a running node. */
const BACKEND_CODES: readonly ErrorCode[] = [
  'BACKEND_FULL',
  'BACKEND_IN_USE',
  'BACKEND_READ_ONLY',
  'BACKEND_FAILED',
];

function refusal({ code, message }: NodeEvent): TablecastError {
  if (code === 'access-refused') {
    return new TablecastError('PEER_REFUSED', message, {
      hint: 'The credential may not write this table there: see auth.credentials of that node.',
    });
  }
  return new TablecastError('DECLARATION_DIFFERS', message, {
    hint: 'Run the same version of tablecast on both sides.',
  });
}

/** Joins the node the flags name, and others beside it, does something and leaves, whatever happens. */
export async function withNode<T>(
  flags: PeerFlags,
  act: (joined: JoinedNode, others: readonly PeerState[]) => Promise<T>,
  {
    http,
    others = [],
    own,
  }: Pick<NodeOptions, 'http'> & {
    readonly others?: readonly string[];
    /** Is where it keeps tables of its own, and under which id; in memory otherwise. */
    readonly own?: Pick<NodeOptions, 'id' | 'directory'> | undefined;
  } = {},
): Promise<T> {
  const peers = [flags.peer, ...others];
  peers.forEach(requirePeerUrl);
  const node = await openNode({ id: commandId(), ...own, peers, auth: readCredentials(flags), http });
  return closedAfter(node, async () => {
    const [first, ...more] = await Promise.all(peers.map((url) => reach(node, flags, url)));
    const joined = new JoinedNode(node, first as PeerState, flags);
    return closedAfter(joined, () => act(joined, more));
  });
}

/** Does something and closes what it was done with; of two failures the first is told. */
export async function closedAfter<T>(opened: { close(): Promise<void> }, act: () => Promise<T>): Promise<T> {
  const [result] = await Promise.allSettled([act()]);
  const [closing] = await Promise.allSettled([opened.close()]);
  if (result.status === 'rejected') throw result.reason;
  if (closing.status === 'rejected') throw closing.reason;
  return result.value;
}

async function reach(node: TableNode, flags: PeerFlags, url: string): Promise<PeerState> {
  const settled = node.peers.pipe(
    map((peers) => named(peers, url)),
    filter((peer) => peer !== undefined),
    filter(({ state }) => state === 'connected' || (state !== 'connecting' && flags.wait !== true)),
  );
  const state = await inTime(firstValueFrom(settled), flags.timeout, `${url} did not answer`);
  if (state.state === 'connected') return state;
  const reason = state.reason ?? `${url} cannot be reached`;
  const code = state.state === 'refused' ? 'PEER_REFUSED' : 'PEER_UNREACHABLE';
  throw new TablecastError(code, reason, { hint: hintFor(code, reason) });
}

function named(peers: readonly PeerState[], url: string): PeerState | undefined {
  return peers.find(({ address }) => address === url);
}

/** Says what to try when a node cannot be reached, or refuses. */
export function hintFor(code: 'PEER_REFUSED' | 'PEER_UNREACHABLE', reason: string): string {
  if (/certificate|TLS/.test(reason))
    return 'Check --tls-ca, --tls-cert and --tls-key, and ws:// against wss://.';
  if (code === 'PEER_REFUSED') return 'Check --token or TABLECAST_TOKEN, and the log of that node.';
  return 'Start a node with `tablecast run`, name another with --peer or TABLECAST_PEER, or use --wait.';
}

/** Rejects with `PEER_UNREACHABLE` when a promise takes longer than so many milliseconds. */
export async function inTime<T>(promise: Promise<T>, timeoutMs: number, problem: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new TablecastError('PEER_UNREACHABLE', `${problem} within ${timeoutMs} ms.`, {
        hint: 'Give it longer with --timeout 1m, or look at the log of that node.',
        retryable: true,
      });
      reject(error);
    }, timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
