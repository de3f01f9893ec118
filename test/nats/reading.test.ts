import { connect } from '@nats-io/transport-node';
import { describe, expect, it } from 'vitest';
import type { CarrierLink } from '../../src/carrier/carrier.ts';
import { natsCarrier } from '../../src/nats/nats-carrier.ts';
import { NatsServer, missing } from './server.ts';

/** The server's number for: a request for messages is over, as one without room for the next of them. */
const REQUEST_OVER = 409;

async function append(link: CarrierLink, count: number, bytes: Uint8Array): Promise<void> {
  for (let index = 0; index < count; index++) {
    const subject = [`${bytes.length}`, `${index}`];
    await link.append({ subject, headers: {}, bytes, after: 0, id: subject.join('.') });
  }
}

describe.skipIf(missing !== undefined)('what a real JetStream is read with', () => {
  it('has room for a long message behind many short ones', async () => {
    await using server = await NatsServer.start();
    const carrier = natsCarrier({ servers: server.url, group: 'g' });
    const link = await carrier.open(new AbortController().signal);
    await append(link, 200, new Uint8Array(10));
    await append(link, 2, new Uint8Array(link.maxMessageBytes));
    // The client makes a request that is over again after missed heartbeats only, half a minute later.
    const listener = await connect({ servers: server.url });
    const reading = new AbortController();
    const over: string[] = [];
    listener.subscribe('_INBOX.>', {
      callback: (_, { headers }) => {
        if (headers?.code !== REQUEST_OVER) return;
        over.push(headers.description);
        reading.abort();
      },
    });
    await listener.flush();
    let last = 0;
    for await (const { place } of link.read(1, reading.signal)) {
      last = place;
      if (place === 202) break;
    }
    expect([over, last]).toEqual([[], 202]);
    await listener.close();
    await carrier.close();
  });
});
