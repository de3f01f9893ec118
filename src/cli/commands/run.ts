import { type Command, Option } from 'commander';
import { colors } from '../colors.ts';
import { type NodeEvent, type TableDeclaration, type TableNode, openNode } from '../../index.ts';
import { collectList, exitingWith, newCommand, withCredentials, withJson } from '../command.ts';
import { EXIT } from '../failure.ts';
import { print, visible } from '../output.ts';
import { type RunConfig, type RunFlags, nodeOptions, runConfig, shownConfig } from '../run-config.ts';
import { untilSignal } from '../signals.ts';
import { type NamedDeclaration, parseTable } from '../table-words.ts';

/** How long closing may take before the process ends anyway. */
const CLOSE_LIMIT_MS = 10_000;

interface Flags extends RunFlags {
  readonly json?: boolean | undefined;
  readonly checkConfig?: boolean | undefined;
}

/** `tablecast run`: a node until it is told to stop. */
export function runCommand(): Command {
  const command = newCommand('run', 'run a node until it is told to stop', [
    `tablecast run --id manager --directory ./data --table 'known_hosts key=addr value=count backend=sqlite'`,
    `tablecast run --id worker-1 --listen 0 --peer ws://127.0.0.1:47760 --table 'known_hosts key=addr value=count'`,
    'tablecast run --config tablecast.json --check-config',
  ]);
  command
    .addOption(
      new Option('--config <file>', 'JSON configuration; without it ./tablecast.json if there is one').env(
        'TABLECAST_CONFIG',
      ),
    )
    .addOption(
      new Option('--id <name>', 'another one on each node; default the host name').env('TABLECAST_ID'),
    )
    .addOption(
      new Option('--directory <dir>', 'where sqlite tables are kept; created when missing').env(
        'TABLECAST_DIRECTORY',
      ),
    )
    .addOption(
      new Option(
        '--durability <level>',
        'commit: flushed writes survive a power loss; interval: a killed process',
      )
        .choices(['commit', 'interval'])
        .env('TABLECAST_DURABILITY'),
    )
    .addOption(
      new Option('--failure-mode <mode>', 'a damaged database: refuse it, or set it aside and start empty')
        .choices(['refuse', 'delete'])
        .env('TABLECAST_FAILURE_MODE'),
    )
    .addOption(
      new Option(
        '--listen <[host:]port>',
        'where to accept nodes; default 127.0.0.1:47760, port 0 takes a free one',
      ).env('TABLECAST_LISTEN'),
    )
    .option('--no-listen', 'only dial')
    .addOption(
      new Option('--peer <url>', 'a node to connect to; repeat for more')
        .argParser(collectList)
        .env('TABLECAST_PEERS'),
    )
    .option('--tls-require-client', 'only accept nodes with a certificate of --tls-ca')
    .addOption(
      new Option('--table <declaration>', "'NAME key=addr value=count backend=sqlite …'; repeat for more")
        .argParser(collectTables)
        .env('TABLECAST_TABLES'),
    )
    .option('--check-config', 'print the configuration that would be used, secrets masked, and exit');
  return withJson(withCredentials(command))
    .addHelpText('after', `\n${DECLARATION_HELP}`)
    .action(exitingWith(run));
}

const DECLARATION_HELP = `Members of a declaration: key=TYPE or key=TYPE,TYPE; value=TYPE (left out: a set);
backend=memory|sqlite; mode=naive|lww; createExpire or writeExpire=1h; default=VALUE; complexValues=true.
Types: bool count int double string addr subnet port time interval enum pattern.
In TABLECAST_TABLES declarations are divided by semicolons. Flags go before the environment, which
goes before the file.`;

function collectTables(
  text: string,
  before: readonly NamedDeclaration[] | undefined,
): readonly NamedDeclaration[] {
  const parts = text.split(';').filter((part) => part.trim() !== '');
  return [...(before ?? []), ...parts.map(parseTable)];
}

async function run(flags: Flags): Promise<number> {
  const config = runConfig(flags);
  const options = nodeOptions(config);
  if (flags.checkConfig === true) {
    const tables = await checked(config);
    print(JSON.stringify(shownConfig({ ...config, tables }), undefined, flags.json === true ? 0 : 2));
    return EXIT.ok;
  }
  const log = flags.json === true ? printJson : printPlain;
  const node = await openNode(options);
  try {
    node.events.subscribe(log);
    for (const [name, declaration] of Object.entries(config.tables)) node.table(name, declaration);
  } catch (error) {
    await node.close();
    throw error;
  }
  log(started(node, config));
  await untilSignal(() => () => undefined);
  log({ code: 'closing', severity: 'info', message: 'Told to stop: flushing and saying goodbye.' });
  // A disk that hangs must not hold up the end for ever.
  const limit = setTimeout(() => {
    const message = `Not closed after ${CLOSE_LIMIT_MS} ms: ending without the rest.`;
    log({ code: 'closing', severity: 'error', message });
    process.exit(EXIT.failed);
  }, CLOSE_LIMIT_MS);
  await node.close();
  clearTimeout(limit);
  log({ code: 'closed', severity: 'info', message: 'Closed.' });
  return EXIT.ok;
}

/** The declarations with their defaults, by a node that neither listens nor dials nor opens a file. */
async function checked(config: RunConfig): Promise<Record<string, TableDeclaration>> {
  const node = await openNode({ id: config.id, limits: config.limits });
  try {
    const tables = new Map<string, TableDeclaration>();
    for (const [name, declaration] of Object.entries(config.tables)) {
      const durable = declaration.backend === 'sqlite' && config.directory !== undefined;
      const probe = durable ? { ...declaration, backend: 'memory' as const } : declaration;
      const { declaration: full } = node.table(name, probe);
      tables.set(name, durable ? { ...full, backend: 'sqlite' } : full);
    }
    return Object.fromEntries(tables);
  } finally {
    await node.close();
  }
}

type LogEvent = Omit<NodeEvent, 'code'> & { readonly code: string };

function started(node: TableNode, config: RunConfig): LogEvent {
  const where = node.address === undefined ? 'does not listen' : `listens on ${node.address}`;
  const names = Array.from(node.tables.values(), ({ name, size }) => `${name} (${size} rows)`);
  const from = config.source === undefined ? '' : `, configured by ${config.source}`;
  const tables =
    names.length === 0 ? 'no tables: nothing is stored; see --table' : `tables ${names.join(', ')}`;
  return {
    code: 'started',
    severity: names.length === 0 ? 'warning' : 'info',
    message: `Node ${node.id} ${where}${from}; ${tables}.`,
    details: { id: node.id, address: node.address, directory: config.directory },
  };
}

function printJson(event: LogEvent): void {
  print(JSON.stringify({ time: new Date().toISOString(), ...event }, bigintAsText));
}

function bigintAsText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

function printPlain({ code, severity, message }: LogEvent): void {
  const colour = { info: colors.dim, warning: colors.yellow, error: colors.red }[severity];
  print(`${new Date().toISOString()} ${colour(severity.padEnd(7))} ${code}: ${visible(message)}`);
}
