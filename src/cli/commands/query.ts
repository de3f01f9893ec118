import { type Command, Option } from 'commander';
import {
  type LogFile,
  type QueryCell,
  type QueryResult,
  type TablecastError,
  isTablecastError,
} from '../../index.ts';
import { exitingWith, newCommand, parseTimeout, wholeNumber } from '../command.ts';
import { terminalWidth } from '../drawn-rows.ts';
import { EXIT, usageError } from '../failure.ts';
import { isHttp } from '../http-node.ts';
import { queryOverHttp } from '../http-query.ts';
import { withNode } from '../joined-node.ts';
import { withLogFile } from '../log-source.ts';
import { didYouMean } from '../nearest-word.ts';
import { type NodeOrFileFlags, namesFile, withNodeOrFile } from '../node-or-file.ts';
import { printAll, printStored } from '../output.ts';
import { type AnswerFormat, answerText } from '../query-text.ts';

interface QueryFlags extends NodeOrFileFlags {
  readonly format?: AnswerFormat | undefined;
  readonly maxRows?: number | undefined;
  readonly maxTime?: number | undefined;
}

/** `tablecast query`: a question in SQL. */
export function queryCommand(): Command {
  const command = newCommand('query', 'print what a SELECT finds in the tables of a node', [
    'tablecast query "SELECT key, value FROM known_hosts ORDER BY value DESC LIMIT 10"',
    `tablecast query "SELECT count(*) AS hosts FROM known_hosts WHERE addr_in(?, key)" 10.0.0.0/8`,
    'tablecast query "SELECT * FROM known_hosts" --format csv --file data/manager.tablecast.db',
    'tablecast query "SELECT node_id, state FROM peers" --peer http://127.0.0.1:47780',
  ]);
  return withNodeOrFile(command)
    .argument('<sql>', 'begins with SELECT, WITH, VALUES or EXPLAIN; in the SQL of SQLite')
    .argument('[parameters...]', 'stand for ? in it: numbers as such, anything else as text')
    .addOption(
      new Option('--format <name>', 'default: json with --json, else table').choices([
        'table',
        'csv',
        'json',
      ]),
    )
    .option(
      '--max-rows <n>',
      'most rows of the answer, up to 1000000; default 10000',
      wholeNumber('--max-rows'),
    )
    .option('--max-time <time>', 'end the query itself after this long, up to 10m; default 10s', parseTimeout)
    .addHelpText(
      'after',
      '\nA --peer of http:// or https:// is the HTTP port of a node, which answers the query itself, with its log and\n' +
        'peers. Of any other running node the tables that the query names are copied first. Docs: docs/sql.md#queries.',
    )
    .action(exitingWith(query));
}

async function query(sql: string, words: readonly string[], flags: QueryFlags): Promise<number> {
  const found = await answer({ sql, parameters: words.map(parameterOf) }, flags);
  const format = flags.format ?? (flags.json === true ? 'json' : 'table');
  const print = format === 'csv' ? printStored : printAll;
  await print(answerText(found, { format, width: terminalWidth() }));
  return EXIT.ok;
}

interface Question {
  readonly sql: string;
  readonly parameters: readonly QueryCell[];
}

function answer(question: Question, flags: QueryFlags): Promise<QueryResult> {
  if (namesFile(flags))
    return withLogFile(flags, (log) => ask(log, question, { flags, tables: [...log.tables.keys()] }));
  const { peer, maxRows, maxTime: maxMs } = flags;
  if (isHttp(peer)) return queryOverHttp(peer, { ...question, maxRows, maxMs }, flags);
  return withNode(flags, async (joined) => {
    const tables = joined.state.tables.map(({ name }) => name);
    const wanted = namedIn(question.sql, tables);
    await joined.synced(wanted.map((table) => joined.declare(table)));
    return ask(joined.node, question, { flags, tables, tablesOnly: true });
  });
}

/** Asks, and says which tables there are where one is named that there is not. */
async function ask(
  asked: Pick<LogFile, 'query'>,
  { sql, parameters }: Question,
  {
    flags,
    tables,
    tablesOnly,
  }: { readonly flags: QueryFlags; readonly tables: readonly string[]; readonly tablesOnly?: boolean },
): Promise<QueryResult> {
  try {
    return await asked.query(sql, parameters, {
      maxRows: flags.maxRows,
      maxMs: flags.maxTime,
      tablesOnly,
    });
  } catch (error) {
    const [, missing] = /no such table: (.+)$/s.exec(error instanceof Error ? error.message : '') ?? [];
    if (!isTablecastError(error, 'OPTION_INVALID') || missing === undefined) throw error;
    const beside = /^(?:operations|conflicts|peers|divergence|.*_at)$/.test(missing);
    if (tablesOnly === true && beside && !tables.includes(missing)) throw notCopied(missing, flags.peer);
    throw usageError(
      `There is no table ${JSON.stringify(missing)}.${didYouMean(missing, tables)}`,
      `The tables are: ${tables.join(', ') || 'none'}. Text stands in single quotes, names with other signs than letters in double ones.`,
    );
  }
}

function notCopied(name: string, peer: string): TablecastError {
  const host = URL.canParse(peer) ? new URL(peer).hostname : 'HOST';
  const file = /^(?:peers|divergence)$/.test(name)
    ? ''
    : ' Or its database, also while it runs: --file DIRECTORY/ID.tablecast.db.';
  return usageError(
    `${name} is of the node's log and peers, and from a ws:// address this command has copies of its tables only.`,
    `Ask its HTTP port, which run --http names: --peer http://${host}:PORT.${file}`,
  );
}

/** The tables whose name stands somewhere in a query, which reads no others; all, where it asks which there are. */
function namedIn(sql: string, tables: readonly string[]): readonly string[] {
  const text = sql.toLowerCase();
  if (/sqlite_|pragma_/.test(text)) return tables;
  return tables.filter((name) => text.includes(name.toLowerCase().replaceAll('"', '""')));
}

/** A number that is written as numbers are is one; SQLite makes text of it again beside a column of text. */
function parameterOf(word: string): QueryCell {
  if (/^(?:0|-?[1-9]\d{0,18})$/.test(word)) return BigInt(word);
  return /^-?\d+\.\d+$/.test(word) && String(Number(word)) === word ? Number(word) : word;
}
