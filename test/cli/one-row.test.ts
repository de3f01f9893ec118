import { once } from 'node:events';
import { type NodeOptions, type TableDeclaration, type TableNode, openNode } from 'tablecast';
import { expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { EVERYTHING } from '../../src/access/grant.ts';
import { MAX_REQUESTS, Visit as SessionVisit } from '../../src/replication/session/visit.ts';
import { type Message, decodeMessage, encodeMessage } from '../../src/replication/wire/wire.ts';
import { run } from './support/command.ts';
import { PATIENCE_MS } from '../support/patience.ts';

const counts = { key: 'string', value: 'count', mode: 'lww' } as const satisfies TableDeclaration;

async function open(options: Partial<NodeOptions> = {}): Promise<TableNode & { address: string }> {
  const node = await openNode({ id: 'manager', listen: { port: 0 }, ...options });
  onTestFinished(() => node.close());
  return node as TableNode & { address: string };
}

/** A visitor by hand, with all that the node says to it. */
class Visit {
  readonly socket: WebSocket;
  readonly heard: Message[] = [];

  constructor(address: string, token?: string) {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    this.socket = new WebSocket(address, ['tablecast.1'], { headers });
    this.socket.on('message', (bytes: Buffer) => this.heard.push(decodeMessage(new Uint8Array(bytes))));
    onTestFinished(() => this.socket.terminate());
  }

  async begin(): Promise<this> {
    await once(this.socket, 'open');
    const hello = {
      protocol: [1, 1] as [number, number],
      node: 'cli-1',
      session: 1,
      origins: [],
      tables: [],
    };
    this.say({ type: 'hello', hello: { ...hello, visits: true } });
    return this;
  }

  say(message: Message): void {
    this.socket.send(encodeMessage(message));
  }

  async answer(request: Extract<Message, { type: 'request' }>['request']): Promise<unknown> {
    this.say({ type: 'request', request });
    return vi.waitFor(() => {
      const found = this.heard.find(
        (message) => message.type === 'answer' && message.answer.number === request.number,
      );
      if (found?.type !== 'answer') throw new Error('no answer yet');
      return found.answer;
    }, PATIENCE_MS);
  }
}

test('a visitor is told its answers and nothing of any table, and nobody that it came', async () => {
  const node = await open();
  const codes: string[] = [];
  node.events.subscribe(({ code }) => codes.push(code));
  const table = node.table('counts', counts);
  node.batch(() => {
    for (let row = 0; row < 10_000; row++) table.set(`key-${row}`, row);
  });
  const before = codes.length;
  const visit = await new Visit(node.address).begin();
  const get = { act: 'get', table: 'counts', key: 'key-77' } as const;
  expect(await visit.answer({ number: 1, ...get })).toEqual({ number: 1, existed: true, cell: 'n77' });
  expect(await visit.answer({ number: 2, ...get, key: 'none' })).toEqual({ number: 2, existed: false });
  const set = { act: 'set', table: 'counts', key: 'key-77', cell: 'n5' } as const;
  expect(await visit.answer({ number: 3, ...set })).toMatchObject({
    existed: true,
    cell: 'n5',
    written: { sequence: 10_001 },
  });
  expect(table.get('key-77')).toBe(5);
  await vi.waitFor(async () => {
    await node.flush({ peers: 1, timeoutMs: 50 }).then(
      () => expect.unreachable('a visitor counted as a peer'),
      ({ code }) => expect(code).toBe('PEERS_BEHIND'),
    );
  }, PATIENCE_MS);
  visit.socket.close();
  await once(visit.socket, 'close');
  expect(visit.heard.map(({ type }) => type).filter((type) => type !== 'ping')).toEqual([
    'hello',
    'answer',
    'answer',
    'answer',
  ]);
  await node.flush();
  expect(codes.slice(before)).toEqual([]);
});

test('a request has the rights of its credential, and what it may not know is not there', async () => {
  const credentials = [{ name: 'readers', token: 'r', nodes: ['cli-*'], read: ['counts'], write: [] }];
  const node = await open({ auth: { credentials } });
  node.table('counts', counts).set('a', 1);
  node.table('secrets', counts).set('a', 1);
  const visit = await new Visit(node.address, 'r').begin();
  const ask = (number: number, table: string, act: 'get' | 'set' | 'delete') =>
    visit.answer({ number, act, table, key: 'a', ...(act === 'set' && { cell: 'n9' }) });
  expect(await ask(1, 'counts', 'get')).toEqual({ number: 1, existed: true, cell: 'n1' });
  expect(await ask(2, 'secrets', 'get')).toMatchObject({ problem: { code: 'OPTION_INVALID' } });
  expect(await ask(3, 'nowhere', 'get')).toMatchObject({
    problem: { message: 'This node has no table "nowhere".' },
  });
  expect(await ask(4, 'counts', 'set')).toMatchObject({ problem: { code: 'PEER_REFUSED' } });
  expect(await ask(5, 'counts', 'delete')).toMatchObject({ problem: { code: 'PEER_REFUSED' } });
  expect(node.table('counts', counts).get('a')).toBe(1);
  const stranger = await new Visit(node.address, 'r').begin();
  expect(
    (await stranger.answer({ number: 1, act: 'get', table: 'counts', key: '\u0000bad' })) as object,
  ).toBeDefined();
});

test('what is no request of a visitor ends its connection, and no other', async () => {
  const node = await open();
  node.table('counts', counts);
  const wrong: Message[] = [
    { type: 'runs', runs: [] },
    { type: 'level', tables: [] },
    { type: 'answer', answer: { number: 1 } },
  ];
  for (const message of wrong) {
    const visit = await new Visit(node.address).begin();
    visit.say(message);
    await once(visit.socket, 'close');
    expect(visit.heard.at(-1)).toMatchObject({ type: 'bye', code: 'invalid' });
  }
  const visit = await new Visit(node.address).begin();
  for (const cell of ['n', 'nx', 'b1.5', 'q', '']) {
    const body = JSON.stringify({ number: 1, act: 'set', table: 'counts', key: 'a', cell });
    expect(() => decodeMessage(Uint8Array.of(15, ...Buffer.from(body)))).toThrow('cell');
  }
  expect(await visit.answer({ number: 1, act: 'get', table: 'counts', key: 'a' })).toMatchObject({
    existed: false,
  });
});

test('so many requests of one connection are under way, and one more ends it', () => {
  const visit = new SessionVisit({
    requests: { answer: () => new Promise(() => undefined) },
    grant: () => EVERYTHING,
    ended: () => false,
    wanted: () => undefined,
    answer: () => undefined,
  });
  const request = { number: 1, act: 'get', table: 'counts', key: 'a' } as const;
  for (let count = 0; count < MAX_REQUESTS; count++) visit.take({ type: 'request', request });
  expect(() => visit.take({ type: 'request', request })).toThrow('64 requests are under way');
});

test('values of every type come back from a row as they were written', async () => {
  const node = await open();
  const env = { TABLECAST_PEER: node.address };
  const big = '18446744073709551615';
  const rows: readonly (readonly [TableDeclaration['value'], string, string])[] = [
    ['count', big, big],
    ['int', '-5', '-5'],
    ['double', '-0', '-0'],
    ['double', 'nan', 'nan'],
    ['bool', 'true', 'T'],
    ['string', 'a b', 'a b'],
    ['addr', '2001:db8::1', '2001:db8::1'],
    ['interval', '1.5', '1.5'],
  ];
  for (const [index, [value]] of rows.entries()) node.table(`t${index}`, { key: 'string', value } as never);
  const printed = await Promise.all(
    rows.map(async ([, written], index) => {
      const set = await run(['set', `t${index}`, '--', 'k', written], { env });
      expect([set.stderr, set.code]).toEqual(['', 0]);
      return (await run(['get', `t${index}`, 'k'], { env })).stdout.trimEnd();
    }),
  );
  expect(printed[0]).toBe(big);
  expect(printed.slice(5, 7)).toEqual(['a b', '2001:db8::1']);
  expect(printed[2]).toContain('-0');
});

test('touch prolongs a row, makes none, and is refused where rows do not expire so', async () => {
  const node = await open();
  const lived = node.table('lived', { key: 'string', writeExpire: '1h' }).add('k');
  node.table('counts', counts).set('k', 1);
  const env = { TABLECAST_PEER: node.address };
  const kinds: string[] = [];
  node.log.operations().subscribe(({ kind }) => kinds.push(kind));
  expect(await run(['touch', 'lived', 'k'], { env })).toEqual({ code: 0, stdout: '', stderr: '' });
  const [absent, refused] = await Promise.all([
    run(['touch', 'lived', 'other'], { env }),
    run(['touch', 'counts', 'k'], { env }),
  ]);
  expect([absent.code, refused.code]).toEqual([1, 2]);
  expect(absent.stderr).toBe('lived has no key other\n');
  expect(refused.stderr).toContain('has no writeExpire');
  expect([lived.size, kinds.filter((kind) => kind === 'touch').length]).toEqual([1, 1]);
});

test('undo shows what it would write, writes it, and has the rights of its credential', async () => {
  const node = await open();
  const table = node.table('counts', counts).set('a', 1).set('b', 1);
  const other = await openNode({ id: 'worker', peers: [node.address] });
  onTestFinished(() => other.close());
  const there = other.table('counts', counts);
  await vi.waitFor(() => expect(there.size).toBe(2), PATIENCE_MS);
  const { position } = node.log;
  there.set('a', 7).set('c', 7).delete('b');
  await vi.waitFor(() => expect(Object.fromEntries(table)).toEqual({ a: 7, c: 7 }), PATIENCE_MS);
  const env = { TABLECAST_PEER: node.address };
  const undo = ['undo', 'counts', '--origin', 'worker', '--since', String(position)];
  expect((await run([...undo, '--dry-run'], { env })).stdout.split('\n').toSorted()).toEqual(
    ['a\t= 1', 'b\t= 1', 'c\tremoved', '3 keys would be taken back in counts, 0 stay', ''].toSorted(),
  );
  expect(table.get('a')).toBe(7);
  const done = JSON.parse((await run([...undo, '--json'], { env })).stdout) as object;
  expect(done).toMatchObject({ writes: 3, kept: 0, dryRun: false, node: 'manager' });
  expect(Object.fromEntries(table)).toEqual({ a: 1, b: 1 });
  expect((await run(undo, { env })).code).toBe(1);
  expect((await run([...undo.slice(0, -1), 'yesterday'], { env })).code).toBe(2);
});
