import { firstValueFrom } from 'rxjs';
import { expect, it } from 'vitest';
import { carried, declare } from './carried.ts';

it('the round trip to a carrier is as long as the carrier takes to answer', async () => {
  const { cluster } = carried(1);
  await cluster.start(0, declare);
  await cluster.run(6000);
  const [peer] = await firstValueFrom(cluster.node(0).peers);
  expect(peer).toMatchObject({ state: 'connected', roundTripMs: 1 });
  await cluster.close();
});
