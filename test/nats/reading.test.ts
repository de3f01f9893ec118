import { describe, expect, it } from 'vitest';
import type { CarrierLink } from '../../src/carrier/carrier.ts';
import { natsCarrier } from '../../src/nats/nats-carrier.ts';
import { NatsServer, missing } from './server.ts';

async function append(link: CarrierLink, count: number, bytes: Uint8Array): Promise<void> {
  for (let index = 0; index < count; index++) {
    const subject = [`${bytes.length}`, `${index}`];
    await link.append({ subject, headers: {}, bytes, after: 0, id: subject.join('.') });
  }
}

describe.skipIf(missing !== undefined)('what a real JetStream is read with', () => {
  // A request without room for it ends, and is made again after missed heartbeats only: half a minute.
  it('has room for a long message behind many short ones', { timeout: 15_000 }, async () => {
    await using server = await NatsServer.start();
    const carrier = natsCarrier({ servers: server.url, group: 'g' });
    const link = await carrier.open(new AbortController().signal);
    await append(link, 200, new Uint8Array(10));
    await append(link, 2, new Uint8Array(link.maxMessageBytes));
    let count = 0;
    for await (const { place } of link.read(1, new AbortController().signal)) {
      count++;
      if (place === 202) break;
    }
    expect(count).toBe(202);
    await carrier.close();
  });
});
