/** A server over TLS that shows a certificate, asks for one, and knows the node by it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newAuthority } from '../transport/websocket/certificates.ts';
import { Group, declaration, until } from './group.ts';
import { NatsServer, missing } from './server.ts';

describe.skipIf(missing !== undefined)('over TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tablecast-nats-tls-'));
  const authority = newAuthority();
  const [own, shown] = [authority.issue('server'), authority.issue('node')];
  let server: NatsServer;
  beforeAll(async () => {
    const files = Object.entries({ ca: authority.ca, cert: own.cert, key: own.key }).map(([name, pem]) => {
      writeFileSync(join(directory, name), pem);
      return `${name}_file: "${join(directory, name)}"`;
    });
    server = await NatsServer.start(`tls { ${files.join('\n')}\nverify: true }`);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    authority.remove();
    rmSync(directory, { recursive: true });
  });
  const open = (group: Group, id: string, tls: object | undefined) =>
    group.open(id, { nats: { servers: server.url.replace('nats:', 'tls:'), group: 'g', tls } });

  it('tables are carried, with certificates as text and as bytes', async () => {
    await using group = new Group(server);
    const a = await open(group, 'a', { ca: authority.ca, ...shown });
    const bytes = (pem: string): Uint8Array => new TextEncoder().encode(pem);
    const b = await open(group, 'b', {
      ca: bytes(authority.ca),
      cert: bytes(shown.cert),
      key: bytes(shown.key),
    });
    a.table('t', declaration).set('of a', '1');
    const tb = b.table('t', declaration);
    await until([b], () => tb.get('of a'));
  });

  it.each([
    [
      'a server whose authority is not trusted',
      () => ({ ...shown }),
      /self.signed|unable to (get|verify)|certificate/,
    ],
    ['a node that shows none', () => ({ ca: authority.ca }), /certificate|TLS|closed|reset|EPROTO|alert/i],
  ])('%s is not spoken with, and that is told', async (_, tls, words) => {
    await using group = new Group(server);
    await open(group, 'a', tls());
    const { message } = await group.told('peer-unreachable');
    expect(message).toMatch(words);
  });

  it.each([
    ['an authority', () => ({ ca: 'not a certificate' })],
    ['a certificate', () => ({ ca: authority.ca, key: shown.key, cert: 'not a certificate' })],
    ['the key of this certificate', () => ({ ca: authority.ca, key: own.key, cert: shown.cert })],
  ])('what is not %s is refused as an option', async (_, tls) => {
    await using group = new Group(server);
    await expect(open(group, 'a', tls())).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining('Option nats.tls.'),
    });
  });
});
