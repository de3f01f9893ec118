import * as jetstream from '@nats-io/jetstream';
import * as transport from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import { loadPackages } from '../../src/nats/packages.ts';

const there = { transport: async () => transport, jetstream: async () => jetstream };
const gone = async (): Promise<never> => Promise.reject(new Error('Cannot find package'));

it('packages that are there are given', async () => {
  expect(await loadPackages()).toEqual({ transport, jetstream });
});

it.each([
  [{ ...there, jetstream: gone }, '@nats-io/jetstream'],
  [{ ...there, transport: gone }, '@nats-io/transport-node'],
  [{ transport: gone, jetstream: gone }, '@nats-io/transport-node @nats-io/jetstream'],
])('what is not installed is named, and nothing else: %#', async (from, names) => {
  await expect(loadPackages(from)).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: `NATS needs ${names.replace(' ', ' and ')}, not installed beside tablecast.`,
    hint: `Run: npm install ${names}`,
  });
});
