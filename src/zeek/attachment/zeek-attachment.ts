import type { Observable } from 'rxjs';
import type { Table } from '../../table/table.ts';
import type { ZeekLinkState } from '../protocol/index.ts';
import type { ZeekCheck } from './check.ts';

/** An attachment is the connection between a node and a Zeek cluster. */
export interface ZeekAttachment {
  /** Names the cluster, if it was named. */
  readonly cluster: string | undefined;
  /** Holds the attached tables, by their full names; more when Zeek tells of more that are selected. */
  readonly tables: ReadonlyMap<string, Table>;
  /** Says how the connection stands; replays its present value, completes when closed. */
  readonly state: Observable<ZeekLinkState>;
  /** Sends every row of every table to every Zeek node again, or of one table. */
  refill(table?: string): void;
  /**
   * Asks the Zeek process that runs the WebSocket server what a table holds, and compares: which keys
   * differ, exactly. Changes nothing. A difference is also reported as `zeek-diverged`, with up to 100 keys of
   * each kind. Needs the script package. Rejects with `OPTION_INVALID` for a table that is not attached,
   * `PEER_REFUSED` when Zeek does not tell, `LIMIT_EXCEEDED` for more rows than `limits.maxContentRows`,
   * `PEER_UNREACHABLE` without a connection or a whole answer, `CLOSED`.
   */
  check(table: string): Promise<ZeekCheck>;
  /** Sends what is durable, then leaves the cluster; the tables stay. Idempotent. */
  close(): Promise<void>;
}
