import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { freePort } from '../support/free-port.ts';
import { NatsServer } from './server.ts';
import { SmallDisk } from './small-disk.ts';

const SIZE = 3;

/** Three servers of one cluster, on loopback. */
export class ServerCluster {
  readonly servers: readonly NatsServer[];
  /** The disk of each, where they were to have some and could. */
  readonly disks: readonly (SmallDisk | undefined)[];

  private constructor(servers: readonly NatsServer[], disks: readonly (SmallDisk | undefined)[]) {
    this.servers = servers;
    this.disks = disks;
  }

  /** Starts them, on disks of their own of so many bytes; when JetStream has a leader is theirs. */
  static async start(diskBytes?: number): Promise<ServerCluster> {
    const ports = await Promise.all(Array.from({ length: SIZE }, freePort));
    const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(', ');
    const servers = await Promise.all(
      ports.map((port, index) =>
        NatsServer.prepared(
          `server_name: s${index}\ncluster { name: c, listen: "127.0.0.1:${port}", routes: [${routes}] }`,
        ),
      ),
    );
    const disks =
      diskBytes === undefined
        ? []
        : await Promise.all(servers.map(({ store }) => SmallDisk.at(store, diskBytes)));
    await Promise.all(servers.map((server) => server.begin()));
    return new ServerCluster(servers, disks);
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
    await Promise.all(this.servers.map((server) => server.kill()));
    for (const disk of this.disks) disk?.end();
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
  }
}
