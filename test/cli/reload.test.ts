import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PeerCertificate, connect } from 'node:tls';
import { filter, firstValueFrom } from 'rxjs';
import { openNode } from 'tablecast';
import { expect, onTestFinished, test } from 'vitest';
import { newAuthority } from '../transport/websocket/certificates.ts';
import { type RunningNode, startNode, temporary } from './support/command.ts';

const slow = { timeout: 60_000 };

/** Sends SIGHUP and waits for the line that says what came of it. */
async function reload(node: RunningNode, outcome: string): Promise<void> {
  node.process.kill('SIGHUP');
  await node.printed(outcome);
}

test(
  'SIGHUP makes a running node use the certificates that its files hold now, and keep those it has when they are no good',
  slow,
  async () => {
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
    const port = Number(new URL(hub.address).port);
    const shown = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect({ port, host: '127.0.0.1', ca }, () => {
          const { subject }: PeerCertificate = socket.getPeerCertificate();
          socket.destroy();
          resolve(String(subject.CN));
        });
        socket.once('error', reject);
      });
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
  },
);

test('SIGHUP does not end a node without certificates', slow, async () => {
  const node = await startNode(['--id', 'plain', '--table', 'hosts key=addr value=count']);
  await reload(node, 'There are no certificates');
  node.process.kill('SIGTERM');
  expect((await node.finished).code).toBe(0);
});
