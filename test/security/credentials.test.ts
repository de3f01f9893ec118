import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { filter, firstValueFrom, map } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  type AccessRequest,
  type Credential,
  type NodeEvent,
  type NodeOptions,
  type SetTable,
  type TableNode,
  openNode,
} from '../../src/index.ts';
import { openedNodes } from './opened-nodes.ts';

const { open, told } = openedNodes();

const set = (node: TableNode, name = 'hosts'): SetTable => node.table(name, { key: 'string' }) as SetTable;

/** Resolves once something holds; looks whenever the node says something or a moment has passed. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const event = (node: TableNode, code: string): NodeEvent | undefined =>
  told.get(node)?.find((one) => one.code === code);

/** Resolves with the reason once a dialling node was refused. */
async function refusal(node: TableNode): Promise<string> {
  const states = node.peers.pipe(filter(([peer]) => peer?.state === 'refused'));
  const [peer] = await firstValueFrom(states);
  return peer?.reason ?? '';
}

const credentials = [
  { name: 'worker one', token: 'secret-of-worker-1', nodes: ['worker-1'] },
  { name: 'viewers', token: 'secret-of-viewers', nodes: ['viewer-*'], read: ['host*'], write: [] },
];

const hubWith = (auth: NodeOptions['auth']): Promise<TableNode> =>
  open({ id: 'hub', listen: { port: 0 }, auth });

const dialling = (hub: TableNode, id: string, token?: string): Promise<TableNode> =>
  open({ id, peers: [hub.address as string], auth: token === undefined ? undefined : { token } });

describe('a listener (S1)', () => {
  it.each(['0.0.0.0', '::', 'example.org'])(
    'beyond loopback, on %s, is refused without authentication',
    async (host) => {
      const refused = { code: 'OPTION_INVALID', message: expect.stringContaining('let anybody') as string };
      await expect(openNode({ id: 'a', listen: { port: 0, host } })).rejects.toMatchObject(refused);
      await expect(openNode({ id: 'a', listen: { port: 0, host }, auth: {} })).rejects.toMatchObject(refused);
      const own = { dialToken: 'only-shown' };
      await expect(openNode({ id: 'a', listen: { port: 0, host }, auth: own })).rejects.toMatchObject(
        refused,
      );
      const none = { credentials: [] };
      await expect(openNode({ id: 'a', listen: { port: 0, host }, auth: none })).rejects.toMatchObject(
        refused,
      );
    },
  );

  it('answers nothing but a refusal to those without a credential, before any WebSocket', async () => {
    const hub = await hubWith({ credentials });
    for (const token of [undefined, 'wrong', 'secret-of-worker-', 'secret-of-worker-12']) {
      const stranger = await dialling(hub, 'worker-1', token);
      expect(await refusal(stranger)).toContain('401');
      await stranger.close();
    }
    expect(event(hub, 'peer-connected')).toBeUndefined();
  });

  it('does not take the token it shows to others', async () => {
    const hub = await hubWith({ dialToken: 'shown-to-others', credentials });
    const other = await dialling(hub, 'worker-1', 'shown-to-others');
    expect(await refusal(other)).toContain('401');
    expect(event(hub, 'peer-connected')).toBeUndefined();
  });
});

describe('credentials of a list', () => {
  it('let a node in under its own id, and under no other', async () => {
    const hub = await hubWith({ credentials });
    await dialling(hub, 'worker-1', 'secret-of-worker-1');
    await until(() => event(hub, 'peer-connected') !== undefined);
    expect(event(hub, 'peer-connected')?.peer).toBe('worker-1');
    const thief = await dialling(hub, 'worker-2', 'secret-of-worker-1');
    expect(await refusal(thief)).toContain('may not use the node id worker-2');
  });

  it('give rights: a viewer sees what it may, writes nothing, and both sides say so', async () => {
    const hub = await hubWith({ credentials });
    set(hub).add('10.0.0.1');
    set(hub, 'passwords').add('hunter2');
    const viewer = await dialling(hub, 'viewer-7', 'secret-of-viewers');
    set(viewer, 'passwords');
    await until(() => set(viewer).size === 1);
    set(viewer).add('planted');
    await until(() => event(viewer, 'access-refused') !== undefined);
    const rightsOfViewer = await firstValueFrom(hub.peers.pipe(map(([peer]) => peer?.rights)));
    expect(rightsOfViewer).toEqual({ holder: 'viewers', write: [], relays: false });
    set(hub).add('10.0.0.2');
    await until(() => set(viewer).has('10.0.0.2'));
    expect([...set(hub)]).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(set(viewer, 'passwords').size).toBe(0);
    expect(event(viewer, 'access-refused')).toMatchObject({ table: 'hosts', details: { right: 'taken' } });
    expect(event(hub, 'access-refused')).toMatchObject({ table: 'passwords', details: { right: 'read' } });
  });

  it('restrict a node as well when it is this one that dials it, and tell it nothing before its name is known', async () => {
    const outer = await open({ id: 'worker-1', listen: { port: 0 } });
    set(outer).add('from outside');
    const limits = [{ name: 'outer', token: 'x', nodes: ['worker-1'], read: ['host*'], write: [] }];
    const inner = await open({
      id: 'inner',
      peers: [outer.address as string],
      auth: { credentials: limits },
    });
    set(inner).add('from inside');
    set(inner, 'passwords').add('hunter2');
    set(outer, 'passwords');
    await until(() => set(outer).has('from inside'));
    await until(() => event(outer, 'access-refused') !== undefined);
    expect([...set(inner)]).toEqual(['from inside']);
    expect(set(outer, 'passwords').size).toBe(0);
  });

  it('keep nodes connected that dial each other', async () => {
    const [port, other] = [await freePort(), await freePort()];
    const list = (id: string) => [
      { name: id, token: `token-of-${id}`, nodes: [id], origins: 'relay' as const },
    ];
    const side = (id: string, here: number, there: number, peer: string): Promise<TableNode> =>
      open({
        id,
        listen: { port: here },
        peers: [`ws://127.0.0.1:${there}`],
        auth: { dialToken: `token-of-${id}`, credentials: list(peer) },
      });
    const [a, b] = await Promise.all([side('a', port, other, 'b'), side('b', other, port, 'a')]);
    const c = await dialling(b, 'a2', 'token-of-a');
    set(a).add('from a');
    await until(() => set(b).has('from a'));
    expect(await refusal(c)).toContain('may not use the node id a2');
    expect(event(b, 'peer-lost')).toBeUndefined();
  });

  it.each([
    [{ name: 'x', nodes: ['a'] }, 'neither token nor certificate'],
    [{ name: 'x', token: 't t', nodes: ['a'] }, 'printable ASCII'],
    [{ name: 'x', token: 't', nodes: 'a' }, 'nodes'],
    [{ name: 'x', token: 't', nodes: ['a*b'] }, 'nodes'],
    [{ name: 'x', token: 't', nodes: ['a'], read: ['(a+)+$'] }, 'read'],
    [{ name: 'x', token: 't', nodes: ['a'], read: ['a*'], write: ['*'] }, 'without reading it'],
    [{ name: 'x', token: 't', nodes: ['a'], origins: 'all' }, 'origins'],
    [{ name: 'x', token: 't', nodes: ['a'], admin: true }, 'admin'],
    [{ name: '', token: 't', nodes: ['a'] }, 'name'],
  ])('that say something else are refused, and their secrets not repeated: %j', async (one, problem) => {
    const opening = openNode({ id: 'hub', auth: { credentials: [one as never] } });
    await expect(opening).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining(problem) as string,
    });
    await expect(opening).rejects.not.toThrow('t t');
  });

  it('of one name are one holder, so that a token is replaced while the old one still works', async () => {
    const renewed = [
      { name: 'worker one', token: 'old-token', nodes: ['worker-1'] },
      { name: 'worker one', token: 'new-token', nodes: ['worker-1'] },
    ];
    const hub = await hubWith({ credentials: renewed });
    const before = await dialling(hub, 'worker-1', 'old-token');
    await until(() => event(before, 'peer-connected') !== undefined);
    // It is started again with the new token before the hub has heard that the old life is over.
    const after = await dialling(hub, 'worker-1', 'new-token');
    await until(() => event(after, 'peer-connected') !== undefined);
    set(hub).add('for the new life');
    await until(() => set(after).has('for the new life'));
    await before.close();
    expect(event(after, 'peer-lost')).toBeUndefined();
  });

  it('leave alone a dialled node that none of them fits: its address was named', async () => {
    const outer = await open({ id: 'unlisted', listen: { port: 0 } });
    const inner = await open({ id: 'inner', peers: [outer.address as string], auth: { credentials } });
    set(outer).add('from outside');
    set(inner, 'passwords').add('shared');
    await until(() => set(inner).has('from outside'));
    await until(() => set(outer, 'passwords').has('shared'));
    expect(event(inner, 'access-refused')).toBeUndefined();
  });

  it('give an id to one holder only', async () => {
    const twice = [
      { name: 'one', token: '1', nodes: ['a'] },
      { name: 'two', token: '2', nodes: ['a'] },
    ];
    await expect(openNode({ id: 'hub', auth: { credentials: twice } })).rejects.toThrow('to one and to two');
  });
});

describe('auth.verify', () => {
  const key = 'key of the issuer';
  const sign = (claims: string): string =>
    `${Buffer.from(claims).toString('base64url')}.${createHmac('sha256', key).update(claims).digest('base64url')}`;

  /** As somebody would check a signed token. */
  async function verify({ token }: AccessRequest): Promise<Credential | undefined> {
    const [body = '', signature] = (token ?? '').split('.');
    const claims = Buffer.from(body, 'base64url').toString();
    if (createHmac('sha256', key).update(claims).digest('base64url') !== signature) return undefined;
    const { sub, read } = JSON.parse(claims) as { sub: string; read: string[] };
    return { name: sub, nodes: [sub], read, write: [] };
  }

  it('decides who comes in, under which id and with which rights', async () => {
    const hub = await hubWith({ verify });
    set(hub).add('10.0.0.1');
    set(hub, 'passwords').add('hunter2');
    const token = sign('{"sub":"reader","read":["hosts"]}');
    const reader = await dialling(hub, 'reader', token);
    set(reader, 'passwords');
    await until(() => set(reader).size === 1);
    expect(set(reader, 'passwords').size).toBe(0);
    const forged = await dialling(hub, 'reader', `${token.slice(0, -2)}AA`);
    expect(await refusal(forged)).toContain('401');
    expect(told.get(hub)?.filter(({ code }) => code === 'peer-connected')).toHaveLength(1);
  });
});

describe('secrets (S21)', () => {
  it('are in no event and no answer, whatever goes wrong', async () => {
    const secret = 'very-secret-token';
    const hub = await hubWith({
      token: secret,
      credentials: [{ name: 'x', token: `${secret}-2`, nodes: ['x'] }],
    });
    const right = await dialling(hub, 'right', secret);
    await until(() => event(right, 'peer-connected') !== undefined);
    const wrong = await dialling(hub, 'wrong', `${secret}-wrong`);
    const other = await dialling(hub, 'y', `${secret}-2`);
    const reasons = await Promise.all([refusal(wrong), refusal(other)]);
    const answer = await answerTo(hub, `GET /tablecast?token=${secret} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    const all = JSON.stringify([...told.values(), reasons]) + answer;
    expect(all).not.toContain(secret);
    expect(hub.address).not.toContain(secret);
    await expect(openNode({ id: 'z', auth: { token: 'sp ace' } })).rejects.not.toThrow('sp ace');
  });
});

async function answerTo(node: TableNode, request: string): Promise<string> {
  const socket = connect(Number(new URL(node.address as string).port), '127.0.0.1');
  socket.write(request);
  let answer = '';
  for await (const data of socket) answer += String(data);
  return answer;
}

async function freePort(): Promise<number> {
  const node = await open({ id: 'probe', listen: { port: 0 } });
  const port = Number(new URL(node.address as string).port);
  await node.close();
  return port;
}
