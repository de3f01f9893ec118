import { type Command, Option } from 'commander';
import { resolve } from 'node:path';
import type { Observable } from 'rxjs';
import type { NodeEvent, ProjectOptions, SqlProjection } from '../../index.ts';
import { type PeerFlags, exitingWith, newCommand, withPeer } from '../command.ts';
import { type LogFormat, logLine, withLogFormat } from '../event-log.ts';
import { EXIT, usageError } from '../failure.ts';
import { withNode } from '../joined-node.ts';
import { type FileFlags, declarationIn, fileOf, withLogFile } from '../log-source.ts';
import { note, noteWhole, visible } from '../output.ts';
import { untilSignal } from '../signals.ts';

interface ProjectFlags extends PeerFlags, FileFlags {
  readonly to: string;
  readonly into?: readonly string[] | undefined;
  readonly columns?: readonly string[] | undefined;
  readonly history?: boolean | undefined;
  readonly existing?: boolean | undefined;
  readonly module?: string | undefined;
  readonly once?: boolean | undefined;
  readonly logFormat?: LogFormat | undefined;
  readonly json?: boolean | undefined;
}

/** `tablecast project`: tables in an SQL database. */
export function projectCommand(): Command {
  const command = newCommand(
    'project',
    'keep tables of a running node in SQLite or PostgreSQL, until Ctrl-C',
    [
      'tablecast project known_hosts --to hosts.db',
      'tablecast project known_hosts visits --to postgres://tablecast@127.0.0.1/traffic',
      'tablecast project visits --to hosts.db --columns visits=host,port,seen --once',
      'tablecast project known_hosts --to hosts.db --history --file data/manager.tablecast.db',
    ],
  );
  return withPeer(withLogFormat(command))
    .argument('<table...>', 'tables of the running node, or of the database of --file')
    .addOption(
      new Option('--to <target>', 'file of SQLite, or postgres://user@host/database (password: PGPASSWORD)')
        .env('TABLECAST_TO')
        .makeOptionMandatory(),
    )
    .option('--into <table=name>', 'another name of a table in the target, repeated', collected)
    .option(
      '--columns <table=names>',
      'names of the columns of its key and value, with commas; repeated',
      collected,
    )
    .option('--existing', 'write tables that somebody else made; rows that are not in the table are removed')
    .option('--module <file>', 'module that exports where(row), or map(row) and columns')
    .option('--once', 'end when the target is equal')
    .option(
      '--history',
      'of a database: keep in TABLE_history what each row was, as far as the log goes back',
    )
    .option('--file <path>', 'project a database once, DIRECTORY/ID.tablecast.db; its node may be running')
    .option('--directory <dir>', 'or: the directory of that node')
    .option('--id <name>', 'and its id')
    .addHelpText(
      'after',
      '\nA target is gone on with whenever it was left; when it is away, it is waited for. Docs: docs/sql.md.',
    )
    .action(exitingWith(project));
}

async function project(names: readonly string[], flags: ProjectFlags): Promise<number> {
  const tables = [...new Set(names)];
  const options = optionsOf(flags);
  if (fileOf(flags) !== undefined || flags.directory !== undefined || flags.id !== undefined) {
    return withLogFile(flags, async (log) => {
      for (const table of tables) declarationIn(log, table);
      return told(log.events, flags, async () => once(log.project(tables, options)));
    });
  }
  if (flags.history === true)
    throw usageError(
      '--history needs the log of the node, and this command keeps none of its own.',
      'Name its database with --file, or call node.project() in its program.',
    );
  return withNode(flags, async (joined) => {
    await joined.synced(tables.map((table) => joined.declare(table)));
    return told(joined.node.events, flags, async () => {
      const projection = joined.node.project(tables, options);
      if (flags.once === true) return once(projection);
      return untilEnded(projection);
    });
  });
}

async function once(projection: SqlProjection): Promise<number> {
  try {
    await projection.reached();
  } finally {
    await projection.close();
  }
  return EXIT.ok;
}

/** Goes on until a signal; rejects with what ends the projection for good. */
async function untilEnded(projection: SqlProjection): Promise<number> {
  try {
    await untilSignal((_, fail) => {
      projection.reached(Infinity).catch(fail);
      return () => undefined;
    });
  } finally {
    await projection.close();
  }
  return EXIT.ok;
}

/** Prints what is told of projections while something is done. */
async function told(
  events: Observable<NodeEvent>,
  { logFormat }: ProjectFlags,
  act: () => Promise<number>,
): Promise<number> {
  const subscription = events.subscribe((event) => {
    if (!event.code.startsWith('projection-') || event.severity === 'error') return;
    if (logFormat === undefined) note(visible(event.message));
    else noteWhole(logLine(event, logFormat));
  });
  try {
    return await act();
  } finally {
    subscription.unsubscribe();
  }
}

function optionsOf({ to, into, columns, history, existing, module }: ProjectFlags): ProjectOptions {
  return {
    to,
    into: Object.fromEntries((into ?? []).map((text) => pairOf('--into', text))),
    columns: Object.fromEntries(
      (columns ?? []).map((text) => {
        const [table, names] = pairOf('--columns', text);
        return [table, names.split(',')] as const;
      }),
    ),
    history,
    existing,
    module: module === undefined ? undefined : resolve(module),
  };
}

function pairOf(flag: string, text: string): readonly [string, string] {
  const [, table, rest] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (table !== undefined && rest !== undefined) return [table, rest];
  throw usageError(`${flag} ${text} is no table and name.`, `Write ${flag} known_hosts=hosts, for one.`);
}

function collected(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}
