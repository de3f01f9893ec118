import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import type { ZeekTls } from '../../../src/zeek/protocol/client-options.ts';
import { dialFailure } from '../../../src/zeek/protocol/dial-failure.ts';
import { freePort } from '../../support/free-port.ts';
import { type Issued, newAuthority } from '../../transport/websocket/certificates.ts';
import { StandIn } from './stand-in/server.ts';
import { cleanUp, later, Watcher } from './watcher.ts';

afterEach(cleanUp);

const authority = newAuthority();
const others = newAuthority();
const { ca } = authority;
const server = authority.issue('zeek');
const client = authority.issue('tablecast');
const old = authority.issue('tablecast', -1);
const stranger = others.issue('stranger');
afterAll(() => [authority, others].forEach((one) => one.remove()));

async function standIn(of: Issued = server, maxVersion?: 'TLSv1.2'): Promise<string> {
  const zeek = new StandIn({ tables: [], tls: { ca, ...of, maxVersion } });
  await zeek.listen();
  later(() => zeek.stop());
  return zeek.url;
}

/** What is told of a connection that does not come about. */
async function failure(url: string, tls?: ZeekTls): Promise<string> {
  const watcher = new Watcher({ url, tls });
  await watcher.until(() => watcher.problems.length > 0);
  const [problem] = watcher.problems;
  expect(problem?.code).toBe('PEER_UNREACHABLE');
  expect(watcher.states.some(({ kind }) => kind === 'connected')).toBe(false);
  await watcher.client.close();
  return `${problem?.message.replace(/^.* failed: /, '')} ${problem?.hint}`;
}

test('a client certificate of the authority is accepted', async () => {
  const watcher = new Watcher({ url: await standIn(), tls: { ca, ...client } });
  await watcher.connected();
});

test('cannot be had without a look at the certificate, not even by the environment', async () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  later(async () => void vi.unstubAllEnvs());
  const tls = { ...client, rejectUnauthorized: false } as never;
  expect(await failure(await standIn(), tls)).toContain("Zeek's certificate is not trusted");
});

describe('why it is not connected is told, and what to do', () => {
  const wanted = 'it wants a client certificate, and was shown none. Give tls.cert and tls.key, issued by';
  const distrusted = 'it does not trust the client certificate. Give a certificate and key as';
  const expired = 'the client certificate has expired. Renew the certificate of tls.cert';

  // Node's server has an alert for a certificate that is missing, and closes the socket over any other.
  test.each([undefined, 'TLSv1.2'] as const)(
    'where the server wants one that it trusts: %s',
    async (version) => {
      const url = await standIn(server, version);
      expect(await failure(url, { ca })).toContain(wanted);
      expect(await failure(url, { ca, ...stranger })).toContain(
        'it may not trust the client certificate. Give',
      );
      expect(await failure(url, { ca, ...old })).toContain(expired);
      expect(await failure(url.replace('wss', 'ws'))).toContain('use wss:// where it has tls_options');
    },
  );

  // As `openssl s_server -Verify 1 -verify_return_error` was answered to: TLS 1.3, then 1.2.
  test.each([
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 116, wanted],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 48, distrusted],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', 45, expired],
    ['EPROTO', 48, distrusted],
    ['EPROTO', 45, expired],
    ['EPROTO', 40, distrusted],
  ])('where OpenSSL says %s %i', (code, alert, words) => {
    const text = `write EPROTO 806C:error:0A00:SSL routines:ssl3_read_bytes:x:../rec_layer_s3.c:1601:SSL alert number ${alert}`;
    const shown = { isTls: true, tls: { ca, ...stranger }, now: Date.now() };
    const told = dialFailure(Object.assign(new Error(text), { code }), shown);
    expect(`${told?.what}. ${told?.hint}`).toContain(words);
  });

  test('where it is the certificate of the server', async () => {
    expect(await failure(await standIn(), client)).toContain(
      "Zeek's certificate is not trusted (SELF_SIGNED_CERT_IN_CHAIN). Give the certificate of its authority as tls.ca",
    );
    expect(await failure(await standIn(authority.issue('zeek', -1)), { ca, ...client })).toContain(
      "Zeek's certificate has expired. Renew cert_file",
    );
    const named = { ca, ...client, servername: 'elsewhere.example' };
    expect(await failure(await standIn(), named)).toContain(
      "Zeek's certificate is for another name. Dial it",
    );
  });

  test('where there is no TLS, or nothing', async () => {
    const zeek = new StandIn({ tables: [] });
    await zeek.listen();
    later(() => zeek.stop());
    expect(await failure(zeek.url.replace('ws', 'wss'), { ca })).toContain(
      'no TLS is spoken there. Use ws://',
    );
    expect(await failure(`ws://127.0.0.1:${await freePort()}`)).toContain(
      'nothing listens there. Check that',
    );
  });

  test('where what is given cannot be used', async () => {
    const url = await standIn();
    const none = { cert: 'no certificate', key: 'no key' };
    expect(await failure(url, { ca, ...none })).toContain(
      'tls.cert or tls.key cannot be read. Give both as PEM',
    );
    expect(await failure(url, { ca, cert: client.cert, key: stranger.key })).toContain(
      'tls.key is not the key of tls.cert',
    );
    expect(() => new Watcher({ url, tls: { ca, cert: client.cert } })).toThrow(/one is missing/);
    expect(() => new Watcher({ url: 'ws://127.0.0.1:1', tls: { ca } })).toThrow(/without TLS/);
  });
});
