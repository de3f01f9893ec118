import { expect, it } from 'vitest';
import type { NodeEvent } from '../../src/index.ts';
import { clustersOfATest } from '../support/clusters-of-a-test.ts';

const clusterOf = clustersOfATest();
const names = { key: 'string' } as const;

const alone = (events: readonly NodeEvent[]): string[] =>
  events.filter(({ code }) => code === 'table-alone').map(({ message }) => message);

it('a table that nobody else declares is told of once, with the name that was probably meant', async () => {
  const cluster = await clusterOf({ size: 3, topology: 'star' });
  cluster.declare('known_hosts', names);
  cluster.node(1).table('knwon_ports', names);
  cluster.node(2).table('known_ports', names);
  cluster.node(0).table('known_ports', names);
  await cluster.run(9000);
  expect(cluster.members.flatMap(({ events }) => alone(events))).toEqual([]);
  await cluster.run(5000);
  expect(alone(cluster.member(1).events)).toEqual([
    "Table knwon_ports: no connected peer declares it, so it is replicated with nobody. Did you mean 'known_ports'?",
  ]);
  cluster.reset(0, 1);
  await cluster.run(60_000);
  expect(alone(cluster.member(1).events)).toHaveLength(1);
  expect([0, 2].flatMap((index) => alone(cluster.member(index).events))).toEqual([]);
});

it('a table is not alone while no peer is connected, nor when one declares it later', async () => {
  const cluster = await clusterOf({ size: 2, topology: 'pair' });
  cluster.setCut(0, 1, true);
  const [here, there] = [cluster.node(0), cluster.node(1)];
  here.table('late', names);
  await cluster.run(60_000);
  cluster.setCut(0, 1, false);
  await cluster.run(15_000);
  there.table('late', names);
  there.table('own', names);
  here.table('own', names);
  await cluster.run(60_000);
  const told = cluster.members.flatMap(({ events }) => alone(events));
  expect(told.filter((message) => message.includes('own'))).toEqual([]);
});
