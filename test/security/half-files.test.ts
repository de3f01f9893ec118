import { type NodeOptions, type TableNode, openNode } from 'tablecast';
import { webSocketTransport } from '../../src/transport/websocket/websocket.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newAuthority } from '../transport/websocket/certificates.ts';

const authority = newAuthority();
const { ca } = authority;
const good = authority.issue('hub');
const other = authority.issue('other');
let hub: TableNode;
beforeAll(async () => {
  const tls = { ...good, ca };
  hub = await openNode({ id: 'hub', listen: { port: 0, tls }, http: { port: 0, tls } });
});
afterAll(async () => {
  authority.remove();
  await hub.close();
});

/** What a file holds while it is written, or when it is another one; TLS takes most of them without a word. */
const noCertificates = {
  nothing: '',
  'no PEM': 'half a word',
  'a key': good.key,
  'the beginning of a certificate': ca.slice(0, 200),
  'one and the beginning of another': ca + other.cert.slice(0, 200),
  'one and a broken one': ca + other.cert.replace(/\n\w{8}/, '\nAAAAAAAA'),
};
const pairs = {
  'a certificate that is none': { ...good, cert: '' },
  'a key that is none': { ...good, key: '' },
  'a certificate without its key': { cert: good.cert },
  'the key of another': { ...good, key: other.key },
};
const wrong: readonly (readonly [string, object])[] = [
  ...Object.entries(noCertificates).map(([what, text]) => [what, { ...good, ca: text }] as const),
  ...Object.entries(noCertificates).map(
    ([what, text]) => [`${what}, as bytes`, { ...good, ca: new TextEncoder().encode(text) }] as const,
  ),
  ...Object.entries(pairs),
];

/** Every door through which certificates come in. */
const doors: Readonly<Record<string, (tls: object) => Promise<unknown>>> = {
  listen: (tls) => opened({ listen: { port: 0, tls } as NodeOptions['listen'] }),
  http: (tls) => opened({ http: { port: 0, tls } as NodeOptions['http'] }),
  auth: (auth) => opened({ auth }),
  zeek: (tls) => opened({ zeek: { url: 'wss://127.0.0.1:1', tables: {}, tls } }),
  nats: (tls) => opened({ nats: { servers: 'tls://127.0.0.1:1', group: 'g', tls } }),
  transport: async (tls) => webSocketTransport({ dial: { tls } }),
  'dialling, replaced': (dial) => replaced({ dial }),
  'listening, replaced': (listen) => replaced({ listen }),
  'HTTP, replaced': (http) => replaced({ http }),
};

async function opened(options: Omit<NodeOptions, 'id'>): Promise<void> {
  const node = await openNode({ id: 'hub', ...options });
  await node.close();
}

const replaced = async (change: object): Promise<void> => hub.reloadCertificates(change);

describe.each(Object.keys(doors))('at %s', (door) => {
  test.each(wrong)('certificates of which a part is %s are refused', async (_, tls) => {
    await expect(doors[door]?.(tls)).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  });
});

test('a certificate with its chain, and a key in one file with it, are taken', async () => {
  const both = `# hub\n${good.cert}${ca}${good.key}`;
  await expect(
    opened({ listen: { port: 0, tls: { cert: both, key: both, ca: ca + other.cert } } }),
  ).resolves.toBe(undefined);
});
