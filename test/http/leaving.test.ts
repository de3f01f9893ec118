import { execFileSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Asked } from '../../src/http/asked.ts';
import { httpLimits } from '../../src/http/limits.ts';
import { Sockets } from '../../src/transport/websocket/sockets.ts';
import { StreamSet } from '../../src/http/streams/stream-set.ts';
import { ask, followStream, newDirectory, openWithHttp } from './support.ts';

function askedBy(viewer: { isHeld: boolean }, response: { destroyed: boolean }): Asked {
  const sink = Object.assign(new EventEmitter(), response);
  return {
    viewer: { holder: 'one', isHeld: () => viewer.isHeld },
    request: {},
    response: sink,
  } as unknown as Asked;
}

test('a reader that left before its stream was ready takes up no place', () => {
  const streams = new StreamSet(httpLimits({ maxStreamsPerHolder: 1 }), new Sockets(8, 'all'));
  for (let n = 0; n < 3; n++)
    expect(streams.open(askedBy({ isHeld: true }, { destroyed: true })).over).toBe(true);
  expect(streams.size).toBe(0);
});

test('no stream opens for a credential that is gone since it was shown', () => {
  const streams = new StreamSet(httpLimits(), new Sockets(8, 'all'));
  const open = (): unknown => streams.open(askedBy({ isHeld: false }, { destroyed: false }));
  expect(open).toThrow(expect.objectContaining({ code: 'UNAUTHORIZED' }) as Error);
  expect(streams.size).toBe(0);
});

test('over TLS as well a socket with a stream does not give way to silent ones', async () => {
  const directory = newDirectory();
  const [keyFile, certFile] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const files = ['-keyout', keyFile, '-out', certFile, '-days', '2', '-subj', '/CN=localhost'];
  execFileSync('openssl', [...words, ...files], { stdio: 'ignore' });
  const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  const node = await openWithHttp({ http: { port: 0, tls, limits: { maxSockets: 3 } } });
  const table = node.table('hosts', { key: 'string', value: 'count' });
  const { port } = new URL(node.url);
  let text = '';
  const begun = new Promise<void>((resolve, reject) => {
    const stream = request({ port, host: '127.0.0.1', path: '/v1/log', rejectUnauthorized: false });
    onTestFinished(() => void stream.destroy());
    stream.once('error', reject).once('response', (response) => {
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
        resolve();
      });
    });
    stream.end();
  });
  await begun;
  for (let n = 0; n < 4; n++) {
    const silent = connect(Number(port), '127.0.0.1');
    onTestFinished(() => void silent.destroy());
    await new Promise((resolve) => silent.once('connect', resolve));
  }
  while (!text.includes('event: set')) {
    table.set('k', 1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(text).toContain('"key":"k"');
});

test('the log of all tables begins where it is whole when after=0 asks for what is kept', async () => {
  const node = await openWithHttp({ directory: newDirectory(), retention: { operations: 1000 } });
  node.table('brief', { key: 'string', value: 'count' }).set('k', 1);
  const kept = node.table('kept', { key: 'string', value: 'count', backend: 'sqlite' });
  const trimmedTo = async (): Promise<number> =>
    ((await ask(node.url, '/v1')).json['disk'] as { trimmedTo: number }).trimmedTo;
  for (let round = 0; (await trimmedTo()) === 0; round++) {
    for (let n = 0; n < 3000; n++) kept.set(`k${n % 50}`, round * 3000 + n);
    await node.flush();
  }
  const gone = await ask(node.url, '/v1/tables/kept/changes', { headers: { 'last-event-id': '1' } });
  expect(gone).toMatchObject({ status: 410, json: { code: 'LOG_TRIMMED' } });
  const stream = await followStream(node.url, '/v1/log?after=0');
  const [first] = await stream.take(1);
  expect(first?.data).toMatchObject({ table: 'kept' });
  const { json } = await ask(node.url, '/v1/tables/kept/rows/k1/history?limit=1');
  expect(json['complete']).toBe(false);
  expect((json['operations'] as object[])[0]).not.toHaveProperty('effect');
});
