import { EventEmitter } from 'node:events';
import { request } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MAX_BUDGETS, MIN_WAITING_BYTES, httpLimits } from '../../src/http/limits.ts';
import { RequestBudget } from '../../src/http/request-budget.ts';
import { ask, openWithHttp } from './support.ts';

const TOO_MANY = expect.objectContaining({ code: 'TOO_MANY' }) as Error;
const credentials = ['one', 'other'].map((name) => ({ name, token: name, nodes: [] }));

describe('What one holder writes', () => {
  test('is bounded by the second: one operation more than maxWritesPerSecond waits until there is room', () => {
    let now = 0;
    const budget = new RequestBudget(httpLimits({ maxWritesPerSecond: 10 }), () => now);
    const one = { holder: 'one' };
    for (let n = 0; n < 10; n++) budget.write(one, 1);
    expect(() => budget.write(one, 1)).toThrow(TOO_MANY);
    budget.write({ holder: 'other' }, 10);
    now += 99;
    expect(() => budget.write(one, 1)).toThrow(TOO_MANY);
    now += 1;
    budget.write(one, 1);
    expect(() => budget.write(one, 1)).toThrow(TOO_MANY);
    now += 10_000;
    budget.write(one, 10);
    expect(() => budget.write(one, 1)).toThrow(TOO_MANY);
  });

  test('may be one batch of more than a second takes, which is waited for afterwards', () => {
    let now = 0;
    const budget = new RequestBudget(httpLimits({ maxWritesPerSecond: 10 }), () => now);
    budget.write({ holder: undefined }, 100);
    now += 9000;
    expect(() => budget.write({ holder: undefined }, 1)).toThrow(
      expect.objectContaining({
        facts: expect.objectContaining({ headers: { 'retry-after': '1' } }),
      }) as Error,
    );
    now += 100;
    budget.write({ holder: undefined }, 1);
  });

  test('is remembered of so many holders: one more than MAX_BUDGETS forgets the one of longest ago', () => {
    const budget = new RequestBudget(httpLimits({ maxWritesPerSecond: 1 }), () => 0);
    for (let n = 0; n < MAX_BUDGETS; n++) budget.write({ holder: `h${n}` }, 1);
    expect(() => budget.write({ holder: 'h0' }, 1)).toThrow(TOO_MANY);
    budget.write({ holder: 'one more' }, 1);
    expect(budget.size).toBe(MAX_BUDGETS);
    budget.write({ holder: 'h1' }, 1);
  });

  test('and waits is bounded in bytes: one request more than maxWaitingBytes holds is refused', () => {
    const budget = new RequestBudget(httpLimits({ maxWaitingBytes: 2 * MIN_WAITING_BYTES }));
    const enter = (): EventEmitter => {
      const response = new EventEmitter();
      budget.enter({ holder: 'one' }, { headers: { 'content-length': '5' } } as never, response as never);
      return response;
    };
    const first = enter();
    enter();
    expect(enter).toThrow(TOO_MANY);
    first.emit('close');
    enter();
    expect(enter).toThrow(TOO_MANY);
  });

  test('and reads is bounded by the second: one request more than maxReadsPerSecond waits until there is room', () => {
    let now = 0;
    const budget = new RequestBudget(httpLimits({ maxReadsPerSecond: 10 }), () => now);
    const one = { holder: 'one' };
    for (let n = 0; n < 10; n++) budget.read(one);
    expect(() => budget.read(one)).toThrow(TOO_MANY);
    budget.read({ holder: 'other' });
    budget.write(one, 10);
    now += 99;
    expect(() => budget.read(one)).toThrow(TOO_MANY);
    now += 1;
    budget.read(one);
    expect(() => budget.read(one)).toThrow(TOO_MANY);
  });

  test('and reads beyond it is answered with 429, and others read on', async () => {
    const node = await openWithHttp({
      auth: { credentials },
      http: { port: 0, limits: { maxReadsPerSecond: 1 } },
    });
    const get = (token: string) => ask(node.url, '/v1', { headers: { authorization: `Bearer ${token}` } });
    const answers = await Promise.all(Array.from({ length: 30 }, () => get('one')));
    expect(answers.find(({ status }) => status !== 200)).toMatchObject({
      status: 429,
      headers: { 'retry-after': '1' },
      json: { code: 'TOO_MANY', hint: expect.stringContaining('http.limits.maxReadsPerSecond') as string },
    });
    expect((await get('other')).status).toBe(200);
  });

  test('beyond it is answered with 429, and when to come again; others write on', async () => {
    const limits = { maxWritesPerSecond: 10 };
    const node = await openWithHttp({ auth: { credentials }, http: { port: 0, limits } });
    node.table('t', { key: 'string', value: 'count' });
    const batch = (token: string, count: number) =>
      ask(node.url, '/v1/batch', {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: {
          operations: Array.from({ length: count }, () => ({ table: 't', kind: 'set', key: 'k', value: 1 })),
        },
      });
    const put = (token: string) =>
      ask(node.url, '/v1/tables/t/rows/k', {
        method: 'PUT',
        headers: { authorization: `Bearer ${token}` },
        body: { value: 2 },
      });
    // As much as an hour of it: no machine is so slow that it is over meanwhile.
    const large = await batch('one', 16_384);
    expect(large.status).toBe(200);
    const refused = await put('one');
    expect(refused).toMatchObject({ status: 429, json: { code: 'TOO_MANY', retryable: true } });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(600);
    expect((await put('other')).status).toBe(200);
    const headers = { authorization: 'Bearer one' };
    expect((await ask(node.url, '/v1/tables/t/rows/k', { headers })).status).toBe(200);
  });

  test('and does not send is refused before more of it is kept', async () => {
    const limits = { maxBodyBytes: 100_000, maxWaitingBytes: 100_000 };
    const node = await openWithHttp({ auth: { credentials }, http: { port: 0, limits } });
    node.table('t', { key: 'string', value: 'count' });
    const { port } = new URL(node.url);
    const dripping = request({
      port,
      host: '127.0.0.1',
      method: 'PUT',
      path: '/v1/tables/t/rows/k',
      headers: { authorization: 'Bearer one', 'content-length': 90_000, 'content-type': 'application/json' },
    });
    onTestFinished(() => void dripping.destroy());
    dripping.on('error', () => undefined);
    dripping.write('{');
    const put = (token: string) =>
      ask(node.url, '/v1/tables/t/rows/k', {
        method: 'PUT',
        headers: { authorization: `Bearer ${token}` },
        body: { value: 2 },
      });
    let status = 200;
    while (status === 200) ({ status } = await put('one'));
    expect(status).toBe(429);
    expect((await put('other')).status).toBe(200);
    dripping.destroy();
    while (status === 429) ({ status } = await put('one'));
    expect(status).toBe(200);
  });
});
