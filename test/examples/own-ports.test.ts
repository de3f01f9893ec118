import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backendContract } from '../contracts/backend.contract.ts';
import { transportContract } from '../contracts/transport.contract.ts';
import { SeveralTransports } from '../../src/transport/several.ts';
import { filesBackend } from '../../examples/own/files-backend.ts';
import { tcpTransport } from '../../examples/own/tcp-transport.ts';
import { freePort } from '../support/free-port.ts';

backendContract('a file for each commit (examples)', { durable: true }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tablecast-test-'));
  const make = () => filesBackend(join(directory, 'deep', 'log'));
  const remove = () => rm(directory, { recursive: true });
  return { backend: make(), reopen: make, abandoned: make, remove };
});

transportContract('plain TCP (examples)', {
  transport: (limits) => tcpTransport({ port: 0 }, limits),
  nobody: async () => `tcp://127.0.0.1:${await freePort()}`,
});

transportContract('several transports as one', {
  transport: (limits) => {
    const transport = tcpTransport({ port: 0 }, limits);
    return new SeveralTransports([{ transport, schemes: ['tcp'], listens: true }]);
  },
  nobody: async () => `tcp://127.0.0.1:${await freePort()}`,
});
