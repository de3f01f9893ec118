import { type Command, Option } from 'commander';
import type { PlainDeclaration } from '../../index.ts';
import { type PeerFlags, collectList, exitingWith, newCommand, withPeer } from '../command.ts';
import { counted } from '../counted.ts';
import { EXIT, usageError } from '../failure.ts';
import { type ExportRow, type LogFormat, defaultMapping, writeRecords } from '../formats/index.ts';
import { withNode } from '../joined-node.ts';
import { declarationIn, fileOf, withLogFile } from '../log-source.ts';
import { note, printStored } from '../output.ts';
import { ProgressLine } from '../progress.ts';
import { writeWhole } from '../whole-file.ts';

interface Flags extends PeerFlags {
  readonly format?: LogFormat | undefined;
  readonly output?: string | undefined;
  readonly spreadsheet?: boolean | undefined;
  readonly key?: readonly string[] | undefined;
  readonly value?: string | undefined;
  readonly file?: string | undefined;
  readonly directory?: string | undefined;
  readonly id?: string | undefined;
}

/** `tablecast export`: the rows of a table as a file. */
export function exportCommand(): Command {
  const command = newCommand('export', 'print the rows of a table as Zeek log, CSV or JSON lines', [
    'tablecast export known_hosts --format csv',
    'tablecast export known_services --format zeek --key host,port/proto --output services.log',
    'tablecast export known_hosts --format json --file data/manager.tablecast.db',
  ]);
  return withPeer(command)
    .argument('<table>', 'a table of the running node, or of the database of --file')
    .addOption(
      new Option('--format <name>', 'default: json with --json, else csv').choices(['zeek', 'csv', 'json']),
    )
    .option(
      '--spreadsheet',
      "CSV for people: text that a spreadsheet would compute gets a ' before it, control characters are escapes; not to be imported again",
    )
    .option('--output <file>', 'write there instead of the standard output')
    .option(
      '--key <name>',
      'name of each key column, repeated or with commas; default key, or key1, key2, …',
      collectList,
    )
    .option('--value <name>', 'name of the value column; default value')
    .option('--file <path>', 'read a database instead, DIRECTORY/ID.tablecast.db; its node may be running')
    .option('--directory <dir>', 'or: the directory of that node')
    .option('--id <name>', 'and its id')
    .addHelpText('after', '\nWith the same names tablecast import turns what was written into equal rows.')
    .action(exitingWith(exportTable));
}

async function exportTable(name: string, flags: Flags): Promise<number> {
  if (flags.spreadsheet === true && (flags.json === true || (flags.format ?? 'csv') !== 'csv')) {
    throw usageError('--spreadsheet is for CSV.', 'Leave out --json, and --format or write --format csv.');
  }
  if (fileOf(flags) !== undefined || flags.directory !== undefined || flags.id !== undefined) {
    return withLogFile(flags, async (log) => {
      const declaration = declarationIn(log, name);
      const rows = log.rows(name);
      await write({ name, declaration, rows: rows as Iterable<ExportRow>, count: rows.size }, flags);
      return EXIT.ok;
    });
  }
  return withNode(flags, async (joined) => {
    const { table, declaration } = await joined.join(name);
    const rows = (table as unknown as { entries(): Iterable<ExportRow> }).entries();
    await write({ name, declaration, rows, count: table.size }, flags);
    return EXIT.ok;
  });
}

/** Rows between two looks at the clock. */
const ROWS_PER_LOOK = 1024;

/** The same rows, and how far they are. */
function* counting(rows: Iterable<ExportRow>, total: number, progress: ProgressLine): Generator<ExportRow> {
  let count = 0;
  for (const row of rows) {
    yield row;
    if (++count % ROWS_PER_LOOK === 0) progress.at(() => ({ count, unit: 'rows', share: count / total }));
  }
}

interface Exported {
  readonly name: string;
  readonly declaration: Readonly<PlainDeclaration>;
  readonly rows: Iterable<ExportRow>;
  readonly count: number;
}

async function write({ name, declaration, rows, count }: Exported, flags: Flags): Promise<void> {
  const standard = defaultMapping(declaration);
  const value = flags.value ?? standard.value;
  const progress = new ProgressLine(name, {
    // Between rows on the same terminal it would only be in the way.
    json: flags.json === true || (flags.output === undefined && process.stdout.isTTY),
  });
  const chunks = writeRecords(counting(rows, count, progress), {
    declaration,
    format: flags.format ?? (flags.json === true ? 'json' : 'csv'),
    mapping: { key: flags.key ?? standard.key, ...(value === undefined ? {} : { value }) },
    path: name,
    spreadsheet: flags.spreadsheet,
  });
  try {
    if (flags.output === undefined) await printStored(chunks);
    else await writeWhole(flags.output, chunks);
  } finally {
    progress.end();
  }
  if (process.stderr.isTTY || flags.output !== undefined) note(`${name}: ${counted(count, 'row')} exported`);
}
