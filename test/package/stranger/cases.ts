// The suites of `tablecast/testing` for what strangers brought: a backend, a transport, a rule. Run by two test runners.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backendSuite, conflictModeSuite, transportSuite } from 'tablecast/testing';
import { portTransport } from './port-transport.js';
import { segmentsBackend } from './segments-backend.js';

export const cases = [
  ...backendSuite({
    durable: true,
    place: () => {
      const directory = mkdtempSync(join(tmpdir(), 'tablecast-stranger-'));
      const make = (): ReturnType<typeof segmentsBackend> => segmentsBackend(directory);
      const remove = (): void => rmSync(directory, { recursive: true });
      return { backend: make(), reopen: make, abandoned: make, remove };
    },
  }),
  ...transportSuite({ transport: portTransport, nobody: () => 'port://nobody' }),
  ...conflictModeSuite({
    convergent: true,
    comparesVersions: true,
    supersedes: (a, b) =>
      (a.stamp - b.stamp || a.sequence - b.sequence || (a.origin > b.origin ? 1 : -1)) > 0,
  }),
];
