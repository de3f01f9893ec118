import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { freePort } from '../support/free-port.ts';
import { NatsServer } from './server.ts';

const SIZE = 3;

/** Three servers of one cluster, on loopback. */
export class ServerCluster {
  readonly servers: readonly NatsServer[];

  private constructor(servers: readonly NatsServer[]) {
    this.servers = servers;
  }

  /** Starts them; when JetStream has a leader is theirs. */
  static async start(): Promise<ServerCluster> {
    const ports = await Promise.all(Array.from({ length: SIZE }, freePort));
    const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(', ');
    const servers = ports.map((port, index) =>
      NatsServer.start(
        `server_name: s${index}\ncluster { name: c, listen: "127.0.0.1:${port}", routes: [${routes}] }`,
      ),
    );
    return new ServerCluster(await Promise.all(servers));
  }

  /** Returns which server leads a stream; undefined while nobody does, or nobody answers. */
  async leaderOf(stream: string): Promise<number | undefined> {
    for (const { pid, url } of this.servers) {
      if (pid === 0) continue;
      try {
        const connection = await connect({ servers: url, reconnect: false, timeout: 2000 });
        try {
          const manager = await jetstreamManager(connection, { timeout: 2000 });
          const { cluster } = await manager.streams.info(stream);
          if (cluster?.leader !== undefined) return Number(cluster.leader.slice(1));
        } finally {
          await connection.close();
        }
      } catch {
        // The next one may know.
      }
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
  }
}
