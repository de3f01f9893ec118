import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PeerCertificate, connect } from 'node:tls';
import { filter, firstValueFrom } from 'rxjs';
import { type TableNode, openNode } from 'tablecast';
import { expect, onTestFinished, test } from 'vitest';
import { newAuthority } from '../transport/websocket/certificates.ts';
import { type RunningNode, startNode, temporary } from './support/command.ts';

/** Sends SIGHUP and waits for the line that says what came of it. */
async function reload(node: RunningNode, outcome: string): Promise<void> {
  node.process.kill('SIGHUP');
  await node.printed(outcome);
}

/** The common name in the certificate that a node shows. */
function shownBy({ address }: RunningNode, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(new URL(address).port), host: '127.0.0.1', ca }, () => {
      const { subject }: PeerCertificate = socket.getPeerCertificate();
      socket.destroy();
      resolve(String(subject.CN));
    });
    socket.once('error', reject);
  });
}

test('SIGHUP makes a running node use the certificates that its files hold now, and keep those it has when they are no good', async () => {
  const authority = newAuthority();
  onTestFinished(() => authority.remove());
  const { ca } = authority;
  const directory = temporary();
  const put = (name: string, text: string): void => writeFileSync(join(directory, name), text);
  const renew = (commonName: string): void => {
    const { cert, key } = authority.issue(commonName);
    put('hub.crt', cert);
    put('hub.key', key);
  };
  renew('first');
  put(
    'tablecast.json',
    JSON.stringify({
      id: 'hub',
      listen: { port: 0, host: '127.0.0.1', tls: { cert: 'hub.crt', key: 'hub.key' } },
      auth: { token: 'shared' },
      tables: { hosts: { key: 'addr', value: 'count' } },
    }),
  );
  const hub = await startNode(['--config', join(directory, 'tablecast.json'), '--listen', '127.0.0.1:0']);
  const shown = (): Promise<string> => shownBy(hub, ca);
  expect(await shown()).toBe('first');
  const worker = await openNode({ id: 'worker', peers: [hub.address], auth: { token: 'shared', ca } });
  onTestFinished(() => worker.close());
  const lost: unknown[] = [];
  await firstValueFrom(worker.peers.pipe(filter(([peer]) => peer?.state === 'connected')));
  worker.events.subscribe(({ code, message }) => code === 'peer-lost' && lost.push(message));

  renew('second');
  expect(await shown()).toBe('first');
  await reload(hub, '"code":"reloaded"');
  expect(await shown()).toBe('second');

  put('hub.key', authority.issue('of another certificate').key);
  await reload(hub, '"code":"reload-failed"');
  expect(await shown()).toBe('second');
  expect(lost).toEqual([]);
  hub.process.kill('SIGTERM');
  expect((await hub.finished).code).toBe(0);
});

test('SIGHUP makes a running node use the credentials that its file holds now: who is gone is ended, who is new is let in', async () => {
  const directory = temporary();
  const file = join(directory, 'tablecast.json');
  const put = (credentials: unknown, more: object = {}): void => {
    const tables = { hosts: { key: 'addr', value: 'count' } };
    writeFileSync(file, JSON.stringify({ id: 'hub', auth: { credentials }, tables, ...more }));
  };
  const one = { name: 'one', tokenFile: 'one.token', nodes: ['worker-1'] };
  const two = { name: 'two', token: 'token-of-two', nodes: ['worker-2'] };
  writeFileSync(join(directory, 'one.token'), 'token-of-one\n');
  put([one]);
  const hub = await startNode(['--config', file]);
  const joining = async (id: string, token: string) => {
    const worker = await openNode({ id, peers: [hub.address], auth: { token } });
    onTestFinished(() => worker.close());
    return worker;
  };
  const stateOf = (node: TableNode, state: string) =>
    firstValueFrom(node.peers.pipe(filter(([peer]) => peer?.state === state)));
  const first = await joining('worker-1', 'token-of-one');
  await stateOf(first, 'connected');

  // What is no good changes nothing, and is told with its place.
  writeFileSync(file, '{ "id": "hub", ');
  await reload(hub, `"code":"reload-failed"`);
  put([
    { ...two, nodes: [] },
    { ...two, write: 'all' },
  ]);
  await reload(hub, `${file}: auth.credentials.1.write is a text, and takes`);
  put([{ ...two, tokenFile: 'nowhere', token: undefined }]);
  await reload(hub, `There is no file ${join(directory, 'nowhere')}.`);
  put([{ ...two, read: ['a'], write: ['b'] }]);
  await reload(
    hub,
    `Of ${file} nothing was taken over; what is in use stays: auth.credentials.0 may write b`,
  );
  const second = await joining('worker-2', 'token-of-two');
  await stateOf(second, 'refused');
  expect(await hub.printed('')).not.toContain('peer-lost');

  put([two], { peers: ['ws://127.0.0.1:1'] });
  await reload(hub, '"code":"reloaded"');
  const told = await hub.printed('takes effect at the next start: peers.');
  expect(told).toContain('"ended":1,"added":["two"],"changed":[],"removed":["one"]');
  expect(told).not.toContain('token-of');
  await stateOf(first, 'refused');
  await stateOf(second, 'connected');

  // The same credential with another token, in the file that it names.
  put([one, two]);
  writeFileSync(join(directory, 'one.token'), 'other-token-of-one');
  await reload(hub, '"added":["one"]');
  const third = await joining('worker-1', 'other-token-of-one');
  await stateOf(third, 'connected');
  rmSync(file);
  await reload(hub, `There is no file ${file}.`);
  expect((await stateOf(third, 'connected'))[0]?.state).toBe('connected');
  hub.process.kill('SIGTERM');
  expect((await hub.finished).code).toBe(0);
});

test('SIGHUP with certificates that are good and credentials that are not changes neither', async () => {
  const authority = newAuthority();
  onTestFinished(() => authority.remove());
  const directory = temporary();
  const file = join(directory, 'tablecast.json');
  const put = (commonName: string, auth: unknown): void => {
    const { cert, key } = authority.issue(commonName);
    writeFileSync(join(directory, 'hub.crt'), cert);
    writeFileSync(join(directory, 'hub.key'), key);
    const listen = { port: 0, tls: { cert: 'hub.crt', key: 'hub.key' } };
    writeFileSync(file, JSON.stringify({ id: 'hub', listen, auth, tables: { hosts: { key: 'addr' } } }));
  };
  put('first', { token: 'shared' });
  const hub = await startNode(['--config', file]);
  put('second', { token: 'sp ace' });
  await reload(hub, '"code":"reload-failed"');
  expect(await shownBy(hub, authority.ca)).toBe('first');
  put('third', { token: 'shared' });
  await reload(hub, '"code":"reloaded"');
  expect(await shownBy(hub, authority.ca)).toBe('third');
});

test('SIGHUP does not end a node without certificates, credentials and file', async () => {
  const node = await startNode(['--id', 'plain', '--table', 'hosts key=addr value=count']);
  await reload(node, '"code":"reloaded"');
  node.process.kill('SIGTERM');
  expect((await node.finished).code).toBe(0);
});
