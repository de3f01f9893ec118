import type { Connection } from '../transport/transport.ts';
import { webSocketTransport } from '../transport/websocket/websocket.ts';
import { Visitor } from './visitor.ts';

export { MOST_TOLD, type RowAnswer, type RowRequest } from '../replication/wire/request-wire.ts';
export { cellOf, cellText } from '../replication/wire/cell-text.ts';
export type { VisitedTable, Visitor } from './visitor.ts';

/** The options say who visits, with which credentials, and how long connecting may take. */
export interface VisitOptions {
  readonly node: string;
  readonly auth?:
    | {
        readonly token?: string | undefined;
        readonly ca?: string | undefined;
        readonly cert?: string | undefined;
        readonly key?: string | undefined;
      }
    | undefined;
  readonly signal: AbortSignal;
}

/** A visit that is under way, and what ends it. */
export interface OpenVisit {
  readonly visitor: Visitor;
  close(): Promise<void>;
}

/** Connects with a running node in order to ask it about rows. Rejects with `PEER_UNREACHABLE` or `PEER_REFUSED`. */
export async function openVisit(url: string, { node, auth, signal }: VisitOptions): Promise<OpenVisit> {
  const { ca, cert, key, token } = auth ?? {};
  const transport = webSocketTransport({ auth: { token }, dial: { tls: { ca, cert, key } } });
  const end = async (visitor?: Visitor): Promise<void> => {
    visitor?.close();
    await transport.close();
  };
  try {
    const connection: Connection = await transport.dial(url, signal);
    const visitor = new Visitor(connection);
    await visitor.greet(node);
    return { visitor, close: () => end(visitor) };
  } catch (error) {
    await end();
    throw error;
  }
}
