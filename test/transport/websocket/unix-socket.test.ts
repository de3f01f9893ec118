import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, firstValueFrom } from 'rxjs';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type Connection, type TableNode, type Transport, openNode } from '../../../src/index.ts';
import { MAX_SOCKET_PATH_BYTES } from '../../../src/transport/websocket/socket-path.ts';
import { type WebSocketOptions } from '../../../src/transport/websocket/options.ts';
import { listenOnPath } from '../../../src/transport/websocket/unix-socket.ts';
import { webSocketTransport } from '../../../src/transport/websocket/websocket.ts';
import { newAuthority } from './certificates.ts';
import { transportContract } from '../../contracts/transport.contract.ts';

const directory = mkdtempSync(join(tmpdir(), 'tablecast-socket-'));
let made = 0;
const newPath = (): string => join(directory, `${++made}.sock`);
const transports: Transport[] = [];
const nodes: TableNode[] = [];

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()));
  await Promise.all(transports.splice(0).map((transport) => transport.close()));
});
afterAll(() => rmSync(directory, { recursive: true }));

function transportAt(path: string, options: WebSocketOptions & { readonly mode?: number } = {}): Transport {
  const { mode, ...rest } = options;
  const transport = webSocketTransport({ listen: { path, mode }, ...rest });
  transports.push(transport);
  return transport;
}

async function start(options: Parameters<typeof openNode>[0]): Promise<TableNode> {
  const node = await openNode(options);
  nodes.push(node);
  return node;
}

const noop = (): void => undefined;
const modeOf = (path: string): number => statSync(path).mode & 0o777;

transportContract('websocket over a Unix domain socket', {
  transport: (limits) =>
    webSocketTransport({ listen: { path: newPath() }, auth: { token: 'contract-token' }, limits }),
  nobody: () => Promise.resolve(`ws+unix://${newPath()}`),
});

describe('the file of a socket', () => {
  it('lets its own user in, or whom the mode names, whatever the mask of the process is', async () => {
    const before = process.umask(0);
    try {
      const paths = [newPath(), newPath()];
      await transportAt(paths[0] as string).listen(noop);
      await transportAt(paths[1] as string, { mode: 0o660 }).listen(noop);
      expect(paths.map(modeOf)).toEqual([0o600, 0o660]);
      expect(process.umask()).toBe(0);
    } finally {
      process.umask(before);
    }
  });

  it('has its mode from the first moment on that there is a file', async () => {
    const path = newPath();
    const before = process.umask(0);
    try {
      const server = createServer();
      // In the same turn nothing can have put right what the system made.
      const listening = listenOnPath(server, { path });
      expect(modeOf(path)).toBe(0o600);
      await listening;
      server.close();
    } finally {
      process.umask(before);
    }
  });

  it('goes with the transport', async () => {
    const path = newPath();
    const transport = transportAt(path);
    expect(await transport.listen(noop)).toBe(`ws+unix://${path}`);
    await transport.close();
    expect(existsSync(path)).toBe(false);
  });

  it('that a killed process left is taken over', async () => {
    const path = newPath();
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('there'))`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(existsSync(path)).toBe(true);
    await transportAt(path).listen(noop);
    const connection = await transportAt(newPath()).dial(`ws+unix://${path}`, new AbortController().signal);
    expect(connection.remote).toBe(`ws+unix://${path}`);
  });

  it('behind which somebody listens is refused, and goes on', async () => {
    const path = newPath();
    await transportAt(path).listen(noop);
    await expect(transportAt(path).listen(noop)).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: `cannot listen on ${path}: EADDRINUSE`,
      details: { option: 'listen.path' },
    });
    await transportAt(newPath()).dial(`ws+unix://${path}`, new AbortController().signal);
  });

  it('that is no socket is left as it is', async () => {
    const path = newPath();
    writeFileSync(path, 'a list of addresses');
    await expect(transportAt(path).listen(noop)).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
    expect(statSync(path).size).toBe(19);
  });

  it('in a directory that there is not is an error that says so', async () => {
    const path = join(directory, 'no', 'such.sock');
    await expect(transportAt(path).listen(noop)).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      hint: expect.stringContaining('Make its directory') as string,
    });
  });
});

describe('paths', () => {
  it.each([
    ['hub.sock', 'is not absolute'],
    ['/run/a b.sock', 'has a character that cannot stand in an address'],
    ['/run/a:b.sock', 'has a character that cannot stand in an address'],
    [`/${'x'.repeat(MAX_SOCKET_PATH_BYTES)}`, 'has 104 characters, and systems take 103'],
  ])('%s is refused where it is given and where it is dialled', async (path, why) => {
    expect(() => webSocketTransport({ listen: { path } })).toThrow(`Option listen.path ${why}.`);
    await expect(openNode({ id: 'a', socket: path })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: `Option socket ${why}.`,
    });
    if (!path.startsWith('/')) return;
    const dialling = transportAt(newPath()).dial(`ws+unix://${path}`, new AbortController().signal);
    await expect(dialling).rejects.toMatchObject({ code: 'PEER_UNREACHABLE', retryable: false });
  });

  it('of the longest kind are listened on', async () => {
    const path = `${directory}/${'x'.repeat(MAX_SOCKET_PATH_BYTES - directory.length - 1)}`;
    await transportAt(path).listen(noop);
    await transportAt(newPath()).dial(`ws+unix://${path}`, new AbortController().signal);
  });
});

describe('who comes over a socket', () => {
  it('is told from others, although all have no address', async () => {
    const path = newPath();
    const accepted: Connection[] = [];
    const listening = transportAt(path, { limits: { maxHandshakes: 1 } });
    await listening.listen((connection) => accepted.push(connection));
    const dialling = transportAt(newPath());
    for (let count = 0; count < 3; count++) {
      await dialling.dial(`ws+unix://${path}`, new AbortController().signal);
    }
    expect(new Set(accepted.map(({ remote }) => remote)).size).toBe(3);
    expect(accepted.every(({ remote }) => /^unix:\d+$/.test(remote))).toBe(true);
  });

  it('has to show the token where there is one, and is named when it does not', async () => {
    const path = newPath();
    const refused: string[] = [];
    const listening = transportAt(path, {
      auth: { token: 'right' },
      onRefused: ({ address }) => refused.push(address),
    });
    await listening.listen(noop);
    const dialling = transportAt(newPath(), { auth: { token: 'wrong' } });
    await expect(dialling.dial(`ws+unix://${path}`, new AbortController().signal)).rejects.toMatchObject({
      code: 'PEER_REFUSED',
    });
    expect(refused).toEqual(['unix']);
  });
});

describe('a node', () => {
  it('accepts nodes of its machine at a socket and others at a port, with one address each', async () => {
    const path = newPath();
    const hub = await start({ id: 'hub', listen: { port: 0 }, socket: path });
    expect(hub.addresses).toEqual([hub.address, `ws+unix://${path}`]);
    const near = await start({ id: 'near', peers: [`ws+unix://${path}`] });
    const far = await start({ id: 'far', peers: [String(hub.address)] });
    const [first, , last] = [near, hub, far].map((node) =>
      node.table('t', { key: 'string', value: 'count' }),
    );
    const arrived = new Promise((resolve) => last?.changes.subscribe(resolve));
    first?.set('a', 1);
    expect(await arrived).toMatchObject({ key: 'a', value: 1 });
  });

  it('without listen is reached by its socket alone, and its path is told to people', async () => {
    const path = newPath();
    const hub = await start({ id: 'hub', socket: { path, mode: 0o660 } });
    expect(hub.address).toBe(`ws+unix://${path}`);
    const nobody = `ws+unix://${newPath()}`;
    const near = await start({ id: 'near', peers: [`ws+unix://${path}`, nobody] });
    const both = await firstValueFrom(
      near.peers.pipe(
        filter(
          (peers) =>
            peers.length === 2 && peers.every(({ state }) => state === 'connected' || state === 'waiting'),
        ),
      ),
    );
    expect(both.map(({ address }) => address)).toEqual([`ws+unix://${path}`, nobody]);
    expect(both[1]?.reason).toContain('there is no such socket');
  });

  it('refuses a socket where every node has to show a certificate', async () => {
    const authority = newAuthority();
    const tls = { ...authority.issue('a'), ca: authority.ca, requireClientCertificate: true };
    authority.remove();
    await expect(openNode({ id: 'a', socket: newPath(), listen: { port: 0, tls } })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      details: { option: 'socket' },
    });
  });
});
