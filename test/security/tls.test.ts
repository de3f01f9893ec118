import { type PeerCertificate, connect } from 'node:tls';
import { filter, firstValueFrom } from 'rxjs';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type NodeEvent, type NodeOptions, type TableNode, openNode } from '../../src/index.ts';
import { newAuthority } from '../transport/websocket/certificates.ts';

const authority = newAuthority();
const stranger = newAuthority();
const { ca } = authority;
const hubTls = { ...authority.issue('hub'), ca };
const nodes: TableNode[] = [];

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()));
});

afterAll(() => {
  authority.remove();
  stranger.remove();
});

async function open(options: NodeOptions): Promise<TableNode> {
  const node = await openNode(options);
  nodes.push(node);
  return node;
}

/** Resolves with how a dialling node fared. */
async function outcome(node: TableNode): Promise<string> {
  const settled = node.peers.pipe(filter(([peer]) => peer !== undefined && peer.state !== 'connecting'));
  const [peer] = await firstValueFrom(settled);
  return `${peer?.state}: ${peer?.reason ?? ''}`;
}

const credentials = [
  { name: 'worker', certificate: 'worker-1', nodes: ['worker-1'], write: [] },
  { name: 'two keys', certificate: 'worker-2', token: 'and-a-token', nodes: ['worker-2'] },
];

const dialling = (hub: TableNode, id: string, auth: NodeOptions['auth']): Promise<TableNode> =>
  open({ id, peers: [hub.address as string], auth: { ca, ...auth } });

describe('mutual TLS (S2, S4)', () => {
  it('lets in whom the authority signed, as whom its certificate names, with its rights', async () => {
    const tls = { ...hubTls, requireClientCertificate: true };
    const hub = await open({ id: 'hub', listen: { port: 0, tls }, auth: { credentials } });
    const one = authority.issue('worker-1');
    hub.table('hosts', { key: 'string' });
    const worker = await dialling(hub, 'worker-1', one);
    expect(await outcome(worker)).toContain('connected');
    const reader = worker.events.pipe(filter(({ code }: NodeEvent) => code === 'access-refused'));
    const told = firstValueFrom(reader);
    worker.table('hosts', { key: 'string' }).add('x');
    expect(await told).toMatchObject({ table: 'hosts', details: { right: 'taken' } });
    expect(hub.tables.get('hosts')?.size).toBe(0);
    expect(await refusedAs(hub, 'worker-9', one)).toContain('may not use the node id worker-9');
    expect(await refusedAs(hub, 'worker-1', stranger.issue('worker-1'))).toContain('refused');
    expect(await refusedAs(hub, 'unlisted', authority.issue('unlisted'))).toContain('401');
    expect(await refusedAs(hub, 'worker-1', {})).toContain('refused');
  });

  it('wants both where a credential has a token and a certificate, and neither of others', async () => {
    const hub = await open({ id: 'hub', listen: { port: 0, tls: hubTls }, auth: { credentials } });
    const two = authority.issue('worker-2');
    expect(await refusedAs(hub, 'worker-2', two)).toContain('401');
    expect(await refusedAs(hub, 'worker-2', { token: 'and-a-token' })).toContain('401');
    const wrong = { ...authority.issue('worker-1'), token: 'and-a-token' };
    expect(await refusedAs(hub, 'worker-2', wrong)).toContain('401');
    expect(await outcome(await dialling(hub, 'worker-2', { ...two, token: 'and-a-token' }))).toContain(
      'connected',
    );
  });

  it('binds a dialled node to the credential its certificate names, whatever id it says it has', async () => {
    const tls = { ...authority.issue('worker-1'), ca };
    const outer = await open({ id: 'worker-9', listen: { port: 0, tls } });
    outer.table('hosts', { key: 'string' });
    const inner = await open({ id: 'inner', peers: [outer.address as string], auth: { ca, credentials } });
    inner.table('hosts', { key: 'string' }).add('secret');
    const states = inner.peers.pipe(
      filter(([peer]) => peer?.state === 'refused' || peer?.state === 'waiting'),
    );
    const [peer] = await firstValueFrom(states);
    expect(peer?.reason).toContain('may not use the node id worker-9');
    expect(outer.tables.get('hosts')?.size).toBe(0);
  });

  it('trusts every certificate of its authority with everything where there is no list', async () => {
    const hub = await open({
      id: 'hub',
      listen: { port: 0, tls: { ...hubTls, requireClientCertificate: true } },
    });
    const hosts = hub.table('hosts', { key: 'string' });
    const worker = await dialling(hub, 'any-id', authority.issue('any name'));
    const arrived = firstValueFrom(hosts.changes);
    worker.table('hosts', { key: 'string' }).add('10.0.0.1');
    expect(await arrived).toMatchObject({ key: '10.0.0.1' });
    expect(await refusedAs(hub, 'any-id-2', stranger.issue('any name'))).toContain('refused');
  });

  it('takes no certificates without an authority of its own', async () => {
    const { ca: _, ...bare } = hubTls;
    const opening = openNode({ id: 'hub', listen: { port: 0, tls: bare }, auth: { credentials } });
    await expect(opening).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  });
});

async function refusedAs(hub: TableNode, id: string, auth: NodeOptions['auth']): Promise<string> {
  const node = await dialling(hub, id, auth);
  const states = node.peers.pipe(filter(([peer]) => peer?.state === 'refused' || peer?.state === 'waiting'));
  const [peer] = await firstValueFrom(states);
  await node.close();
  return `refused: ${peer?.reason ?? ''}`;
}

describe('certificates that are renewed (S2)', () => {
  const shownBy = (node: TableNode, address = node.address): Promise<string> =>
    new Promise((resolve, reject) => {
      const port = Number(new URL(address as string).port);
      const socket = connect({ port, host: '127.0.0.1', ca: [ca, stranger.ca] }, () => {
        const certificate: PeerCertificate = socket.getPeerCertificate();
        socket.destroy();
        resolve(String(certificate.subject.CN));
      });
      socket.once('error', reject);
    });

  it('are used from then on, without a restart and without ending connections', async () => {
    const hub = await open({ id: 'hub', listen: { port: 0, tls: hubTls }, auth: { token: 'shared' } });
    const worker = await dialling(hub, 'worker', { token: 'shared' });
    expect(await outcome(worker)).toContain('connected');
    expect(await shownBy(hub)).toBe('hub');
    hub.reloadCertificates({ listen: { ...authority.issue('hub renewed'), ca } });
    expect(await shownBy(hub)).toBe('hub renewed');
    const [peer] = await firstValueFrom(worker.peers);
    expect(peer?.state).toBe('connected');
    const later = await open({
      id: 'later',
      peers: [hub.address as string],
      auth: { token: 'shared', ca: stranger.ca },
    });
    const [refused] = await firstValueFrom(later.peers.pipe(filter(([one]) => one?.state === 'waiting')));
    expect(refused?.reason).toContain('not trusted');
    later.reloadCertificates({ dial: { ca } });
    await firstValueFrom(later.peers.pipe(filter(([one]) => one?.state === 'connected')));
  });

  it('are refused when they are no good, and the present ones stay', async () => {
    const hub = await open({ id: 'hub', listen: { port: 0, tls: hubTls }, auth: { token: 'shared' } });
    const other = authority.issue('other');
    const refused = expect.objectContaining({ code: 'OPTION_INVALID' }) as Error;
    expect(() => hub.reloadCertificates({ listen: { cert: 'no pem', key: 'no pem' } })).toThrow(refused);
    expect(() => hub.reloadCertificates({ listen: { cert: other.cert, key: hubTls.key } })).toThrow(refused);
    expect(() => hub.reloadCertificates({ dial: { cert: other.cert, key: 'no pem' } })).toThrow(refused);
    expect(await shownBy(hub)).toBe('hub');
    const plain = await open({ id: 'plain', listen: { port: 0 }, http: { port: 0 } });
    expect(() => plain.reloadCertificates({ listen: other })).toThrow(refused);
    expect(() => plain.reloadCertificates({ http: other })).toThrow(refused);
  });

  it('are shown over HTTP from then on as well, all that are given or none', async () => {
    const hub = await open({
      id: 'hub',
      listen: { port: 0, tls: hubTls },
      http: { port: 0, tls: hubTls },
      auth: { token: 'shared' },
    });
    const shown = (): Promise<string[]> => Promise.all([shownBy(hub), shownBy(hub, hub.httpAddress)]);
    const renewed = authority.issue('renewed');
    const refused = expect.objectContaining({ code: 'OPTION_INVALID' }) as Error;
    const bad = { cert: renewed.cert, key: hubTls.key };
    expect(() => hub.reloadCertificates({ listen: renewed, http: bad })).toThrow(refused);
    expect(() => hub.reloadCertificates({ listen: bad, http: renewed })).toThrow(refused);
    expect(await shown()).toEqual(['hub', 'hub']);
    hub.reloadCertificates({ http: { ...renewed, ca } });
    expect(await shown()).toEqual(['hub', 'renewed']);
  });
});
