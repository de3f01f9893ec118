import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { type LogFile, type PlainDeclaration, isTablecastError, openLogFile } from '../index.ts';
import { withJson } from './command.ts';
import { usageError } from './failure.ts';
import { didYouMean } from './nearest-word.ts';
import { requireFile } from './named-files.ts';

/** The flags say where a database is. */
export interface FileFlags {
  readonly file?: string | undefined;
  readonly directory?: string | undefined;
  readonly id?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Adds the options that name a database file. */
export function withFile(command: Command): Command {
  command
    .option('--file <path>', 'the database, DIRECTORY/ID.tablecast.db; the node may be running')
    .addOption(new Option('--directory <dir>', 'or: the directory of the node').env('TABLECAST_DIRECTORY'))
    .addOption(new Option('--id <name>', 'and its id').env('TABLECAST_ID'));
  return withJson(command);
}

/** Returns the file the flags name, or undefined. Throws `OPTION_INVALID` for half a name. */
export function fileOf({ file, directory, id }: FileFlags): string | undefined {
  if (file !== undefined) return file;
  if (directory === undefined || id === undefined) return undefined;
  return join(directory, `${id}.tablecast.db`);
}

/** Opens the database the flags name, does something with it and closes it. */
export async function withLogFile<T>(flags: FileFlags, act: (log: LogFile) => Promise<T>): Promise<T> {
  const file = fileOf(flags);
  if (file === undefined) {
    throw usageError(
      'No database is named.',
      'Give --file DIRECTORY/ID.tablecast.db, or --directory and --id. To follow a running node live, use tablecast tail.',
    );
  }
  requireFile(file, 'A node writes its first sqlite table there; check directory and id.');
  const log = await openLogFile(file);
  try {
    return await act(log);
  } finally {
    log.close();
  }
}

/** Returns the declaration of a table of a file. Throws `OPTION_INVALID` when there is none. */
export function declarationIn(log: LogFile, name: string): Readonly<PlainDeclaration> {
  const declaration = log.tables.get(name);
  if (declaration !== undefined) return declaration;
  const names = [...log.tables.keys()];
  throw usageError(
    `The file has no table ${JSON.stringify(name)}.${didYouMean(name, names)}`,
    `Its tables are: ${names.join(', ') || 'none'}. Tables with backend memory are in no file.`,
  );
}

/** Returns a position; undefined, which is where the log begins, if it was trimmed beyond that. */
export async function keptFrom(file: LogFile, after: number | undefined): Promise<number | undefined> {
  const looking = file.follow({ after });
  try {
    await looking.next();
    return after;
  } catch (error) {
    if (isTablecastError(error, 'LOG_TRIMMED')) return undefined;
    throw error;
  } finally {
    await looking.return?.();
  }
}
