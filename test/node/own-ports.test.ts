import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backendOn } from '../../src/backends/backend-on.ts';
import { SeveralTransports } from '../../src/transport/several.ts';
import { ObjectDisk } from '../backends/support/object-disk.ts';
import { filesBackend } from '../../examples/own/files-backend.ts';
import { tcpTransport } from '../../examples/own/tcp-transport.ts';
import { type Backend, type TableNode, type Transport, memoryBackend, openNode } from '../../src/index.ts';

let directory = '';
const open: TableNode[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tablecast-test-'));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((node) => node.close()));
  await rm(directory, { recursive: true });
});

async function start(options: Parameters<typeof openNode>[0]): Promise<TableNode> {
  const node = await openNode(options);
  open.push(node);
  return node;
}

const files = (name = 'files'): Backend => filesBackend(join(directory, name));
const counts = { key: 'string', value: 'count' } as const;

describe('a backend of your own', () => {
  it('keeps rows, log and sequence over restarts beside the other backends, in one order', async () => {
    const options = () => ({ id: 'one', directory, backends: { files: files() } });
    const tables = (node: TableNode) =>
      ['memory', 'sqlite', 'files'].map((backend) => node.table(backend, { ...counts, backend }));
    const before = await start(options());
    const first = tables(before);
    for (let round = 1; round <= 50; round++) for (const table of first) table.set(`k${round % 7}`, round);
    before.batch(() => {
      for (const table of first) table.set('last', 1);
    });
    await before.close();
    const after = await start(options());
    const [memory, sqlite, own] = tables(after);
    expect(memory?.size).toBe(0);
    expect([...(own ?? [])]).toEqual([...(sqlite ?? [])]);
    expect(own?.get('k1')).toBe(50);
    for (const table of [memory, sqlite, own]) table?.set('again', 2);
    const all = await lastValueFrom(after.log.operations({ until: after.log.position }).pipe(toArray()));
    const positions = all.map(({ position }) => position);
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    const ofFiles = all.filter(({ table }) => table === 'files');
    expect(ofFiles.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 52 }, (_, index) => index + 1),
    );
    expect(new Set(ofFiles.map(({ origin }) => origin)).size).toBe(1);
  });

  it('is told of to peers once it has committed, and not before', async () => {
    const inner = files();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let holds = false;
    const slow: Backend = new Proxy(inner, {
      get: (target, name) => {
        if (name === 'commit') return async (commit: never) => (await (holds && held), inner.commit(commit));
        const member: unknown = target[name as keyof Backend];
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const one = await start({ id: 'one', listen: { port: 0 }, backends: { slow } });
    const two = await start({ id: 'two', peers: [String(one.address)] });
    const here = one.table('t', { ...counts, backend: 'slow' });
    const here2 = one.table('m', counts);
    const there = two.table('t', counts);
    const there2 = two.table('m', counts);
    holds = true;
    const seen: string[] = [];
    there.changes.subscribe(() => seen.push('t'));
    there2.changes.subscribe(() => seen.push('m'));
    here.set('a', 1);
    here2.set('a', 1);
    const changes = firstValueFrom(there.changes);
    await firstValueFrom(there2.changes);
    expect(seen).toEqual(['m']);
    release();
    await changes;
    expect(seen).toEqual(['m', 't']);
  });

  it('is one of the known ones in the error for a name that none has', async () => {
    const node = await start({ id: 'one', backends: { files: files() } });
    expect(() => node.table('t', { ...counts, backend: 'flies' })).toThrow(
      expect.objectContaining({
        code: 'DECLARATION_INVALID',
        hint: expect.stringMatching(/memory, files;.*Did you mean 'files'/),
        details: { table: 't', backend: 'flies' },
      }),
    );
    // What could be is named with what is missing for it.
    expect(() => node.table('t', { ...counts, backend: 'sqlte' })).toThrow(
      expect.objectContaining({
        hint: expect.stringMatching(/sqlite, with openNode\({ directory.*Did you mean 'sqlite'/),
      }),
    );
    expect(() => node.table('t', { ...counts, backend: 'flies' })).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/backends: { flies/) }),
    );
    expect(() => node.table('t', { ...counts, backend: 'sqlite' })).toThrow(/has no directory/);
    expect(() => node.table('t', { ...counts, backend: 'a b' })).toThrow(/declares the backend/);
    expect(() => node.table('t', { ...counts, backend: '__proto__' })).toThrow(/declares the backend/);
    expect(() => node.table('t', { ...counts, backend: 'constructor' })).toThrow(/no backend of this node/);
  });

  it('may have another name at the next start; two that have one table are refused', async () => {
    const before = await start({ id: 'one', backends: { files: files() } });
    before.table('t', { ...counts, backend: 'files' }).set('a', 1);
    await before.close();
    const renamed = await start({ id: 'one', backends: { disk: files() } });
    expect(renamed.table('t', { ...counts, backend: 'disk' }).get('a')).toBe(1);
    await renamed.close();
    const apart = await start({ id: 'one', backends: { other: files('other') } });
    apart.table('t', { ...counts, backend: 'other' }).set('a', 2);
    await apart.close();
    await expect(
      openNode({ id: 'one', backends: { files: files(), other: files('other') } }),
    ).rejects.toMatchObject({
      code: 'DECLARATION_DIFFERS',
      details: { table: 't' },
    });
  });

  it('belongs to one node', async () => {
    await (await start({ id: 'one', backends: { files: files() } })).close();
    await expect(openNode({ id: 'two', backends: { files: files() } })).rejects.toMatchObject({
      code: 'BACKEND_FOREIGN',
      message: 'The log of two in backend files belongs to node one.',
    });
  });

  it('forgets with the process when it is not durable, and is written in a new life then', async () => {
    const before = await start({ id: 'one', backends: { memory2: memoryBackend() } });
    const table = before.table('t', { ...counts, backend: 'memory2' });
    table.set('a', 1);
    expect(table.size).toBe(1);
    await before.close();
    const after = await start({ id: 'one', backends: { memory2: memoryBackend() } });
    expect(after.table('t', { ...counts, backend: 'memory2' }).size).toBe(0);
  });
});

describe('a transport of your own', () => {
  it('carries tables between nodes that speak nothing else, beside WebSocket, and names its addresses', async () => {
    const one = await start({ id: 'one', listen: { port: 0 }, transports: [tcpTransport({ port: 0 })] });
    expect(one.addresses).toHaveLength(2);
    const [webSocket, tcp] = one.addresses;
    expect(one.address).toBe(webSocket);
    expect(tcp).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    const two = await start({ id: 'two', peers: [String(tcp)], transports: [tcpTransport({ port: 0 })] });
    const three = await start({ id: 'three', peers: [String(webSocket)] });
    const tables = [one, two, three].map((node) => node.table('t', counts));
    const [, there, far] = tables;
    const arrived = Promise.all([there, far].map((table) => firstValueFrom(table!.changes)));
    tables[0]?.set('a', 1);
    await arrived;
    const back = firstValueFrom(far!.changes);
    there?.set('b', 2);
    expect((await back).origin).toContain('two@');
    expect(two.address).toBe(two.addresses[0]);
  });
});

describe('transports, of which one cannot listen', () => {
  it('leave none of them listening, also what listens only later', async () => {
    const later = tcpTransport({ port: 0 });
    const closed: string[] = [];
    let address = '';
    const slow: Transport = {
      name: 'slow',
      maxFrameBytes: later.maxFrameBytes,
      listen: async (accept) => {
        await new Promise((resolve) => setImmediate(resolve));
        return (address = await later.listen(accept));
      },
      dial: (to, signal) => later.dial(to, signal),
      close: async () => {
        closed.push('slow');
        await later.close();
      },
    };
    const broken: Transport = {
      ...slow,
      name: 'broken',
      listen: () => Promise.reject(new Error('the port is taken')),
      close: () => Promise.reject(new Error('never opened')),
    };
    const all = new SeveralTransports(
      [broken, slow].map((transport) => ({ transport, schemes: [transport.name], listens: true })),
    );
    await expect(all.listen(() => undefined)).rejects.toThrow('the port is taken');
    expect(address).toMatch(/^tcp:/);
    expect(closed).toEqual(['slow']);
    const { signal } = new AbortController();
    await expect(tcpTransport({ port: 0 }).dial(address, signal)).rejects.toThrow(
      /ECONNREFUSED|refused|reach/,
    );
  });

  it('and whose end fails, keep no store locked and no other open', async () => {
    const disk = new ObjectDisk();
    const closed: string[] = [];
    const own = (name: string, close: () => Promise<void>): Transport => {
      const { maxFrameBytes } = tcpTransport({ port: 0 });
      const listen = (): Promise<string> => Promise.resolve(`${name}://here`);
      const dial = (): Promise<never> => Promise.reject(new Error('nobody'));
      return { name, maxFrameBytes, listen, dial, close };
    };
    const node = await openNode({
      id: 'one',
      backends: { own: backendOn(disk) },
      transports: [
        own('bad', () => Promise.reject(new Error('it hangs on'))),
        own('good', async () => void closed.push('good')),
      ],
    });
    await expect(node.close()).rejects.toThrow('it hangs on');
    expect(closed).toEqual(['good']);
    expect(disk.closes).toEqual([true]);
  });
});

describe('options of ports', () => {
  const transport = tcpTransport({ port: 0 });
  const wrong: [string, object, RegExp][] = [
    ['no backend', { backends: { files: 1 } }, /Option backends\.files is/],
    [
      'a backend without members',
      { backends: { files: { name: 'x', open() {} } } },
      /backends\.files lacks commit, read/,
    ],
    ['the name of memory', { backends: { memory: memoryBackend() } }, /backends\.memory has a name/],
    ['a name with spaces', { backends: { 'a b': memoryBackend() } }, /has a name that a backend cannot have/],
    [
      'sqlite twice',
      { directory: '/tmp', backends: { sqlite: memoryBackend() } },
      /is given beside directory/,
    ],
    [
      'a transport without members',
      { transports: [{ name: 'x', maxFrameBytes: 1 }] },
      /transports\.0 lacks listen, dial, close/,
    ],
    [
      'a transport whose name is no scheme',
      { transports: [{ ...transport, name: 'My Net' }] },
      /is no scheme/,
    ],
    ['two transports of one name', { transports: [transport, { ...transport }] }, /two for the same scheme/],
    [
      'a transport in the place of WebSocket',
      { transports: [{ ...transport, name: 'ws' }] },
      /two for the same scheme/,
    ],
    [
      'a transport without a length',
      { transports: [{ ...transport, maxFrameBytes: 0 } as Transport] },
      /maxFrameBytes/,
    ],
    [
      'a peer that nothing dials',
      { peers: ['tcp://127.0.0.1:1'] },
      /begins with a scheme that no transport has/,
    ],
    [
      'a peer with a secret',
      { transports: [transport], peers: ['tcp://a:b@127.0.0.1:1'] },
      /carries credentials/,
    ],
    [
      '17 backends',
      { backends: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`b${i}`, memoryBackend()])) },
      /has 17 entries/,
    ],
    [
      '17 transports',
      { transports: Array.from({ length: 17 }, (_, i) => ({ ...transport, name: `t${i}` })) },
      /has 17 entries/,
    ],
  ];
  it.each(wrong)('%s is refused with what to do', async (_what, options, message) => {
    const refused = await openNode({ id: 'one', ...options }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'OPTION_INVALID', message: expect.stringMatching(message) });
  });

  it('takes 16 of each', async () => {
    const backends = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`b${i}`, memoryBackend()]));
    const transports = Array.from({ length: 16 }, (_, i) => ({
      ...tcpTransport({ port: 0 }),
      name: `t${i}`,
    }));
    const node = await start({ id: 'one', backends, transports });
    expect(node.addresses).toHaveLength(16);
    node.table('t', { ...counts, backend: 'b15' }).set('a', 1);
  });

  it('one backend under two names is refused', async () => {
    const backend = memoryBackend();
    await expect(openNode({ id: 'one', backends: { a: backend, b: backend } })).rejects.toThrow(
      /under two names/,
    );
  });
});
