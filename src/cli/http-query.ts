import * as v from 'valibot';
import type { QueryCell, QueryResult } from '../index.ts';
import type { PeerFlags } from './command.ts';
import { askHttp, httpBase, refusedOverHttp } from './http-node.ts';

/** Time that the node gives a query when nothing is said. */
const DEFAULT_MS = 10_000;

const answer = v.object({
  columns: v.array(v.string()),
  rows: v.array(v.array(v.union([v.string(), v.number(), v.null()]))),
  position: v.number(),
});
/** A question in SQL, and what bounds it. */
export interface HttpQuery {
  readonly sql: string;
  readonly parameters: readonly QueryCell[];
  readonly maxRows: number | undefined;
  readonly maxMs: number | undefined;
}

/** Asks a node over HTTP. Throws what the node refuses with, and `PEER_UNREACHABLE`. */
export async function queryOverHttp(
  address: string,
  query: HttpQuery,
  flags: PeerFlags,
): Promise<QueryResult> {
  const base = httpBase(address);
  const body = { ...query, parameters: query.parameters.map(sendable) };
  // What the query itself may take comes on top of what the connection may.
  const timeout = flags.timeout + (query.maxMs ?? DEFAULT_MS);
  const { status, json } = await askHttp(base, { path: '/v1/query', body }, { ...flags, timeout });
  const found = v.safeParse(answer, json);
  if (!found.success || status !== 200) throw refusedOverHttp(base, { status, json });
  const { columns, rows, position } = found.output;
  return {
    columns,
    rows: rows.map((cells) => Object.fromEntries(columns.map((name, at) => [name, cells[at] ?? null]))),
    position,
  };
}

/** JSON has no integers beyond 2^53-1, and the words of a command are no bytes. */
function sendable(cell: QueryCell): unknown {
  return typeof cell === 'bigint' ? { integer: String(cell) } : cell;
}
