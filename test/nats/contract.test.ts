import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe } from 'vitest';
import { natsCarrier } from '../../src/nats/nats-carrier.ts';
import { namesOfGroup } from '../../src/nats/names.ts';
import { carrierContract } from '../contracts/carrier.contract.ts';
import { NatsServer, missing } from './server.ts';

describe.skipIf(missing !== undefined)('a real server', () => {
  let server: NatsServer;
  let count = 0;
  beforeAll(async () => {
    server = await NatsServer.start();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  carrierContract('JetStream', {
    place: () => {
      const group = `g${++count}`;
      const { stream, rows } = namesOfGroup(group);
      const manage = async (
        act: (manager: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<unknown>,
      ): Promise<void> => {
        const connection = await connect({ servers: server.url });
        await act(await jetstreamManager(connection));
        await connection.close();
      };
      return {
        carrier: () => natsCarrier({ servers: server.url, group }),
        remake: () =>
          manage(async ({ streams }) => Promise.all([streams.delete(stream), streams.delete(rows)])),
        setAway: (isAway) => (isAway ? server.kill() : server.begin()),
        setRoom: (isRoom) =>
          manage(async ({ streams }) => streams.update(stream, { max_msgs: isRoom ? -1 : 1 })),
        remove: async () => undefined,
      };
    },
  });
});
