import { behindOf } from '../../transport/behind.ts';
import type { Connection } from '../../transport/transport.ts';
import { ComparisonsBehind } from '../digests/behind.ts';
import { Comparisons } from '../digests/comparison.ts';
import type { PeerTables } from '../peers/peer-tables.ts';
import type { Difference } from '../replica.ts';
import type { ComparisonMessage } from '../wire/comparison-wire.ts';
import { failed } from './session-events.ts';
import type { SessionGround } from './session-parts.ts';

/** The parts are what comparing needs of its session. */
export interface ComparingParts {
  readonly node: Pick<SessionGround, 'environment' | 'replica' | 'slices' | 'report'> & {
    isPeer(this: void, nodeId: string): boolean;
    compared(this: void, nodeId: string, table: string, differences: readonly Difference[]): void;
    lostBehind(this: void, nodeId: string): void;
  };
  readonly connection: Connection;
  readonly tables: PeerTables;
  /** Id of the peer's node. */
  peer(): string | undefined;
  hold(this: void): () => void;
  send(this: void, message: ComparisonMessage): void;
  spend(this: void, units: number): void;
  kept(this: void, bytes: number): void;
  refuse(this: void, error: unknown): void;
}

/** Compares tables with a peer, or with the nodes behind it where it is none itself. */
export class Comparing {
  readonly direct: Comparisons;
  readonly behind: ComparisonsBehind | undefined;

  constructor({ node, connection, tables, ...session }: ComparingParts) {
    const { environment, replica, slices } = node;
    const behind = behindOf(connection);
    const common = { environment, replica, slices, tables, kept: session.kept };
    this.direct = new Comparisons({
      ...common,
      hold: session.hold,
      send: session.send,
      spend: session.spend,
      failed: session.refuse,
      compared: (table, differences) => {
        const peer = session.peer();
        if (peer !== undefined) node.compared(peer, table, differences);
      },
    });
    this.behind =
      behind &&
      new ComparisonsBehind({
        ...common,
        behind,
        isPeer: node.isPeer,
        failed: (nodeId, error) =>
          node.report(failed('frame-refused', error, { nodeId, connection, tables })),
        compared: node.compared,
        lost: node.lostBehind,
      });
  }

  start(): void {
    (this.behind ?? this.direct).start();
  }

  stop(): void {
    this.direct.stop();
    this.behind?.stop();
  }
}
