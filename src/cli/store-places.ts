import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { usageError } from './failure.ts';
import { fileFailure, requireFile } from './named-files.ts';

/** A kind of files says which of a folder are of it. */
export interface StoreKind {
  readonly name: RegExp;
  readonly called: string;
  /** Says where Zeek has them. */
  readonly hint: string;
}

/** The files that Broker leaves of a table. */
export const brokerFiles: StoreKind = {
  name: /^___sync_store_.+\.sqlite$/,
  called: 'Broker store',
  hint: 'Name the folder with the files ___sync_store_….sqlite, Broker::table_store_db_directory of Zeek, or one of them.',
};

/** The files that the storage framework keeps. */
export const storageFiles: StoreKind = {
  name: /^(?!___sync_store_).+\.sqlite$/,
  called: 'file of the storage framework',
  hint: 'Name a file such as known/hosts.sqlite in Cluster::default_store_dir of Zeek, or the folder it lies in.',
};

/** Returns the file that is named, or every one of a folder. Throws `OPTION_INVALID` when there is none. */
export function storesAt(path: string, { name, called, hint }: StoreKind): readonly string[] {
  requireFile(path, hint);
  const names = namesIn(path)?.filter((file) => name.test(file));
  if (names === undefined) return [path];
  if (names.length > 0) return names.toSorted().map((file) => join(path, file));
  throw usageError(`${path} holds no ${called}.`, hint);
}

/** Returns the files in a folder; undefined for a file. Throws `IMPORT_INVALID` for what may not be looked at. */
function namesIn(path: string): readonly string[] | undefined {
  try {
    return statSync(path).isDirectory() ? readdirSync(path) : undefined;
  } catch (error) {
    throw fileFailure(path, 'read', error);
  }
}
