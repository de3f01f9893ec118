import type { Environment } from '../../environment.ts';
import { TablecastError } from '../../errors.ts';
import { compareEpochs } from '../../log/operations/epoch.ts';
import type { DialState } from '../peers/peer-state.ts';
import type { PeerTables } from '../peers/peer-tables.ts';
import type { Replica } from '../replica.ts';
import type { Acked } from '../session/acked.ts';
import type { WantedOperation } from '../wire/holding-wire.ts';

/** Most calls that wait at a time. */
const MAX_WAITS = 1024;
/** Peers that a message names at most; of the others it says how many. */
const NAMED_PEERS = 8;

/** A connected peer, as far as waiting for it goes. */
export interface HoldingPeer {
  readonly nodeId: string | undefined;
  readonly tables: Pick<PeerTables, 'shared'>;
  readonly sending: { readonly acked: Acked };
}

/** A configured peer, whether connected or not. */
type Dial = Pick<DialState, 'place' | 'reason'> & { readonly nodeId: string | undefined };

export interface FlushesParts {
  readonly environment: Environment;
  readonly replica: Replica;
  /** Lists the peers that have said hello. */
  peers(): readonly HoldingPeer[];
  readonly dials: readonly Dial[];
}

/** Says who is waited for: so many, or all that are known when the wait begins; how long, in milliseconds; for which tables. */
export interface Awaited {
  readonly peers: number | 'everyone';
  readonly timeoutMs: number;
  /** Undefined for all. */
  readonly tables: readonly string[] | undefined;
}

/** A peer that must be among those who hold everything. */
interface Expected {
  readonly name: string;
  /** Says why it is not connected. */
  reason(): string | undefined;
  nodeId(): string | undefined;
}

interface Wait {
  /** Says whether this node has committed it all itself. */
  isHere: boolean;
  cut: readonly WantedOperation[];
  readonly awaited: Awaited;
  /** Lists all who must hold it; undefined where a number is enough. */
  readonly expected: readonly Expected[] | undefined;
  readonly settle: (error?: unknown) => void;
}

/** Waits until peers hold, as durably as they keep the tables, what was written here (docs/decisions/0073). */
export class Flushes {
  readonly #parts: FlushesParts;
  readonly #waits = new Set<Wait>();

  constructor(parts: FlushesParts) {
    this.#parts = parts;
  }

  /**
   * Resolves when enough peers that are connected then hold everything this node has written so far, and `here`, which
   * says that it is durable on this node. Rejects with `PEERS_BEHIND` after the time that is given, with
   * `PEER_UNREACHABLE` when everyone is waited for and nobody known, and with what `here` rejects with.
   */
  waitBeside(here: Promise<void>, awaited: Awaited): Promise<void> {
    return new Promise((resolve, reject) => {
      const wait = this.#begin(awaited, (error) => (error === undefined ? resolve() : reject(error)));
      here.then(() => this.#here(wait), wait.settle);
    });
  }

  #here(wait: Wait): void {
    wait.isHere = true;
    this.#look(wait);
  }

  #begin(awaited: Awaited, settled: (error?: unknown) => void): Wait {
    const expected = awaited.peers === 'everyone' ? this.#everyone() : undefined;
    if (expected?.length === 0) throw nobody();
    if (this.#waits.size >= MAX_WAITS) throw tooMany();
    const settle = (error?: unknown): void => {
      this.#waits.delete(wait);
      timer.cancel();
      settled(error);
    };
    const wait: Wait = { cut: this.#written(awaited.tables), isHere: false, awaited, expected, settle };
    const timer = this.#parts.environment.schedule(awaited.timeoutMs, () => settle(this.#behind(wait)));
    this.#waits.add(wait);
    this.#look(wait);
    return wait;
  }

  /** Something became known of a peer, or a table was switched. */
  look(): void {
    for (const wait of this.#waits) this.#look(wait);
  }

  stop(): void {
    const error = new TablecastError('CLOSED', 'The node was closed while peers were waited for.', {
      hint: 'Open it again, and wait again: what it wrote is in its log.',
    });
    for (const wait of this.#waits) wait.settle(error);
  }

  /** The last operation of each table that this node has written in its present lives. */
  #written(names: Awaited['tables']): WantedOperation[] {
    const { replica } = this.#parts;
    const origins = [...new Set(replica.ownOrigins)];
    const tables = Array.from(replica.tables()).filter(({ name }) => names?.includes(name) ?? true);
    return tables.flatMap((table) =>
      origins
        .map((origin) => ({ table: table.name, origin, sequence: table.held(origin), epoch: table.epoch }))
        .filter(({ sequence }) => sequence > 0),
    );
  }

  #everyone(): Expected[] {
    const connected = this.#parts.peers().map(({ nodeId }) => nodeId as string);
    const away = this.#parts.dials.filter(
      ({ nodeId }) => nodeId === undefined || !connected.includes(nodeId),
    );
    return [
      ...connected.map((name) => ({ name, nodeId: () => name, reason: () => 'it was lost' })),
      ...away.map((dial) => ({ name: dial.place, nodeId: () => dial.nodeId, reason: () => dial.reason })),
    ];
  }

  #look(wait: Wait): void {
    wait.cut = wait.cut.map((want) => this.#standing(want));
    const holding = this.#parts.peers().filter((peer) => this.#holds(peer, wait.cut));
    const isEnough =
      wait.expected === undefined
        ? holding.length >= Number(wait.awaited.peers)
        : wait.expected.every((one) => holding.some(({ nodeId }) => nodeId === one.nodeId()));
    if (isEnough && wait.isHere) wait.settle();
  }

  /** Returns what must be held now: after a switch of mode, what was written again under it. */
  #standing(want: WantedOperation): WantedOperation {
    const table = this.#parts.replica.table(want.table);
    if (table === undefined || compareEpochs(want.epoch, table.epoch) === 0) return want;
    return { ...want, sequence: table.held(want.origin), epoch: table.epoch };
  }

  /** Returns whether a peer holds all of it, and asks for what it has not said. */
  #holds(
    {
      sending: {
        acked: { holding },
      },
      tables,
    }: HoldingPeer,
    cut: readonly WantedOperation[],
  ): boolean {
    const missing = cut.filter((want) => !holding.holds(want));
    holding.want(missing.filter(({ table }) => tables.shared.has(table)));
    return missing.length === 0;
  }

  #behind({ cut, awaited, expected, isHere }: Wait): TablecastError {
    const peers = this.#parts.peers();
    const lagging = peers.map((peer) => [peer.nodeId as string, lagOf(peer, cut)] as const);
    const away = (expected ?? this.#everyone())
      .filter((one) => !peers.some(({ nodeId }) => nodeId === one.nodeId()))
      .map((one) => [one.name, `not connected (${one.reason() ?? 'not reached yet'})`] as const);
    const behind = [...lagging.filter(([, lag]) => lag !== undefined), ...away];
    const held = lagging.length - (behind.length - away.length);
    const named = behind.slice(0, NAMED_PEERS).map(([name, lag]) => `${name}: ${lag}`);
    if (!isHere) named.unshift('this node itself has not committed it');
    if (behind.length > NAMED_PEERS) named.push(`and ${behind.length - NAMED_PEERS} more`);
    const wanted = expected?.length ?? awaited.peers;
    return new TablecastError(
      'PEERS_BEHIND',
      `Within ${awaited.timeoutMs} ms ${held} of ${wanted} peers held everything written so far. ${named.join('; ') || 'No other peer is known'}.`,
      {
        hint: 'Wait again, or give it longer with timeoutMs; tablecast status says what keeps a peer behind.',
        retryable: true,
        details: { held, wanted, timeoutMs: awaited.timeoutMs },
      },
    );
  }
}

function tooMany(): TablecastError {
  return new TablecastError('LIMIT_EXCEEDED', `${MAX_WAITS} calls of flush wait for peers already.`, {
    hint: 'Await earlier ones: one call waits for everything that was written before it.',
    details: { limit: MAX_WAITS },
    retryable: true,
  });
}

function nobody(): TablecastError {
  return new TablecastError(
    'PEER_UNREACHABLE',
    'Everyone was waited for, and no peer is configured or connected.',
    {
      hint: 'Configure peers, or wait for a number: flush({ peers: 1 }) waits until one connects.',
      retryable: true,
    },
  );
}

/** Says what a peer lacks; undefined where it lacks nothing. */
function lagOf(
  { tables, sending: { acked } }: HoldingPeer,
  cut: readonly WantedOperation[],
): string | undefined {
  const { holding } = acked;
  const missing = cut.filter((want) => !holding.holds(want));
  const [first] = missing;
  if (first === undefined) return undefined;
  const apart = missing.find(({ table }) => !tables.shared.has(table));
  if (apart !== undefined) return `does not share table ${apart.table}`;
  if (acked.durable === undefined && acked.operations > 0)
    return 'runs an earlier version, which says nothing of it';
  const said = missing.filter((want) => holding.held(want) !== undefined);
  const behind = said.reduce((sum, want) => sum + want.sequence - (holding.held(want) ?? 0), 0);
  const problem = acked.problem === undefined || acked.problem === '' ? '' : ` (${acked.problem})`;
  if (behind === 0) return `has not said what it holds of table ${first.table}${problem}`;
  return `${behind} operations behind in ${said.length === 1 ? `table ${said[0]?.table}` : `${said.length} tables`}${problem}`;
}
