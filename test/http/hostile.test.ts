import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { type NodeOptions, openNode } from 'tablecast';
import { MAX_BATCH, MAX_HEAD_BYTES, MAX_PAGE, MAX_SEARCH } from '../../src/http/limits.ts';
import { ask, begin, followStream, openWithHttp } from './support.ts';

const declaration = { key: 'string', value: 'count' } as const;
const ROW = '/v1/tables/hosts/rows/k';

const auth: NodeOptions['auth'] = {
  token: 'all',
  credentials: [
    { name: 'reader', token: 'reads', nodes: [], read: ['hosts'], write: [] },
    { name: 'writer', token: 'writes', nodes: [], read: ['hosts'], write: ['hosts'] },
  ],
};

const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` });

/** What comes back for bytes as they are. */
function raw(url: string, bytes: string, ends = true): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => (ends ? socket.end(bytes) : socket.write(bytes)));
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}

test('beyond loopback nothing is answered without authentication, and nothing is opened', async () => {
  await expect(openNode({ id: 'm', http: { port: 0, host: '0.0.0.0' } })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
  });
});

test('a name of another host, a page of another site and a request across sites are refused', async () => {
  const node = await openWithHttp({ http: { port: 0, origins: ['https://good.example'] } });
  const table = node.table('hosts', declaration).set('k', 1);
  for (const headers of [
    { host: 'evil.example' },
    { host: `127.0.0.1.evil.example` },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
  ]) {
    const put = await ask(node.url, ROW, { method: 'PUT', body: { value: 9 }, headers });
    expect([headers, put.status, put.json['code']]).toEqual([headers, 403, 'FORBIDDEN']);
    expect(put.headers['access-control-allow-origin']).toBeUndefined();
  }
  expect(table.get('k')).toBe(1);
  const { host } = new URL(node.url);
  for (const origin of [`http://${host}`, 'https://good.example'])
    expect((await ask(node.url, ROW, { headers: { host, origin } })).status).toBe(200);
  const preflight = await ask(node.url, ROW, {
    method: 'OPTIONS',
    headers: { origin: 'https://evil.example' },
  });
  expect(preflight.headers['access-control-allow-methods']).toBeUndefined();
  const allowed = await ask(node.url, ROW, {
    method: 'OPTIONS',
    headers: { origin: 'https://good.example' },
  });
  expect(allowed).toMatchObject({
    status: 204,
    headers: { 'access-control-allow-origin': 'https://good.example' },
  });
});

test('a form of a page cannot write: a body of another type is refused', async () => {
  const node = await openWithHttp();
  node.table('hosts', declaration);
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const answer = await ask(node.url, ROW, {
      method: 'PUT',
      body: '{"value":1}',
      headers: { 'content-type': type },
    });
    expect(answer).toMatchObject({ status: 415, json: { code: 'BODY_TYPE' } });
  }
});

test('a credential decides: 401 without one, 403 for what it may not write, and the same 404 for a table that is secret as for none', async () => {
  const node = await openWithHttp({ auth });
  node.table('hosts', declaration).set('k', 1);
  node.table('secret', declaration).set('k', 1);
  for (const headers of [{}, bearer('wrong'), { authorization: 'Basic YTph' }]) {
    const answer = await ask(node.url, ROW, { headers });
    expect(answer).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } });
  }
  expect((await ask(node.url, ROW, { headers: bearer('reads') })).status).toBe(200);
  const put = { method: 'PUT', body: { value: 2 } };
  expect((await ask(node.url, ROW, { ...put, headers: bearer('reads') })).status).toBe(403);
  expect((await ask(node.url, ROW, { ...put, headers: bearer('writes') })).status).toBe(200);
  for (const path of [
    '',
    '/rows',
    '/rows/k',
    '/row?key=k',
    '/changes',
    '/conflicts',
    '/rows/k/history',
    '/at',
    '/diff',
    '/divergence',
    '/mode?to=lww',
    '/repair?from=m',
    '/undo?origin=m&position=0',
  ]) {
    const [hidden, none] = await Promise.all(
      ['secret', 'absent'].map((name) =>
        ask(node.url, `/v1/tables/${name}${path}`, { headers: bearer('writes') }),
      ),
    );
    expect([path, hidden?.status, hidden?.text.replaceAll('secret', 'absent')]).toEqual([
      path,
      404,
      none?.text,
    ]);
  }
  const batch = (table: string) =>
    ask(node.url, '/v1/batch', {
      method: 'POST',
      headers: bearer('writes'),
      body: { operations: [{ table, kind: 'clear' }] },
    });
  expect((await batch('secret')).text.replaceAll('secret', 'absent')).toBe((await batch('absent')).text);
  for (const path of ['/v1', '/v1/tables', '/v1/cluster', '/v1/metrics', '/v1/rates'])
    expect((await ask(node.url, path, { headers: bearer('writes') })).text).not.toContain('secret');
});

test('paths are what was sent: keys with slashes, dots and names of JavaScript are keys, and nothing else', async () => {
  const node = await openWithHttp();
  const table = node.table('hosts', declaration);
  node.table('other', declaration).set('x', 1);
  const keys = ['..', '.', '../other', '/', '%2F', '__proto__', 'constructor', 'a?b#c', 'row/history', ' '];
  for (const [index, key] of keys.entries()) {
    const path = `/v1/tables/hosts/row?key=${encodeURIComponent(key)}`;
    expect((await ask(node.url, path, { method: 'PUT', body: { value: index } })).status).toBe(200);
    expect((await ask(node.url, `/v1/tables/hosts/rows/${encodeURIComponent(key)}`)).json).toMatchObject({
      key,
      value: index,
    });
  }
  expect([...table.keys()]).toEqual(keys);
  expect((await ask(node.url, '/v1/tables/hosts/rows/../../other/rows/x')).status).toBe(404);
  for (const bad of ['%FF', '%', '%zz', '%C0%AF'])
    expect([bad, (await ask(node.url, `/v1/tables/hosts/rows/${bad}`)).status]).toEqual([bad, 400]);
  for (const name of ['__proto__', 'constructor', '%2e%2e', 'hosts%2Frows'])
    expect([name, (await ask(node.url, `/v1/tables/${name}`)).status]).toEqual([name, 404]);
});

test('a path is one, however it is written: the router and the routes read it alike', async () => {
  const node = await openWithHttp();
  const table = node.table('hosts', declaration).set('', 0).set('k', 1);
  const removed = await ask(node.url, '/v1/tables/hosts/ro%77?key=k', { method: 'DELETE' });
  expect(removed.json).toMatchObject({ key: 'k', removed: true });
  expect([...table.keys()]).toEqual(['']);
  expect((await ask(node.url, `${node.url}/v1/tables/hosts`)).json).toMatchObject({ name: 'hosts' });
});

test('a number that no double holds is refused', async () => {
  const node = await openWithHttp();
  const table = node.table('d', { key: 'string', value: 'double' });
  const put = (body: string) => ask(node.url, '/v1/tables/d/rows/k', { method: 'PUT', body });
  expect(await put('{"value":1e400}')).toMatchObject({ status: 400, json: { code: 'REQUEST_INVALID' } });
  expect(table.size).toBe(0);
  expect((await put('{"value":1e308}')).status).toBe(200);
});

test('other methods are 405 with those that are answered, other paths 404, and what is no request 400', async () => {
  const node = await openWithHttp();
  node.table('hosts', declaration);
  for (const method of ['PATCH', 'POST', 'TRACE']) {
    const answer = await ask(node.url, ROW, { method });
    expect([method, answer.status]).toEqual([method, 405]);
    expect(answer.headers['allow']).toBe('GET, HEAD, PUT, DELETE');
  }
  expect((await ask(node.url, '/v2/tables')).json).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  expect(await raw(node.url, 'NONSENSE\r\n\r\n')).toContain('400 Refused');
  expect(await raw(node.url, '\u0016\u0003\u0001')).toContain('"code":"REQUEST_INVALID"');
});

test('a body of maxBodyBytes is taken, one byte more is 413, also when its length is not said', async () => {
  const node = await openWithHttp({ http: { port: 0, limits: { maxBodyBytes: 64 } } });
  node.table('hosts', declaration);
  const body = (length: number): string => `{"value":1${' '.repeat(length - 11)}}`;
  const put = (length: number, headers = {}) =>
    ask(node.url, ROW, { method: 'PUT', body: body(length), headers });
  expect((await put(64)).status).toBe(200);
  expect(await put(65)).toMatchObject({ status: 413, json: { code: 'BODY_TOO_LONG' } });
  expect((await put(65, { 'transfer-encoding': 'chunked' })).status).toBe(413);
});

test('a page, a batch, a search and a head are bounded: one more than the limit is refused', async () => {
  const node = await openWithHttp();
  node.table('hosts', declaration);
  const rows = '/v1/tables/hosts/rows';
  expect((await ask(node.url, `${rows}?limit=${MAX_PAGE}`)).status).toBe(200);
  expect((await ask(node.url, `${rows}?limit=${MAX_PAGE + 1}`)).status).toBe(400);
  expect((await ask(node.url, `${rows}?search=${'x'.repeat(MAX_SEARCH)}`)).status).toBe(200);
  expect((await ask(node.url, `${rows}?search=${'x'.repeat(MAX_SEARCH + 1)}`)).status).toBe(400);
  const batch = (count: number) => {
    const operations = Array.from({ length: count }, () => ({
      table: 'hosts',
      kind: 'set',
      key: 'k',
      value: 1,
    }));
    return ask(node.url, '/v1/batch', { method: 'POST', body: { operations } });
  };
  expect((await batch(MAX_BATCH)).status).toBe(200);
  expect((await batch(MAX_BATCH + 1)).status).toBe(400);
  const head = (length: number): string =>
    `GET /v1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: ${'x'.repeat(length)}\r\n\r\n`;
  expect(await raw(node.url, head(MAX_HEAD_BYTES / 2), false)).toContain(' 200 ');
  expect(await raw(node.url, head(MAX_HEAD_BYTES + 1), false)).toContain('400 Refused');
});

test('streams are bounded: one more than maxStreamsPerHolder, or maxStreams, is 429, and one that ends makes room', async () => {
  const limits = { maxStreams: 3, maxStreamsPerHolder: 2 };
  const node = await openWithHttp({ auth, http: { port: 0, limits } });
  node.table('hosts', declaration);
  const open = (token: string) => followStream(node.url, '/v1/log', bearer(token));
  const streams = [await open('reads'), await open('reads')];
  expect(await ask(node.url, '/v1/log', { headers: bearer('reads') })).toMatchObject({
    status: 429,
    json: { code: 'TOO_MANY', retryable: true },
  });
  streams.push(await open('writes'));
  expect((await ask(node.url, '/v1/log', { headers: bearer('all') })).status).toBe(429);
  streams[0]?.close();
  for (let status = 429; status === 429;) {
    const response = await begin(node.url, '/v1/log', { headers: bearer('all') });
    status = response.statusCode ?? 0;
    if (status !== 200) response.resume();
  }
});

test('of too many sockets one of the address that has most gives way, the oldest without a stream', async () => {
  const node = await openWithHttp({ http: { port: 0, limits: { maxSockets: 3 } } });
  node.table('hosts', declaration);
  const stream = await followStream(node.url, '/v1/log');
  const silent = [raw(node.url, 'GET', false), raw(node.url, 'GET', false)];
  for (let n = 0; n < 4; n++) expect((await ask(node.url, '/v1')).status).toBe(200);
  await Promise.all(silent);
  node.tables.get('hosts')?.clear();
  expect((await stream.take(1))[0]?.name).toBe('clear');
});

test('a request that drips is ended in time', async () => {
  const node = await openWithHttp();
  const answer = await raw(node.url, 'GET /v1 HTTP/1.1\r\nHost: localhost\r\nX-Slow: ', false);
  expect(answer).toContain('did not come in time');
});
