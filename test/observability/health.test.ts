import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { type Socket, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom } from 'rxjs';
import { openNode } from 'tablecast';
import { expect, onTestFinished, test } from 'vitest';
import { HealthListener } from '../../src/observability/health-listener.ts';
import { NodeHealth } from '../../src/observability/node-health.ts';
import type { ObservedNode } from '../../src/observability/observed-node.ts';
import { observedNode } from './observed.ts';

interface Readyz {
  readonly status: number;
  readonly body: { readonly ready: boolean; readonly reasons: readonly string[] };
}

async function answering(node: ObservedNode): Promise<string> {
  const health = new NodeHealth(node, { port: 0 });
  const address = await health.open();
  onTestFinished(() => health.close());
  return address;
}

async function readyz(address: string): Promise<Readyz> {
  const response = await fetch(`${address}/readyz`);
  return { status: response.status, body: (await response.json()) as Readyz['body'] };
}

test('a node lives from before recovery on, is ready once it is open, and no longer when it closes', async () => {
  const node = observedNode();
  const changing = { ...node, phase: 'recovering' as ObservedNode['phase'] };
  const address = await answering(changing);
  for (const [phase, status, reasons] of [
    ['recovering', 503, ['recovering']],
    ['open', 200, []],
    ['closing', 503, ['closing']],
  ] as const) {
    changing.phase = phase;
    expect(await readyz(address)).toMatchObject({ status, body: { ready: status === 200, reasons } });
    const live = await fetch(`${address}/livez`);
    expect([live.status, await live.json()]).toEqual([200, { alive: true, node: 'a', phase }]);
  }
});

test('a disk that refuses, fails or does not answer makes a node unready, with the reason', async () => {
  const full = Object.assign(new Error('full'), { code: 'BACKEND_FULL' });
  const refusing = observedNode({ probe: () => Promise.reject(full) });
  expect(await readyz(await answering(refusing))).toMatchObject({
    status: 503,
    body: { reasons: ['disk: BACKEND_FULL'] },
  });
  const node = observedNode();
  const failed = { ...node, disk: () => ({ ...node.disk(), failure: 'BACKEND_FAILED' }) as never };
  expect((await readyz(await answering(failed))).body.reasons).toEqual(['disk: BACKEND_FAILED']);
  const hanging = observedNode({ probe: () => new Promise(() => undefined) });
  const started = performance.now();
  const found = await readyz(await answering(hanging));
  expect(found.body.reasons).toEqual(['disk: no answer within 2000 ms']);
  expect(performance.now() - started).toBeLessThan(8000);
});

test('however often it is asked, the disk is bothered once in five seconds', async () => {
  let probes = 0;
  const address = await answering(
    observedNode({
      probe: () => {
        probes += 1;
        return Promise.resolve();
      },
    }),
  );
  await Promise.all(Array.from({ length: 30 }, () => readyz(address)));
  expect(probes).toBe(1);
});

test('a real node answers with what it has committed, and never with what is in a table', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-health-'));
  const node = await openNode({
    id: 'a',
    directory,
    auth: { token: 'token-of-the-cluster' },
    health: { port: 0 },
  });
  onTestFinished(() => rmSync(directory, { recursive: true }));
  node
    .table('hosts', { key: 'string', value: 'string', backend: 'sqlite' })
    .set('secret-key', 'secret-value');
  const address = node.healthAddress ?? '';
  expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(await readyz(address)).toMatchObject({ status: 200, body: { ready: true } });
  for (const path of ['/livez', '/readyz', '/metrics']) {
    const text = await (await fetch(address + path)).text();
    expect(text).not.toMatch(/secret-|token-of/);
  }
  await node.close();
  await expect(fetch(`${address}/livez`)).rejects.toThrow('fetch failed');
});

test('a port that is taken is told before the database is touched', async () => {
  const address = await answering(observedNode());
  const directory = join(mkdtempSync(join(tmpdir(), 'tablecast-health-')), 'data');
  const health = { port: Number(new URL(address).port) };
  await expect(openNode({ id: 'a', directory, health })).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
  expect(existsSync(directory)).toBe(false);
});

test('nothing is answered unless asked for, then on loopback, and elsewhere only with a warning', async () => {
  const silent = await openNode({ id: 'silent' });
  onTestFinished(() => silent.close());
  expect(silent.healthAddress).toBeUndefined();
  const answers = await openNode({ id: 'answers', health: { port: 0 } });
  onTestFinished(() => answers.close());
  expect(answers.healthAddress).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const open = await openNode({ id: 'open', health: { port: 0, host: '0.0.0.0' } });
  onTestFinished(() => open.close());
  const warned = await firstValueFrom(open.events);
  expect(warned).toMatchObject({
    code: 'transport-warning',
    message: expect.stringContaining('names of tables'),
  });
});

test('only GET of three paths is answered, and on loopback only to who asks for loopback', async () => {
  const address = await answering(observedNode());
  const { port } = new URL(address);
  const statusOf = (path: string, method: string, host?: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = host === undefined ? {} : { host };
      const asked = request({ port, host: '127.0.0.1', path, method, headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject).end();
    });
  expect(await statusOf('/livez', 'GET')).toBe(200);
  expect(await statusOf('/livez?x=1', 'HEAD', 'localhost:1')).toBe(200);
  expect(await statusOf('/livez', 'POST')).toBe(405);
  expect(await statusOf('/', 'GET')).toBe(404);
  expect(await statusOf('/__proto__', 'GET')).toBe(404);
  expect(await statusOf('/metrics', 'GET', 'rebound.example')).toBe(403);
});

test('sockets that send nothing, drip, or are too many are ended; the others are answered', async () => {
  const answers = new Map([['/livez', () => ({ status: 200, type: 'text/plain', text: 'yes' })]]);
  const listener = new HealthListener('127.0.0.1', answers, {
    maxConnections: 4,
    requestMs: 1500,
    idleMs: 300,
  });
  const address = await listener.open(0);
  onTestFinished(() => listener.close());
  const { port } = new URL(address);
  const open = async (): Promise<Socket> => {
    const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    return socket;
  };
  // A socket that is ended from the other side may report an error before it closes.
  const closed = (socket: Socket): Promise<void> =>
    new Promise((resolve) => socket.resume().once('close', () => resolve()));
  const started = performance.now();
  const silent = await Promise.all([open(), open(), open(), open()]);
  silent[0]?.write('GET /livez HT');
  const over = silent.map(closed);
  const fifth = await open();
  await closed(fifth);
  // The one that is too many ends at once, not with its time.
  expect(silent.filter((socket) => socket.closed)).toEqual([]);
  await Promise.all(over);
  expect(performance.now() - started).toBeLessThan(8000);
  const answered = await open();
  answered.write('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n');
  const [text] = (await once(answered.setEncoding('utf8'), 'data')) as [string];
  expect(text).toContain('200 OK');
  await once(answered, 'close');
});
