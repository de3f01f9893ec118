/** What runs the scenarios against a real Zeek fails at once when there is none any more, and with its words. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { RealZeek } from './real/real-zeek.ts';
import { filesOf, nodesOf, tlsFilesOf, type ZeekSetup } from './real/setups.ts';
import { cleanUp, directory } from './support.ts';

afterEach(cleanUp);

/** A program in the place of Zeek. */
async function zeekThat(does: string): Promise<string> {
  const program = join(await directory(), 'zeek');
  await writeFile(program, `#!/bin/sh\n${does}\n`);
  await chmod(program, 0o755);
  return program;
}

test.each<ZeekSetup>(['broker', 'zeromq', 'broker-cluster', 'zeromq-cluster'])(
  'a Zeek that ends at its start is told at once with what it said: %s',
  async (setup) => {
    const program = await zeekThat('echo "fatal error in tablecast.zeek, line 1: syntax error" >&2; exit 3');
    await expect(RealZeek.start(program, setup)).rejects.toThrow(
      /has ended with code 3, though nobody asked it to[^]*fatal error in tablecast\.zeek, line 1: syntax error/,
    );
  },
);

test('a Zeek that cannot be started is told with the reason', async () => {
  await expect(RealZeek.start(join(await directory(), 'none'), 'broker')).rejects.toThrow(
    /cannot be started.*ENOENT/,
  );
});

test('the WebSocket server does not run on the log receiver over ZeroMQ, and each endpoint has its port', () => {
  const files = filesOf('zeromq-cluster', [1, 2, 3]);
  expect(files.get('cluster-layout.zeek')).toContain('Cluster::manager_is_logger = F');
  expect(files.get('cluster-layout.zeek')).toContain(
    '["logger"] = [$node_type=Cluster::LOGGER, $ip=127.0.0.1, $p=1/tcp]',
  );
  const ports = files.get('zeromq-ports.zeek')?.match(/\w+_endpoint = "tcp:\/\/127\.0\.0\.1:\d"/g);
  expect(ports).toEqual([
    'listen_xpub_endpoint = "tcp://127.0.0.1:2"',
    'connect_xsub_endpoint = "tcp://127.0.0.1:2"',
    'listen_xsub_endpoint = "tcp://127.0.0.1:3"',
    'connect_xpub_endpoint = "tcp://127.0.0.1:3"',
  ]);
  expect(nodesOf('zeromq-cluster')[0]).toBe('manager');
});

test('a WebSocket server can run on a worker, and ask for certificates in the words of Cluster::listen_websocket', () => {
  expect(nodesOf('zeromq-cluster', true)).toEqual(['worker-2', 'worker-1', 'manager']);
  const files = tlsFilesOf({ ca: 'A', server: { cert: 'S', key: 'K' }, client: { cert: 'C', key: 'L' } }, 7);
  expect(files.get('websocket-tls.zeek')).toContain(
    'Cluster::listen_websocket([$listen_addr=127.0.0.1, $listen_port=7/tcp, $tls_options=tls])',
  );
  const named = files.get('websocket-tls.zeek')?.match(/(?<=_file=")[^"]+/g) ?? [];
  expect(named.map((name) => files.get(name))).toEqual(['S', 'K', 'A']);
  expect([...files.values()]).not.toContain('L');
});
