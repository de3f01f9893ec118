import { TablecastError } from '../errors.ts';
import type { FrameConnection } from './frame-connection.ts';

/** Says why a connection is ended that other credentials do not let in as they did. */
const revokedReason = 'its credential is gone, or gives other rights now';

const abortedReason = 'the dial was aborted';

/** The connections and dials a transport has under way, so that closing it ends them all. */
export class ConnectionSet {
  readonly #connections = new Set<FrameConnection>();
  readonly #dials = new Set<AbortController>();
  #closed = false;

  get size(): number {
    return this.#connections.size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Keeps a connection until its socket is gone. */
  add(connection: FrameConnection): void {
    this.#connections.add(connection);
    void connection.over.then(() => this.#connections.delete(connection));
    if (this.#closed) connection.close('transport closed');
    // Other credentials may have taken the place of those it was let in by just now.
    else if (!connection.isHeld) connection.close(revokedReason);
  }

  /** Returns those whose credential is gone, or gives other rights now. */
  revoked(): FrameConnection[] {
    return [...this.#connections].filter(({ isHeld }) => !isHeld);
  }

  /**
   * Runs one dial with a signal that fires when the caller's does or the transport closes. Rejects with
   * `PEER_UNREACHABLE` once it has fired, also where the attempt does not listen for it.
   */
  async dial(
    signal: AbortSignal,
    attempt: (signal: AbortSignal) => Promise<FrameConnection>,
  ): Promise<FrameConnection> {
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    if (signal.aborted || this.#closed) abort();
    signal.addEventListener('abort', abort);
    this.#dials.add(controller);
    try {
      const connection = await attempt(controller.signal);
      this.add(connection);
      if (controller.signal.aborted) {
        connection.cut(abortedReason);
        throw new TablecastError(
          'PEER_UNREACHABLE',
          `no connection to ${connection.remote}: ${abortedReason}`,
          {
            hint: 'Dial again.',
            retryable: true,
          },
        );
      }
      return connection;
    } finally {
      signal.removeEventListener('abort', abort);
      this.#dials.delete(controller);
    }
  }

  /** Ends everything; resolves when every socket is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const controller of this.#dials) controller.abort();
    const connections = [...this.#connections];
    for (const connection of connections) connection.close('transport closed');
    await Promise.all(connections.map((connection) => connection.over));
  }
}
