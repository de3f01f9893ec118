import { type Command, Option } from 'commander';
import type { ComparedMode, ComparedNats } from '../../trial/index.ts';
import { collectList, exitingWith, newCommand, withJson } from '../command.ts';
import { readText } from '../credentials.ts';
import { comparisonPage } from '../trial/page.ts';
import { readSourceRows } from '../trial/rows.ts';
import { comparisonLines } from '../trial/table.ts';
import { terminalWidth } from '../drawn-rows.ts';
import { EXIT, usageError } from '../failure.ts';
import type { LogFormat } from '../formats/index.ts';
import { didYouMean } from '../nearest-word.ts';
import { note, print } from '../output.ts';
import { requireInput, withFormat } from '../row-import.ts';
import { endBySignal } from '../signals.ts';
import { checkWritable, writeWhole } from '../whole-file.ts';

/** Automerge takes some thousand writes per second: more rows than these take their time. */
const DEFAULT_ROWS = 5000;
const MAX_ROWS = 1_000_000;
const MAX_SEED = 2 ** 32 - 1;
const MODES = ['naive', 'lww', 'automerge'] as const satisfies readonly ComparedMode[];

interface Flags {
  readonly rows: number;
  readonly nodes: number;
  readonly concurrent: number;
  readonly partitions: number;
  readonly seed: number;
  readonly modes?: readonly string[] | undefined;
  readonly key: string;
  readonly value: string;
  readonly format?: LogFormat | undefined;
  readonly real?: boolean | undefined;
  readonly nats?: readonly string[] | undefined;
  readonly natsCredentials?: string | undefined;
  readonly html?: string | undefined;
  readonly json?: boolean | undefined;
}

/** `tablecast compare`: one workload through every conflict mode. */
export function compareCommand(): Command {
  const command = newCommand(
    'compare',
    'run one workload through every conflict mode, and show what each loses and costs',
    [
      'tablecast compare',
      'tablecast compare /var/log/zeek/current/dns.log --html comparison.html',
      'tablecast compare dns.log.gz --rows 50000 --concurrent 100 --partitions 20 --real',
      'tablecast compare --rows 1000 --nats nats://127.0.0.1:4222',
      'tablecast compare ssl.log.gz --key server_name --value version --json',
    ],
  );
  command
    .argument(
      '[log]',
      'a Zeek log, CSV or JSON lines, plain or gzip; - reads the standard input; left out: generated',
    )
    .addOption(
      whole('--rows <n>', 'use the first rows of the log, or generate so many', [1, MAX_ROWS]).default(
        DEFAULT_ROWS,
      ),
    )
    .addOption(whole('--nodes <n>', 'nodes that count at the same time', [2, 8]).default(3))
    .addOption(
      whole(
        '--concurrent <percent>',
        'of the rows are written without waiting for other nodes',
        [0, 100],
      ).default(50),
    )
    .addOption(
      whole('--partitions <percent>', 'of the rows are written while a node is cut off', [0, 100]).default(
        10,
      ),
    )
    .addOption(
      whole('--seed <n>', 'another one gives another run, the same one the same', [0, MAX_SEED]).default(1),
    )
    .option('--modes <names>', `only these, with commas; default ${MODES.join(',')}`, collectList)
    .option('--key <field>', 'field that is counted', 'id.orig_h')
    .option('--value <field>', 'field whose latest value is kept per key', 'query')
    .option('--real', 'also on real processes and sockets, on loopback')
    .addOption(
      new Option(
        '--nats <url>',
        'also on real processes that this server’s JetStream carries; repeat for more',
      ).argParser(collectList),
    )
    .option('--nats-credentials <file>', 'credentials (JWT and seed) for --nats')
    .option('--html <file>', 'also write a page with charts');
  return withFormat(withJson(command))
    .addHelpText(
      'after',
      '\nEach row is two writes: increment() of the count of its key, and set() of its latest value. Reads files, ' +
        'talks to no running node, writes nothing but the page. With --nats it makes groups of its own at the ' +
        'server, and deletes them again.',
    )
    .action(exitingWith(compareModes));
}

function whole(flags: string, description: string, [low, high]: readonly [number, number]): Option {
  const [name = ''] = flags.split(' ');
  return new Option(flags, `${description}, ${low} to ${high}`).argParser((text) => {
    const number = Number(text);
    if (/^\d{1,10}$/.test(text) && number >= low && number <= high) return number;
    throw usageError(
      `${name} ${text} is no whole number from ${low} to ${high}.`,
      `For example: ${name} ${low}.`,
    );
  });
}

async function compareModes(log: string | undefined, flags: Flags): Promise<number> {
  const modes = modesOf(flags.modes);
  const nats = natsOfFlags(flags);
  if (log !== undefined) requireInput(log);
  if (flags.html !== undefined) checkWritable(flags.html, log);
  // By way of `exit`, so that what a run made is removed.
  endBySignal();
  // Loaded when needed: no other command has to wait for it.
  const { compare, makeWorkload } = await import('../../trial/index.ts');
  const { nodes, seed, concurrent, partitions } = flags;
  const { rows, source } = await readSourceRows({ ...flags, log, format: flags.format });
  const comparison = await compare({
    source,
    workload: makeWorkload(rows, { nodes, seed, concurrent, partitions }),
    modes,
    real: flags.real === true,
    nats,
    onProgress: (cluster, mode) => {
      if (!process.stderr.isTTY) return;
      note(`running ${mode} ${cluster === 'nats' ? 'over NATS' : `on the ${cluster} cluster`} …`);
    },
  });
  if (flags.json === true) print(JSON.stringify(comparison));
  else for (const line of comparisonLines(comparison, terminalWidth())) print(line);
  if (flags.html !== undefined) {
    await writeWhole(flags.html, [comparisonPage(comparison)]);
    note(`The page is ${flags.html}.`);
  }
  return EXIT.ok;
}

/** Servers are asked before anything runs; what their form must be is looked at there. */
function natsOfFlags({ nats, natsCredentials }: Flags): ComparedNats | undefined {
  if (nats === undefined && natsCredentials === undefined) return undefined;
  if (nats === undefined)
    throw usageError('--nats-credentials is for a server.', 'Name it: --nats nats://127.0.0.1:4222.');
  const credentials = natsCredentials && readText(natsCredentials, 'credentials file').trim();
  return { servers: [...nats], ...(credentials !== undefined && { credentials }) };
}

function modesOf(names: readonly string[] | undefined): readonly ComparedMode[] {
  if (names === undefined) return MODES;
  for (const name of names) {
    if (MODES.some((mode) => mode === name)) continue;
    throw usageError(`There is no mode ${name}.${didYouMean(name, MODES)}`, `Modes are ${MODES.join(', ')}.`);
  }
  const wanted = MODES.filter((mode) => names.includes(mode));
  if (wanted.length > 0) return wanted;
  throw usageError('--modes names no mode.', `Modes are ${MODES.join(', ')}.`);
}
