import { type Command, Option } from 'commander';
import {
  type NodeOptions,
  type PlainDeclaration,
  type TableNode,
  type ZeekAttachmentOptions,
  openNode,
} from '../../index.ts';
import { checkOptions } from '../../node/options.ts';
import { exactly } from '../../schema/exactly.ts';
import { collectList, exitingWith, newCommand, withCredentials, withJson } from '../command.ts';
import { counted } from '../counted.ts';
import { compileEarly } from '../early-compilation.ts';
import { type LogEvent, type LogFormat, isCommandPassing, logTo, withLogFormat } from '../event-log.ts';
import { EXIT } from '../failure.ts';
import { goOnWithoutReader, print } from '../output.ts';
import { Reloading } from '../reload.ts';
import {
  type RunConfig,
  type RunFlags,
  nodeOptions,
  runConfig,
  shownConfig,
  withoutValues,
} from '../run-config.ts';
import { endBySignal, onHangUp, untilSignal } from '../signals.ts';
import { type NamedDeclaration, parseTable } from '../table-words.ts';

/** Bounds how long closing may take before the process ends anyway. */
const CLOSE_LIMIT_MS = 10_000;

interface Flags extends RunFlags {
  readonly logFormat?: LogFormat | undefined;
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
    .option('--no-listen', 'accept no nodes from the network')
    .addOption(
      new Option(
        '--socket <path>',
        'accept nodes of this machine at this Unix domain socket too: who may open the file, and shows the token if there is one',
      ).env('TABLECAST_SOCKET'),
    )
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
  return withJson(withCredentials(withLogFormat(withZeek(withNats(withKeeping(withHttp(command)))))))
    .addHelpText('after', `\n${DECLARATION_HELP}`)
    .action(exitingWith(run));
}

/** The options that say where it is answered over HTTP. */
function withHttp(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--health <[host:]port>',
        'answer /livez, /readyz and /metrics over HTTP there; host default 127.0.0.1, port 0 takes a free one',
      ).env('TABLECAST_HEALTH'),
    )
    .addOption(
      new Option(
        '--http <[host:]port>',
        'answer about the tables over HTTP there, with a page at /; host default 127.0.0.1, port 0 takes a free one',
      ).env('TABLECAST_HTTP'),
    )
    .addOption(
      new Option('--http-health', 'answer /livez, /readyz and /metrics on the port of --http too').env(
        'TABLECAST_HTTP_HEALTH',
      ),
    );
}

/** The options that say what carries the tables beside links to peers. */
function withNats(command: Command): Command {
  return command
    .addOption(
      new Option('--nats <url>', 'a server whose JetStream carries the tables of --group; repeat for more')
        .argParser(collectList)
        .env('TABLECAST_NATS'),
    )
    .addOption(
      new Option('--group <name>', 'the group of nodes that share their tables over --nats').env(
        'TABLECAST_GROUP',
      ),
    )
    .addOption(
      new Option('--nats-credentials <file>', 'credentials (JWT and seed) for --nats').env(
        'TABLECAST_NATS_CREDENTIALS',
      ),
    );
}

/** The options that attach the node to a Zeek cluster. */
function withZeek(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--zeek <url>',
        'attach to the Zeek cluster with a WebSocket server there: every table that its script package tells of',
      ).env('TABLECAST_ZEEK'),
    )
    .addOption(
      new Option('--zeek-only <name>', 'only such tables of --zeek; * stands for any text; repeat for more')
        .argParser(collectList)
        .env('TABLECAST_ZEEK_ONLY'),
    )
    .addOption(
      new Option('--zeek-except <name>', 'no such table of --zeek; * stands for any text; repeat for more')
        .argParser(collectList)
        .env('TABLECAST_ZEEK_EXCEPT'),
    );
}

/** The options that say what is kept beside the rows. */
function withKeeping(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--sql [target]',
        'keep every table in SQL as well: in DIRECTORY/ID.rows.db, or in the file or postgres:// address given',
      ).env('TABLECAST_SQL'),
    )
    .addOption(
      new Option(
        '--retention <limits>',
        "how much log to keep, 'age=30d bytes=1000000000 operations=1000000' or some of it; default all",
      ).env('TABLECAST_RETENTION'),
    );
}

const DECLARATION_HELP = `Members of a declaration: key=TYPE or key=TYPE,TYPE; value=TYPE (left out: a set);
backend=memory|sqlite; mode=naive|lww|automerge; createExpire or writeExpire=1h; default=VALUE; complexValues=true.
Types: bool count int double string addr subnet port time interval enum pattern; as value with complexValues=true
also record set vector table any.
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
  try {
    return await runConfigured(config, flags);
  } catch (error) {
    throw withoutValues(error, config);
  }
}

async function runConfigured(config: RunConfig, flags: Flags): Promise<number> {
  const options = nodeOptions(config);
  if (flags.checkConfig === true) {
    const tables = await checked(config, options);
    print(JSON.stringify(shownConfig({ ...config, tables }), undefined, flags.json === true ? 0 : 2));
    return EXIT.ok;
  }
  const format = flags.logFormat ?? (flags.json === true ? 'json' : 'text');
  const log = logTo(process.stdout, format);
  goOnWithoutReader();
  const opened = endBySignal();
  // Also while it opens, and before anybody is told that it is open: without a listener the signal ends the process.
  let hungUp = false;
  let reload = (): void => void (hungUp = true);
  const ignoreHangUps = onHangUp(() => reload());
  const node = await openNode(options);
  // Behind the recovery, which runs its code often enough.
  compileEarly();
  try {
    node.events.subscribe((event) => {
      if (!isCommandPassing(event)) log(event);
    });
    for (const [name, declaration] of Object.entries(config.tables)) node.table(name, exactly(declaration));
  } catch (error) {
    await node.close();
    throw error;
  }
  const reloading = new Reloading(flags, config, options);
  reload = () => log(reloading.apply(node));
  log(started(node, config));
  if (hungUp) reload();
  await untilSignal(() => {
    opened();
    return () => undefined;
  });
  ignoreHangUps();
  log({ code: 'closing', severity: 'info', message: 'Told to stop: flushing and saying goodbye.' });
  // A disk that hangs must not hold up the end for ever.
  const limit = setTimeout(() => {
    const message = `Not closed after ${CLOSE_LIMIT_MS} ms: ending without the rest.`;
    log({ code: 'closing', severity: 'error', message });
    process.exit(EXIT.failed);
  }, CLOSE_LIMIT_MS);
  try {
    await node.close();
  } finally {
    clearTimeout(limit);
  }
  log({ code: 'closed', severity: 'info', message: 'Closed.' });
  return EXIT.ok;
}

/** Returns the declarations with their defaults, by a node that neither listens nor dials nor opens a file. */
async function checked(config: RunConfig, options: NodeOptions): Promise<Record<string, PlainDeclaration>> {
  const { id, limits, retention, auth } = checkOptions(options);
  const node = await openNode({ id, limits, retention, auth });
  try {
    for (const cluster of [options.zeek ?? []].flat()) {
      // Closed before it would dial.
      await node.attachZeek(config.directory === undefined ? cluster : inMemory(cluster)).close();
    }
    const tables = new Map<string, PlainDeclaration>();
    for (const [name, declaration] of Object.entries(config.tables)) {
      const durable = declaration.backend === 'sqlite' && config.directory !== undefined;
      const probe = durable ? { ...declaration, backend: 'memory' as const } : declaration;
      const { declaration: full } = node.table(name, exactly(probe));
      tables.set(name, durable ? { ...full, backend: 'sqlite' } : full);
    }
    return Object.fromEntries(tables);
  } finally {
    await node.close();
  }
}

/** Returns an attachment whose sqlite tables need no directory. */
function inMemory(cluster: ZeekAttachmentOptions): ZeekAttachmentOptions {
  if (cluster.tables === 'all') return cluster;
  const tables = Object.entries(cluster.tables).map(([name, table]) => {
    const isDurable = table !== false && table.backend === 'sqlite';
    return [name, isDurable ? { ...table, backend: 'memory' as const } : table] as const;
  });
  return { ...cluster, tables: Object.fromEntries(tables) };
}

function started(node: TableNode, config: RunConfig): LogEvent {
  const health = node.healthAddress === undefined ? '' : `, answers ${node.healthAddress}/readyz`;
  const http = node.httpAddress === undefined ? '' : `, answers ${node.httpAddress}/`;
  const where = `${node.address === undefined ? 'does not listen' : `listens on ${node.addresses.join(' and ')}`}${health}${http}`;
  const names = Array.from(node.tables.values(), ({ name, size }) => `${name} (${counted(size, 'row')})`);
  const from = config.source === undefined ? '' : `, configured by ${config.source}`;
  const tables =
    names.length === 0 ? 'no tables: nothing is stored; see --table' : `tables ${names.join(', ')}`;
  return {
    code: 'started',
    severity: names.length === 0 ? 'warning' : 'info',
    message: `Node ${node.id} ${where}${from}; ${tables}.`,
    details: {
      id: node.id,
      address: node.address,
      healthAddress: node.healthAddress,
      httpAddress: node.httpAddress,
      directory: config.directory,
    },
  };
}
