import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import {
  type PlainDeclaration,
  type Table,
  isTablecastError,
  openLogFile,
  openNode,
  readBrokerStore,
  readStorageFile,
} from '../../index.ts';
import { exactly } from '../../schema/exactly.ts';
import { type PeerFlags, collectList, exitingWith, newCommand, withPeer } from '../command.ts';
import { counted } from '../counted.ts';
import { EXIT, reportFailure, usageError } from '../failure.ts';
import { followRows } from '../following/follow-rows.ts';
import { type JoinedNode, closedAfter, withNode } from '../joined-node.ts';
import { isUnusable, tellOmissions } from '../left-out.ts';
import { note, print, visible } from '../output.ts';
import type { WriteTarget } from '../paced-writes.ts';
import {
  type ImportFlags,
  type ImportTarget,
  type Imported,
  importRows,
  isInput,
  requireInput,
  withFormat,
} from '../row-import.ts';
import { type Store, importStore, storeSummary } from '../store-import.ts';
import { brokerFiles, storageFiles, storesAt } from '../store-places.ts';
import { type TypeFlags, describedType } from '../store-types.ts';
import { parseDeclaration } from '../table-words.ts';

interface Flags extends PeerFlags, ImportFlags, TypeFlags {
  readonly brokerStore?: string | undefined;
  readonly storage?: string | undefined;
  readonly directory?: string | undefined;
  readonly id?: string | undefined;
  readonly declare?: string | undefined;
  readonly follow?: boolean | undefined;
  readonly place?: string | undefined;
}

/** A place says where a store lies, and into which table its rows go. */
interface StorePlace {
  readonly file: string;
  readonly name: string | undefined;
  /** Says what `escaped` counts. */
  readonly escapedAre: string;
}

/** A source is one table in a file, or a file that has none that could be read. */
interface StorageSource {
  readonly file: string;
  readonly table?: string;
  readonly failure?: unknown;
}

/** `tablecast import`: rows of a file into a table. */
export function importCommand(): Command {
  const command = newCommand('import', 'write the rows of a Zeek log, CSV or JSON lines into a table', [
    'tablecast import queries dns.log.gz --key id.orig_h --key query --value ts',
    'tablecast import known_services conn.log --key id.resp_h,id.resp_p/proto',
    `tablecast import hosts hosts.csv --directory data --id manager --declare 'key=addr value=count'`,
    'tablecast import queries dns.*.log.gz --key query --value ts',
    'zcat old.json.gz | tablecast import known_hosts -',
    'tablecast import --broker-store /usr/local/zeek/spool/stores --directory data --id manager',
    'tablecast import Known::hosts --storage known/hosts.sqlite --directory data --id manager',
  ]);
  withPeer(command)
    .argument('[table]', 'a table of the running node, or of the database of --directory')
    .argument('[files...]', 'plain or gzip; - reads the standard input')
    .option(
      '--key <field>',
      'field of each key column, repeated or with commas; ports as number/protocol field; default as export names them',
      collectList,
    )
    .option('--value <field>', 'field of the values')
    .option(
      '--broker-store <path>',
      'instead of a file: a SQLite store of a Zeek &backend table, or a folder of them',
    )
    .option(
      '--storage <path>',
      "instead of a file: a SQLite file of Zeek's storage framework, such as known/hosts.sqlite, or a folder of them",
    )
    .option('--type <type>', "type of the store's table in Zeek's words, such as 'table[addr] of count'")
    .option(
      '--types <definition>',
      "a type that --type names, 'Site::Level=enum { LOW, HIGH }'; repeated",
      collectTexts,
    )
    .option(
      '--zeek-tables <file>',
      'JSON with the types of stores: tables of an attachment, or a configuration',
    )
    .option('--follow', 'go on with what is written to the log, over rotations, until SIGINT or SIGTERM')
    .option('--place <file>', 'with --follow: keeps how far the log was read, and goes on there')
    .option('--strict', 'stop at the first line or row that cannot be used instead of leaving it out')
    .option('--directory <dir>', 'write into a database instead, while its node does not run; with --id')
    .option('--id <name>', 'the node of that database')
    .option(
      '--declare <declaration>',
      "declares a table that the database does not have yet, 'key=addr value=count'",
    );
  return withFormat(command)
    .addHelpText(
      'after',
      '\nExit code 1 when no row was imported, 4 when one of several files or stores could not be read to its end.',
    )
    .action(exitingWith(importAny));
}

function collectTexts(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

async function importAny(name: string | undefined, files: readonly string[], flags: Flags): Promise<number> {
  const { brokerStore, storage } = flags;
  if (brokerStore !== undefined || storage !== undefined) {
    checkStores(files, flags);
    return storage === undefined
      ? importStores(brokerStore ?? '', name, flags)
      : importStorage(storage, name, flags);
  }
  if (name !== undefined && files.length > 0) return importFiles(name, files, flags);
  throw usageError(
    name === undefined ? 'No table is named.' : 'No file is named.',
    'Write tablecast import TABLE FILE, or tablecast import --broker-store PATH, or --storage PATH.',
  );
}

function checkStores(files: readonly string[], { brokerStore, storage, follow }: Flags): void {
  if (follow === true)
    throw usageError('--follow is for logs.', 'A store of Zeek is imported once: leave --follow out.');
  if (files.length > 0 || (brokerStore !== undefined && storage !== undefined))
    throw usageError('One place is imported at a time.', 'Name a file, --broker-store or --storage.');
}

/**
 * Imports one source after the other. One that cannot be read harms no other: it is named, and the command fails at the
 * end.
 */
async function eachSource<Source>(
  sources: readonly Source[],
  flags: Flags,
  act: (source: Source) => Promise<number>,
): Promise<number> {
  let rows = 0;
  let failure: number | undefined;
  for (const source of sources) {
    try {
      rows += await act(source);
    } catch (error) {
      if (sources.length === 1 || flags.strict === true || !isOfSource(error)) throw error;
      // The greatest of several counts.
      failure = Math.max(failure ?? 0, reportFailure(error, flags.json === true));
    }
  }
  return failure ?? (rows > 0 ? EXIT.ok : EXIT.negative);
}

/** Returns true for a failure that another source need not meet. */
function isOfSource(error: unknown): boolean {
  return (
    isUnusable(error) ||
    isTablecastError(error, 'LIMIT_EXCEEDED') ||
    isTablecastError(error, 'OPTION_INVALID')
  );
}

/** Each store into the table of its name; the name of a single store's table may be given. */
async function importStores(path: string, name: string | undefined, flags: Flags): Promise<number> {
  const files = storesAt(path, brokerFiles);
  checkSeveral(path, files.length, name !== undefined || flags.type !== undefined);
  return eachSource(files, flags, async (file) => {
    const described = describedType(name ?? /___sync_store_(.+)\.sqlite$/.exec(file)?.[1], flags);
    const store = readBrokerStore(file, described ?? {});
    try {
      const to = { file, name: name ?? store.tableName, escapedAre: 'with bytes that are not UTF-8' };
      return await importOne(store, to, flags);
    } finally {
      store.close();
    }
  });
}

/** Each table of each file into one of its name; the name of a single table may be given. */
async function importStorage(path: string, name: string | undefined, flags: Flags): Promise<number> {
  const all = storesAt(path, storageFiles).flatMap(tablesIn);
  const named = all.filter(({ table }) => name !== undefined && table === name);
  const sources = named.length === 1 ? named : all;
  checkSeveral(path, sources.length, name !== undefined || flags.type !== undefined);
  return eachSource(sources, flags, async ({ file, table, failure }) => {
    if (table === undefined) throw failure;
    const opened = readStorageFile(file);
    try {
      const store = opened.table(table, describedType(table, flags) ?? describedType(name, flags));
      return await importOne(
        store,
        { file, name: name ?? table, escapedAre: String.raw`with \x in a text` },
        flags,
      );
    } finally {
      opened.close();
    }
  });
}

function checkSeveral(path: string, count: number, isNamed: boolean): void {
  if (count === 1 || !isNamed) return;
  throw usageError(
    `${path} has ${count} stores, each for a table of its own.`,
    'Name one file for a table or --type, or give the types with --zeek-tables.',
  );
}

/** Returns the tables of a file of the storage framework; of one that cannot be opened, why. */
function tablesIn(file: string): readonly StorageSource[] {
  try {
    const opened = readStorageFile(file);
    opened.close();
    const { tables, others } = opened;
    for (const other of others)
      note(`${file}: ${visible(other)} is no table of the storage framework, left out`);
    return tables.map((table) => ({ file, table }));
  } catch (failure) {
    return [{ file, failure }];
  }
}

async function importOne(
  store: Store & { readonly declaration: object | undefined },
  { file, name, escapedAre }: StorePlace,
  flags: Flags,
): Promise<number> {
  if (name === undefined) {
    throw usageError(
      `${file} does not say its table.`,
      'Name it: tablecast import TABLE --broker-store FILE.',
    );
  }
  if (store.size === 0) {
    note(`${name}: the store is empty`);
    return 0;
  }
  const { declaration } = store;
  const imported =
    flags.directory === undefined
      ? await withNode(flags, async (joined) => {
          const { table } = await joined.join(name);
          return importStore(store, targetAt(joined, table, name), flags);
        })
      : await intoDirectory(
          name,
          flags.directory,
          { ...flags, found: declaration as PlainDeclaration | undefined },
          (target) => importStore(store, target, flags),
        );
  if (flags.json === true) print(JSON.stringify({ table: name, ...imported }));
  else note(storeSummary(name, imported, escapedAre));
  return imported.rows;
}

async function importFiles(name: string, files: readonly string[], flags: Flags): Promise<number> {
  if (flags.follow === true || flags.place !== undefined) checkFollow(files, flags);
  // Without any file no table is declared, and no database made.
  const isAwaited = flags.follow === true;
  if (!isAwaited && files.every((file) => !isInput(file))) for (const file of files) requireInput(file);
  const importAll = (target: ImportTarget): Promise<number> => {
    const turn = inTurns(target);
    return eachSource(files, flags, async (file) => {
      if (!isAwaited) requireInput(file);
      const imported = await (isAwaited ? followRows : importRows)(file, turn(), flags);
      if (flags.json === true) print(JSON.stringify({ table: name, file, ...imported }));
      else tellImported(files.length === 1 ? name : `${name}, ${file}`, imported);
      return imported.rows;
    });
  };
  if (flags.directory !== undefined) return intoDirectory(name, flags.directory, flags, importAll);
  return withNode(flags, async (joined) => {
    const { table, declaration } = await joined.join(name);
    return importAll({ ...targetAt(joined, table, name), name, declaration });
  });
}

function checkFollow([file, ...others]: readonly string[], { follow, place }: Flags): void {
  if (follow !== true)
    throw usageError('--place keeps the place of a log that is followed.', 'Add --follow.');
  if (file === '-' || others.length > 0)
    throw usageError('--follow takes one file.', 'Run the command once for each log.');
  if (place === undefined) note('without --place the log is read from its beginning after a restart');
}

/** Gives each source a target of its own, that counts from 0. */
function inTurns(target: ImportTarget): () => ImportTarget {
  let total = 0;
  return () => {
    const before = total;
    return {
      ...target,
      confirmed: async (count, written) => {
        total = before + written;
        await target.confirmed(before + count, total);
      },
      standing: () => target.standing() - before,
    };
  };
}

function targetAt(joined: JoinedNode, table: Table, name: string): WriteTarget {
  return {
    table,
    confirmed: (count) => joined.confirmed(count, name),
    standing: () => joined.standing,
  };
}

async function intoDirectory<T>(
  name: string,
  directory: string,
  flags: Flags & { readonly found?: PlainDeclaration | undefined },
  act: (target: ImportTarget) => Promise<T>,
): Promise<T> {
  if (flags.id === undefined) {
    throw usageError('--directory names no database without --id.', 'Give the id of the node as well.');
  }
  const declaration = await declared(name, join(directory, `${flags.id}.tablecast.db`), flags);
  const node = await openNode({ id: flags.id, directory });
  return closedAfter(node, async () => {
    const table = node.table(name, exactly(declaration));
    let standing = 0;
    const confirmed = async (_: number, written: number): Promise<void> => {
      await node.flush();
      standing = written;
    };
    const { declaration: full } = table;
    return act({ name, table, declaration: full, confirmed, standing: () => standing });
  });
}

async function declared(
  name: string,
  file: string,
  { declare, found: ofSource }: { declare?: string | undefined; found?: PlainDeclaration | undefined },
): Promise<PlainDeclaration> {
  if (declare !== undefined) return { ...parseDeclaration(declare, name), backend: 'sqlite' };
  const log = existsSync(file) ? await openLogFile(file) : undefined;
  const found = log?.tables.get(name);
  log?.close();
  if (found !== undefined) return found;
  if (ofSource !== undefined) return { ...ofSource, backend: 'sqlite' };
  throw usageError(
    `The database ${file} has no table ${JSON.stringify(name)}.`,
    `Declare it: --declare 'key=addr value=count'. It has: ${[...(log?.tables.keys() ?? [])].join(', ') || 'no tables'}.`,
  );
}

function tellImported(name: string, imported: Imported): void {
  const { rows, newKeys, skippedLines, skippedRecords, leftOut } = imported;
  note(
    `${name}: ${counted(rows, 'row')} imported, ${newKeys} of them under new keys; ${counted(skippedLines, 'line')} and ${counted(skippedRecords, 'record')} left out`,
  );
  tellOmissions(leftOut);
}
