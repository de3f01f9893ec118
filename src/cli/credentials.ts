import { closeSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import type { CredentialFlags } from './command.ts';
import { usageError } from './failure.ts';
import { fileFailure } from './named-files.ts';

const MAX_FILE_BYTES = 1024 * 1024;

/** The credentials are what `openNode` takes as `auth`. */
export interface Credentials {
  readonly token?: string | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Reads what the flags name. Throws `OPTION_INVALID` or `IMPORT_INVALID` with the file that cannot be read. */
export function readCredentials(flags: CredentialFlags): Credentials | undefined {
  const { token, tokenFile, tlsCa, tlsCert, tlsKey } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw usageError('Only one of --tls-cert and --tls-key is given.', 'Give both, or neither.');
  }
  const secret = token ?? (tokenFile === undefined ? undefined : readText(tokenFile, 'token file').trim());
  const all = {
    token: secret,
    ca: readPem(tlsCa, 'TLS authority'),
    cert: readPem(tlsCert, 'TLS certificate'),
    key: readPem(tlsKey, 'TLS key'),
  };
  return Object.values(all).some((part) => part !== undefined) ? all : undefined;
}

function readPem(file: string | undefined, what: string): string | undefined {
  return file === undefined ? undefined : readText(file, what);
}

/**
 * Returns the text of a small file the user named; of one without an end no more than the limit is read.
 * Throws `OPTION_INVALID`, or `IMPORT_INVALID` when it is there and cannot be read.
 */
export function readText(file: string, what: string): string {
  const path = resolve(file);
  try {
    const bytes = readAtMost(path, MAX_FILE_BYTES + 1);
    if (bytes.length <= MAX_FILE_BYTES) return bytes.toString('utf8');
  } catch (error) {
    throw fileFailure(path, 'read', error);
  }
  throw usageError(`The ${what} ${path} is larger than ${MAX_FILE_BYTES} bytes.`, 'Check the path.');
}

function readAtMost(path: string, most: number): Buffer {
  const bytes = Buffer.alloc(most);
  const descriptor = openSync(path, 'r');
  try {
    let length = 0;
    for (let read = -1; read !== 0 && length < most; length += read)
      read = readSync(descriptor, bytes, length, most - length, null);
    return bytes.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}
