import { EventEmitter, once } from 'node:events';
import { filter, firstValueFrom } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type Credential,
  type CredentialChange,
  type NodeEvent,
  type NodeOptions,
  type PeerState,
  type SetTable,
  type TableNode,
} from '../../src/index.ts';
import { newAuthority } from '../transport/websocket/certificates.ts';
import { openedNodes } from './opened-nodes.ts';

const authority = newAuthority();
const { open, told } = openedNodes();

afterAll(() => authority.remove());

const one = { name: 'one', token: 'token-of-one', nodes: ['worker-1'] };
const two = { name: 'two', token: 'token-of-two', nodes: ['worker-2'] };

const hubWith = (auth: NodeOptions['auth']): Promise<TableNode> =>
  open({ id: 'hub', listen: { port: 0 }, auth });

const dialling = (hub: TableNode, id: string, token: string): Promise<TableNode> =>
  open({ id, peers: [hub.address as string], auth: { token } });

/** A node that has dialled the hub, once both know it. */
async function joined(hub: TableNode, id: string, token: string): Promise<TableNode> {
  const known = firstValueFrom(hub.peers.pipe(filter((peers) => peers.some(({ nodeId }) => nodeId === id))));
  const node = await dialling(hub, id, token);
  await Promise.all([known, reached(node, 'connected')]);
  return node;
}

const set = (node: TableNode): SetTable => node.table('hosts', { key: 'string' }) as SetTable;

/** Resolves once a dialling node's one peer is in a state. */
async function reached(node: TableNode, state: PeerState['state']): Promise<PeerState> {
  const [peer] = await firstValueFrom(node.peers.pipe(filter(([first]) => first?.state === state)));
  return peer as PeerState;
}

const next = (node: TableNode, code: string): Promise<NodeEvent> =>
  firstValueFrom(node.events.pipe(filter((event) => event.code === code)));

const events = (node: TableNode, code: string): NodeEvent[] =>
  (told.get(node) ?? []).filter((event) => event.code === code);

describe('credentials that are replaced while a node runs', () => {
  it('end the connection of a holder that is gone, say why on both sides, and let the others be', async () => {
    const hub = await hubWith({ credentials: [one, two] });
    const [first, second] = [
      await joined(hub, 'worker-1', 'token-of-one'),
      await joined(hub, 'worker-2', 'token-of-two'),
    ];
    const [here, there] = [next(hub, 'peer-lost'), next(first, 'peer-lost')];
    hub.reloadCredentials({ credentials: [two] });
    expect((await here).message).toContain('The credential of worker-1 is gone');
    expect((await there).message).toContain('access: The credential of worker-1 is gone');
    expect((await reached(first, 'refused')).reason).toContain('401');
    set(second).add('still here');
    await firstValueFrom(set(hub).changes);
    expect(events(hub, 'peer-lost').map(({ peer }) => peer)).toEqual(['worker-1']);
    expect(events(hub, 'credentials-reloaded')).toMatchObject([
      { severity: 'info', details: { ended: 1, added: [], changed: [], removed: ['one'] } },
    ]);
  });

  it('take nothing more from a holder that is gone, from the moment the call returns', async () => {
    const hub = await hubWith({ credentials: [one] });
    const worker = await dialling(hub, 'worker-1', 'token-of-one');
    set(hub);
    set(worker).add('before');
    await firstValueFrom(set(hub).changes);
    const lost = next(hub, 'peer-lost');
    for (let turn = 0; turn < 100; turn++) {
      set(worker).add(`on its way ${turn}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    hub.reloadCredentials({ credentials: [two] });
    const held = set(hub).size;
    set(worker).add('too late');
    await lost;
    expect(set(hub).size).toBe(held);
    expect(set(hub).has('too late')).toBe(false);
  });

  it('give a holder whose rights changed the new ones, which it comes back with by itself', async () => {
    const hub = await hubWith({ credentials: [one] });
    const worker = await dialling(hub, 'worker-1', 'token-of-one');
    set(hub);
    set(worker).add('while it may');
    await firstValueFrom(set(hub).changes);
    hub.reloadCredentials({ credentials: [{ ...one, write: [] }] });
    expect(events(hub, 'credentials-reloaded')[0]?.details).toMatchObject({ ended: 1, changed: ['one'] });
    await next(worker, 'peer-lost');
    await reached(worker, 'connected');
    set(hub).add('from the hub');
    set(worker).add('no more');
    await next(worker, 'access-refused');
    await firstValueFrom(set(worker).synced.pipe(filter((synced) => synced)));
    expect([...set(hub)]).toEqual(['while it may', 'from the hub']);
  });

  it('that give the same rights in other words end no connection', async () => {
    const hub = await hubWith({ credentials: [{ ...one, read: ['a*', 'hosts'] }], token: 'shared' });
    const worker = await joined(hub, 'worker-1', 'token-of-one');
    await joined(hub, 'any', 'shared');
    const same = { ...one, read: ['hosts', 'a*', 'hosts'], write: ['a*', 'hosts'], origins: 'own' as const };
    hub.reloadCredentials({ credentials: [two, same], token: 'shared' });
    expect(events(hub, 'credentials-reloaded')[0]?.details).toEqual({
      ended: 0,
      added: ['two'],
      changed: [],
      removed: [],
    });
    set(worker).add('x');
    await firstValueFrom(set(hub).changes);
    expect(events(hub, 'peer-lost')).toEqual([]);
  });

  it('replace a token in two steps: beside the old one, then without it', async () => {
    const renewed = { ...one, token: 'new-token' };
    const hub = await hubWith({ credentials: [one] });
    const worker = await joined(hub, 'worker-1', 'token-of-one');
    hub.reloadCredentials({ credentials: [one, renewed] });
    expect(events(hub, 'credentials-reloaded')[0]?.details).toMatchObject({ ended: 0, changed: ['one'] });
    // The worker shows the new one from its next connection on.
    worker.reloadCredentials({ token: 'new-token' });
    expect((await reached(worker, 'connected')).state).toBe('connected');
    hub.reloadCredentials({ credentials: [renewed] });
    expect(events(hub, 'credentials-reloaded')[1]?.details).toMatchObject({ ended: 1 });
    await next(worker, 'peer-lost');
    await reached(worker, 'connected');
    expect(events(worker, 'peer-refused')).toEqual([]);
  });

  it('end connections with the shared token when that is another one, and name it without showing it', async () => {
    const hub = await hubWith({ token: 'old-secret' });
    const worker = await joined(hub, 'worker-1', 'old-secret');
    hub.reloadCredentials({ token: 'new-secret' });
    expect((await reached(worker, 'refused')).reason).toContain('401');
    expect(events(hub, 'credentials-reloaded')[0]?.details).toMatchObject({
      ended: 1,
      changed: ['auth.token'],
    });
    worker.reloadCredentials({ token: 'new-secret' });
    await reached(worker, 'connected');
    expect(JSON.stringify([...told.values()])).not.toContain('secret');
  });

  it('end a connection under an id that belongs to another holder now', async () => {
    const hub = await hubWith({ credentials: [two], token: 'shared' });
    const worker = await joined(hub, 'worker-1', 'shared');
    hub.reloadCredentials({ credentials: [one, two], token: 'shared' });
    expect((await reached(worker, 'refused')).reason).toMatch(/is gone|may not use the node id worker-1/);
    expect(events(hub, 'credentials-reloaded')[0]?.details).toMatchObject({ ended: 1, added: ['one'] });
  });

  it('restrict a dialled node from then on', async () => {
    const outer = await open({ id: 'worker-1', listen: { port: 0 } });
    const inner = await open({ id: 'inner', peers: [outer.address as string] });
    set(inner);
    set(outer).add('while it may');
    await firstValueFrom(set(inner).changes);
    inner.reloadCredentials({ credentials: [{ ...one, write: [] }] });
    await next(inner, 'peer-lost');
    await reached(inner, 'connected');
    set(outer).add('no more');
    set(inner).add('from inside');
    await firstValueFrom(set(outer).changes.pipe(filter(({ key }) => key === 'from inside')));
    expect([...set(inner)]).toEqual(['while it may', 'from inside']);
  });

  it('let in whom `auth.verify` lets in as before, while it is being asked as well', async () => {
    const steps = new EventEmitter();
    const [asked, decided] = [once(steps, 'asked'), once(steps, 'decided')];
    const verify = async (): Promise<Credential> => {
      steps.emit('asked');
      await decided;
      return { name: 'one', nodes: ['worker-1'] };
    };
    const hub = await hubWith({ verify, dialToken: 'a' });
    const worker = await dialling(hub, 'worker-1', 'anything');
    await asked;
    hub.reloadCredentials({ dialToken: 'b' });
    steps.emit('decided');
    await reached(worker, 'connected');
    hub.reloadCredentials({});
    expect(events(hub, 'credentials-reloaded')[1]?.details).toMatchObject({
      ended: 0,
      removed: ['auth.dialToken'],
    });
  });

  it('end the connection of a certificate that is not listed any more', async () => {
    const { ca } = authority;
    const listed = { name: 'worker', certificate: 'worker-1', nodes: ['worker-1'] };
    const hub = await open({
      id: 'hub',
      listen: { port: 0, tls: { ...authority.issue('hub'), ca } },
      auth: { credentials: [listed, two] },
    });
    const auth = { ca, ...authority.issue('worker-1') };
    const worker = await open({ id: 'worker-1', peers: [hub.address as string], auth });
    await reached(worker, 'connected');
    hub.reloadCredentials({ credentials: [two] });
    expect((await reached(worker, 'refused')).reason).toContain('401');
    hub.reloadCredentials({ credentials: [two, listed] });
    await reached(worker, 'connected');
  });
});

describe('credentials that are no good', () => {
  const bad: readonly (readonly [string, unknown])[] = [
    ['no object', 'tokens'],
    ['unknown members', { tokens: [] }],
    ['a verifier', { verify: () => undefined }],
    ['a token no header can carry', { token: 'sp ace-secret' }],
    ['a token that is a number', { token: 1_234_567_890 }],
    ['no way to recognise its holder', { credentials: [{ name: 'x', nodes: ['a'] }] }],
    ['an id for two holders', { credentials: [one, { ...two, nodes: ['worker-1'] }] }],
    ['certificates without an authority', { credentials: [{ name: 'x', certificate: 'x', nodes: ['x'] }] }],
  ];

  it.each(bad)('(%s) are refused, no secret is repeated, and those in use stay', async (_, change) => {
    const hub = await hubWith({ credentials: [one] });
    const worker = await joined(hub, 'worker-1', 'token-of-one');
    const reload = (): void => hub.reloadCredentials(change as CredentialChange);
    expect(reload).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }) as Error);
    expect(reload).not.toThrow(/secret|1234567890|token-of/);
    set(worker).add('as before');
    await firstValueFrom(set(hub).changes);
    expect(events(hub, 'credentials-reloaded')).toEqual([]);
    expect(events(hub, 'peer-lost')).toEqual([]);
  });

  it('are none at all beyond loopback, and refused there', async () => {
    const hub = await open({ id: 'hub', listen: { port: 0, host: '0.0.0.0' }, auth: { token: 'shared' } });
    const nothing = expect.objectContaining({ code: 'OPTION_INVALID' }) as Error;
    expect(() => hub.reloadCredentials({})).toThrow(nothing);
    expect(() => hub.reloadCredentials({ dialToken: 'x', credentials: [] })).toThrow(nothing);
  });

  it('ask for certificates where none were asked for at the start, which takes a restart', async () => {
    const { ca } = authority;
    const hub = await open({
      id: 'hub',
      listen: { port: 0, tls: { ...authority.issue('hub'), ca } },
      auth: { credentials: [one] },
    });
    const listed = { name: 'worker', certificate: 'worker-1', nodes: ['worker-9'] };
    const restart = expect.objectContaining({ hint: expect.stringContaining('anew') as string }) as Error;
    expect(() => hub.reloadCredentials({ credentials: [listed] })).toThrow(restart);
  });
});
