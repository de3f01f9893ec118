import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate and its key, as PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

/** An authority of its own, made with the openssl program; works without a network. */
export interface Authority {
  readonly ca: string;
  /** A certificate for 127.0.0.1 and localhost, with this common name; with days below 0 it has expired. */
  issue(commonName: string, days?: number): Issued;
  remove(): void;
}

/** Makes an {@link Authority} in a temporary folder. */
export function newAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'tablecast-certificates-'));
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  };
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...curve,
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-days',
    '2',
    '-subj',
    '/CN=test authority',
  );
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  let serial = 1;
  return {
    ca: read('ca.crt'),
    issue(commonName, days = 2) {
      const name = `node-${(serial += 1)}`;
      writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
      openssl('req', ...curve, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${commonName}`);
      const signing = [
        '-CA',
        'ca.crt',
        '-CAkey',
        'ca.key',
        '-set_serial',
        String(serial),
        '-extfile',
        'names',
      ];
      openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, '-days', String(days), ...signing);
      return { cert: read(`${name}.crt`), key: read(`${name}.key`) };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
