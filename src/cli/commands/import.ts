import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type TableDeclaration, openLogFile, openNode } from '../../index.ts';
import { type PeerFlags, collectList, exitingWith, newCommand, withPeer } from '../command.ts';
import { EXIT, usageError } from '../failure.ts';
import { withNode } from '../joined-node.ts';
import { note, print } from '../output.ts';
import { type ImportFlags, type ImportTarget, type Imported, importRows, withFormat } from '../row-import.ts';
import { parseDeclaration } from '../table-words.ts';

interface Flags extends PeerFlags, ImportFlags {
  readonly directory?: string | undefined;
  readonly id?: string | undefined;
  readonly declare?: string | undefined;
}

/** `tablecast import`: rows of a file into a table. */
export function importCommand(): Command {
  const command = newCommand('import', 'write the rows of a Zeek log, CSV or JSON lines into a table', [
    'tablecast import queries dns.log.gz --key id.orig_h --key query --value ts',
    'tablecast import known_services conn.log --key id.resp_h,id.resp_p/proto',
    `tablecast import hosts hosts.csv --directory data --id manager --declare 'key=addr value=count'`,
    'zcat old.json.gz | tablecast import known_hosts -',
  ]);
  withPeer(command)
    .argument('<table>', 'a table of the running node, or of the database of --directory')
    .argument('<file>', 'plain or gzip; - reads the standard input')
    .option(
      '--key <field>',
      'field of each key column, repeated or with commas; ports as number/protocol field; default as export names them',
      collectList,
    )
    .option('--value <field>', 'field of the values')
    .option('--strict', 'stop at the first line or row that cannot be used instead of leaving it out')
    .option('--directory <dir>', 'write into a database instead, while its node does not run; with --id')
    .option('--id <name>', 'the node of that database')
    .option(
      '--declare <declaration>',
      "declares a table that the database does not have yet, 'key=addr value=count'",
    );
  return withFormat(command)
    .addHelpText('after', '\nExit code 1 when no row was imported.')
    .action(exitingWith(importFile));
}

async function importFile(name: string, file: string, flags: Flags): Promise<number> {
  const imported =
    flags.directory === undefined
      ? await withNode(flags, async (joined) => {
          const table = await joined.join(name);
          return importRows(file, { ...table, confirmed: (count) => joined.confirmed(count) }, flags);
        })
      : await intoDirectory(name, flags.directory, flags, (target) => importRows(file, target, flags));
  if (flags.json === true) print(JSON.stringify({ table: name, ...imported }));
  else note(summary(name, imported));
  return imported.rows > 0 ? EXIT.ok : EXIT.negative;
}

async function intoDirectory<T>(
  name: string,
  directory: string,
  flags: Flags,
  act: (target: ImportTarget) => Promise<T>,
): Promise<T> {
  if (flags.id === undefined) {
    throw usageError('--directory names no database without --id.', 'Give the id of the node as well.');
  }
  const declaration = await declared(name, join(directory, `${flags.id}.tablecast.db`), flags.declare);
  const node = await openNode({ id: flags.id, directory });
  try {
    const table = node.table(name, declaration);
    const result = await act({ name, table, declaration: table.declaration, confirmed: () => node.flush() });
    await node.flush();
    return result;
  } finally {
    await node.close();
  }
}

async function declared(name: string, file: string, declare: string | undefined): Promise<TableDeclaration> {
  if (declare !== undefined) return { ...parseDeclaration(declare, name), backend: 'sqlite' };
  const log = existsSync(file) ? await openLogFile(file) : undefined;
  const found = log?.tables.get(name);
  log?.close();
  if (found !== undefined) return found;
  throw usageError(
    `The database ${file} has no table ${JSON.stringify(name)}.`,
    `Declare it: --declare 'key=addr value=count'. It has: ${[...(log?.tables.keys() ?? [])].join(', ') || 'no tables'}.`,
  );
}

function summary(name: string, { rows, skippedLines, skippedRecords }: Imported): string {
  return `${name}: ${rows} rows imported, ${skippedLines} lines and ${skippedRecords} records left out`;
}
