import { once } from 'node:events';
import { type Server, createServer as createHttpServer } from 'node:http';
import { type AddressInfo, type Server as NetServer, connect, createServer } from 'node:net';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { type NodeEvent, type NodeOptions, type TableNode, openNode } from '../../src/index.ts';
import { newAuthority } from '../transport/websocket/certificates.ts';
import { PATIENCE_MS } from '../support/patience.ts';

interface Opened {
  readonly node: TableNode;
  readonly events: NodeEvent[];
}

const authority = newAuthority();
const nodes: TableNode[] = [];
const servers: (Server | NetServer)[] = [];

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()));
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => authority.remove());

async function open(options: NodeOptions): Promise<Opened> {
  const node = await openNode({ health: { port: 0 }, ...options });
  nodes.push(node);
  const events: NodeEvent[] = [];
  node.events.subscribe((event) => events.push(event));
  return { node, events };
}

async function portOf(server: Server | NetServer): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A port that nothing listens at. */
async function deadPort(): Promise<number> {
  const server = createServer();
  const port = await portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

async function readyz({ node }: Opened): Promise<{ status: number; reasons: string[] }> {
  const response = await fetch(`${node.healthAddress}/readyz`);
  const { reasons } = (await response.json()) as { reasons: string[] };
  return { status: response.status, reasons };
}

async function metric({ node }: Opened, name: string): Promise<string[]> {
  const text = await (await fetch(`${node.healthAddress}/metrics`)).text();
  return text.split('\n').filter((line) => line.startsWith(`${name}{`));
}

const found = (events: readonly NodeEvent[], code: string): NodeEvent[] =>
  events.filter((event) => event.code === code);

async function first({ events }: Opened, code: string): Promise<NodeEvent> {
  return vi.waitFor(() => {
    const [event] = found(events, code);
    if (event === undefined) throw new Error(`no ${code} among ${events.map((one) => one.code).join(', ')}`);
    return event;
  }, PATIENCE_MS);
}

describe('a configured peer', () => {
  it('that nothing listens at is told of once, with what to do, is counted, and leaves the node unready', async () => {
    const port = await deadPort();
    const sensor = await open({ id: 'sensor', peers: [`ws://127.0.0.1:${port}`] });
    const event = await first(sensor, 'peer-unreachable');
    expect(event).toMatchObject({ severity: 'warning', details: { code: 'PEER_UNREACHABLE' } });
    expect(event.message).toMatch(/nothing listens there/);
    expect(event.details?.['hint']).toMatch(/Start that node first/);
    const failed = `tablecast_peer_failed_dials_total{peer="ws://127.0.0.1:${port}"}`;
    await vi.waitFor(async () => {
      const [line = ''] = await metric(sensor, 'tablecast_peer_failed_dials_total');
      expect(line.startsWith(failed)).toBe(true);
      expect(Number(line.split(' ')[1])).toBeGreaterThan(2);
    }, PATIENCE_MS);
    expect(found(sensor.events, 'peer-unreachable')).toHaveLength(1);
    expect(await readyz(sensor)).toEqual({
      status: 503,
      reasons: [expect.stringMatching(/^peer ws:\/\/127.0.0.1:\d+: .*nothing listens there/)],
    });
  });

  it('of an unknown host is told of', async () => {
    const sensor = await open({ id: 'sensor', peers: ['ws://no-such-host.invalid:1'] });
    const event = await first(sensor, 'peer-unreachable');
    expect(event.message).toMatch(/host name .* Check the/);
  });

  it('that speaks another protocol is told of as such', async () => {
    const ssh = await portOf(createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n')));
    const web = await portOf(createHttpServer((_, response) => response.end('hello')));
    const sensor = await open({ id: 'sensor', peers: [`ws://127.0.0.1:${ssh}`, `ws://127.0.0.1:${web}`] });
    await vi.waitFor(() => expect(sensor.events).toHaveLength(2), PATIENCE_MS);
    const messages = sensor.events.map(({ message }) => message).join('\n');
    expect(messages).toMatch(/no HTTP is spoken there/);
    expect(messages).toMatch(/HTTP status 200/);
  });

  it('with which it was connected once, and is not now, leaves the node ready', async () => {
    const hub = await open({ id: 'hub', listen: { port: 0 } });
    const sensor = await open({ id: 'sensor', peers: [hub.node.address as string] });
    await first(sensor, 'peer-connected');
    expect(await readyz(sensor)).toEqual({ status: 200, reasons: [] });
    await hub.node.close();
    await first(sensor, 'peer-lost');
    await first(sensor, 'peer-unreachable');
    expect(await readyz(sensor)).toEqual({ status: 200, reasons: [] });
  });
});

describe('a wrong token', () => {
  it('is told on both sides, with what to do, counted, and leaves the one that shows it unready', async () => {
    const hub = await open({ id: 'hub', listen: { port: 0 }, auth: { token: 'right' } });
    const sensor = await open({
      id: 'sensor',
      peers: [hub.node.address as string],
      auth: { token: 'wrong-secret' },
    });
    const there = await first(sensor, 'peer-refused');
    expect(there).toMatchObject({ severity: 'error', details: { code: 'PEER_REFUSED' } });
    expect([there.message, there.details?.['hint']].join()).toMatch(/valid credential.*auth\.token/);
    const here = await first(hub, 'peer-refused');
    expect(here).toMatchObject({ severity: 'warning', peer: '127.0.0.1', details: { status: 401 } });
    expect(here.message).toMatch(/from 127\.0\.0\.1: a valid credential is required; it showed a token/);
    expect(here.details?.['hint']).toMatch(/auth\.credentials/);
    await vi.waitFor(async () => {
      const [line = ''] = await metric(hub, 'tablecast_refused_connections_total');
      expect(line).toMatch(/\{status="401"\} /);
      expect(Number(line.split(' ')[1])).toBeGreaterThan(2);
    }, PATIENCE_MS);
    expect(found(hub.events, 'peer-refused')).toHaveLength(1);
    expect(found(sensor.events, 'peer-refused')).toHaveLength(1);
    const { status, reasons } = await readyz(sensor);
    expect([status, reasons.join()]).toEqual([503, expect.stringContaining('valid credential')]);
    expect((await readyz(hub)).status).toBe(200);
    expect(JSON.stringify([...hub.events, ...sensor.events])).not.toContain('wrong-secret');
  });

  it('of strangers from many addresses is told of at most 64', async () => {
    const { Strangers } = await import('../../src/replication/reach/strangers.ts');
    const told = new Set<string | undefined>();
    const strangers = new Strangers(({ peer }) => told.add(peer));
    for (let host = 0; host < 1000; host++)
      strangers.refused({ address: `fd00::${host}`, status: 401, reason: 'no', hint: 'none' });
    expect(told.size).toBe(65);
    expect(strangers.counts).toEqual(new Map([['401', 1000]]));
  });
});

describe('TLS on one side only', () => {
  it('is told on both sides', async () => {
    const { ca } = authority;
    const listen = { port: 0, tls: authority.issue('hub') };
    const secure = await open({ id: 'secure', listen, auth: { token: 't' } });
    const plain = await open({ id: 'plain', listen: { port: 0 } });
    const swap = (address: string | undefined, to: string): string =>
      `${address}`.replace(/^wss?:/, `${to}:`).replace(/\/\/[^:]*/, '//127.0.0.1');
    const [a, b] = [swap(secure.node.address, 'ws'), swap(plain.node.address, 'wss')];
    const one = await open({ id: 'one', peers: [a], auth: { token: 't' } });
    const two = await open({ id: 'two', peers: [b], auth: { token: 't', ca } });
    expect((await first(one, 'peer-unreachable')).details?.['hint']).toMatch(/wss:\/\//);
    expect((await first(two, 'peer-unreachable')).details?.['hint']).toMatch(/ws:\/\//);
    expect((await first(secure, 'peer-refused')).message).toMatch(/speaks no TLS, and this port does/);
    expect((await first(plain, 'peer-refused')).message).toMatch(/speaks TLS, and this port does not/);
  });

  it('and anything else that is no request are told in a bounded number of words', async () => {
    const hub = await open({ id: 'hub', listen: { port: 0 } });
    const { port, hostname } = new URL(`${hub.node.address}`);
    for (let index = 0; index < 20; index++) {
      const socket = connect(Number(port), hostname);
      socket.end(`\u0000${index} who are you \u001b[31m\r\n\r\n`);
      socket.resume();
      await once(socket, 'close');
    }
    await vi.waitFor(async () => {
      expect(await metric(hub, 'tablecast_refused_connections_total')).toContain(
        'tablecast_refused_connections_total{status="400"} 20',
      );
    }, PATIENCE_MS);
    expect(found(hub.events, 'peer-refused')).toHaveLength(1);
  });
});
