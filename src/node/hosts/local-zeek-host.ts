import type { Observable, Subscription } from 'rxjs';
import type { Environment } from '../../environment.ts';
import type { NodeEvent } from '../../events.ts';
import type { Log } from '../../reading/log-view.ts';
import type { BackendName } from '../../schema/schema.ts';
import type { OperationRange } from '../../log/reading/operation-stream.ts';
import type { OperationLog } from '../../log/keeping/operation-log.ts';
import { type Origins, originText } from '../../log/operations/origin.ts';
import type { Operation } from '../../log/operations/operation.ts';
import type { Dispatcher } from '../../projection/telling/dispatcher.ts';
import type { LocalAuthor } from '../../projection/writing/local-author.ts';
import type { Projection } from '../../projection/projection.ts';
import type { PeerState } from '../../replication/peers/peer-state.ts';
import type { TableDeclaration } from '../../schema/index.ts';
import type { Table } from '../../table/table.ts';
import type { ZeekHost } from '../../zeek/host.ts';

const FACT = 'zeek:';

/** The parts are what a host is made of. */
export interface ZeekHostParts {
  readonly id: string;
  readonly environment: Environment;
  readonly log: OperationLog;
  readonly view: Log;
  readonly origins: Origins;
  readonly dispatcher: Dispatcher;
  readonly projections: ReadonlyMap<string, Projection>;
  readonly peers: Observable<readonly PeerState[]>;
  /** The facts that the durable store held when it was opened; filled while the node opens. */
  readonly facts: ReadonlyMap<string, Uint8Array>;
  declare(name: string, declaration: TableDeclaration): Table;
  life(store: BackendName): string;
  report(event: NodeEvent): void;
}

/** A node as its attachments to Zeek clusters see it. */
export class LocalZeekHost implements ZeekHost {
  readonly #parts: ZeekHostParts;
  readonly #kept = new Map<string, unknown>();
  readonly #declared = new Set<string>();
  readonly #watching: Subscription;
  #peers: readonly PeerState[] = [];

  constructor(parts: ZeekHostParts) {
    this.#parts = parts;
    this.#watching = parts.peers.subscribe((peers) => (this.#peers = peers));
  }

  get id(): string {
    return this.#parts.id;
  }

  get environment(): Environment {
    return this.#parts.environment;
  }

  get defaultBackend(): BackendName {
    return this.#parts.log.stores.has('sqlite') ? 'sqlite' : 'memory';
  }

  get position(): number {
    return this.#parts.log.position;
  }

  hasOther(name: string): boolean {
    return this.#parts.projections.has(name) && !this.#declared.has(name);
  }

  declare(name: string, declaration: TableDeclaration): { table: Table; projection: Projection } {
    const table = this.#parts.declare(name, declaration);
    this.#declared.add(name);
    return { table, projection: this.#parts.projections.get(name) as Projection };
  }

  life(store: BackendName): string {
    return this.#parts.life(store);
  }

  author(projection: Projection, proxy: string): LocalAuthor {
    const { log, origins } = this.#parts;
    const { epoch } = origins.at(projection.authors.own);
    return projection.authors.of(originText(proxy, epoch), () => {
      log.seal();
      return log.position + 1;
    });
  }

  together(act: () => void): void {
    const { dispatcher } = this.#parts;
    dispatcher.hold();
    try {
      act();
    } finally {
      dispatcher.release();
    }
  }

  told(store: BackendName): number {
    return this.#parts.log.stores.get(store)?.told ?? 0;
  }

  flush(store: BackendName): Promise<void> {
    return this.#parts.log.flush([store]);
  }

  operations(range: OperationRange): Observable<Operation> {
    return this.#parts.view.operations(range);
  }

  knows(nodeId: string): boolean {
    return this.#parts.origins.knowsNode(nodeId) || this.#peers.some((peer) => peer.nodeId === nodeId);
  }

  report(event: NodeEvent): void {
    this.#parts.report(event);
  }

  recall(name: string): unknown {
    const bytes = this.#parts.facts.get(FACT + name);
    return this.#kept.get(name) ?? (bytes === undefined ? undefined : parse(bytes));
  }

  remember(name: string, value: unknown): void {
    this.#kept.set(name, value);
    const facts = new Map([[FACT + name, new TextEncoder().encode(JSON.stringify(value))]]);
    // Without it the next start sends a little more than needed.
    this.#parts.log.stores
      .get('sqlite')
      ?.backend.commit({ segments: [], facts })
      .catch(() => undefined);
  }

  close(): void {
    this.#watching.unsubscribe();
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
