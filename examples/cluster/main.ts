// `npm start`: a cluster of three processes on this machine, from the first row to the proof at the end.
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Command, InvalidArgumentError } from 'commander';
import { colors } from './colors.ts';
import { generateSampleLog } from '../../src/cli/formats/index.ts';
import { Cluster } from './coordinator.ts';
import { DemonstrationServer } from './nats-server.ts';
import { number, PlainDisplay, type Display } from './display.ts';
import { surveyLog, type Survey } from './survey.ts';
import { TerminalDisplay } from './terminal-display.ts';
import { verdictOn } from './verdict.ts';

/** The command line of the project, without a build. */
const COMMAND = 'node --import ./scripts/typescript.mjs src/cli/main.ts';

interface Flags {
  readonly rows: number;
  readonly seconds: number;
  readonly contested: boolean;
  readonly keep: boolean;
  readonly stay: boolean;
  readonly nats: boolean;
}

function between(smallest: number, largest: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= smallest && value <= largest) return value;
    throw new InvalidArgumentError(`Give a whole number from ${smallest} to ${number(largest)}.`);
  };
}

function command(): Command {
  return new Command('npm start --')
    .description(
      'Runs a cluster of three processes, a manager and two workers, that read a Zeek log into shared ' +
        'tables. One worker is killed and comes back; at the end every node and every log is compared.',
    )
    .argument('[log]', 'a Zeek log, tab-separated or JSON, plain or gzip; left out: a generated sample')
    .option('--rows <n>', 'rows of the generated sample', between(100, 1_000_000), 20_000)
    .option('--seconds <n>', 'how long to spread reading over', between(1, 3600), 15)
    .option(
      '--contested',
      'at the end, also let two workers write the same keys at once: conflicts, and their end',
      false,
    )
    .option(
      '--nats',
      'let the nodes share their tables through a NATS server, which is started for this, and not with each other',
      false,
    )
    .option('--stay', 'at the end, let the nodes and their page run on until Ctrl-C', false)
    .option('--keep', 'keep the directory when stopped with Ctrl-C', false)
    .addHelpText(
      'after',
      '\nExamples:\n  npm start\n  npm start -- /var/log/zeek/current/dns.log\n  npm start -- --contested\n' +
        '  npm start -- --nats\n' +
        '\nExit code: 0 when every node ends equal, 1 when not or when something fails, 130 after Ctrl-C.',
    )
    .showHelpAfterError('(npm start -- --help shows what there is)');
}

/** One run, from its directory to its verdict. */
class Demonstration {
  readonly #path: string | undefined;
  readonly #flags: Flags;
  readonly #display: Display;
  readonly #stopping = new AbortController();
  #directory: string | undefined;
  #cluster: Cluster | undefined;
  #server: DemonstrationServer | undefined;

  constructor(path: string | undefined, flags: Flags) {
    this.#path = path;
    this.#flags = flags;
    const { stdout } = process;
    this.#display = stdout.isTTY
      ? new TerminalDisplay(stdout)
      : new PlainDisplay((text) => stdout.write(text));
  }

  async run(): Promise<boolean> {
    this.#directory = await mkdtemp(join(tmpdir(), 'tablecast-demo-'));
    const log = this.#path ?? (await this.#writeSample(this.#directory));
    const survey = await surveyLog(log, this.#stopping.signal);
    this.#sayWhat(log, survey);
    this.#stopping.signal.throwIfAborted();
    const { seconds, contested } = this.#flags;
    const nats = this.#flags.nats ? await this.#startServer(this.#directory) : undefined;
    const options = { directory: this.#directory, logPath: log, survey, seconds, contested, nats };
    this.#cluster = new Cluster(options, this.#display);
    const outcome = await this.#cluster.run();
    const verdict = verdictOn(outcome, survey);
    if (this.#flags.stay) await this.#stayUntilStopped(verdict.lines);
    await this.#cluster.close();
    await this.#server?.close();
    for (const line of [...verdict.lines, ...nextSteps(this.#directory, this.#flags)])
      this.#display.say(line);
    return verdict.isGood;
  }

  /** Lets the nodes run on, for those who look at the page. */
  async #stayUntilStopped(verdict: readonly string[]): Promise<void> {
    for (const line of verdict) this.#display.say(line);
    this.#display.say('');
    this.#display.say('The nodes run on, and so does the page. Ctrl-C ends them.');
    const { signal } = this.#stopping;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  /** Stops at the wish of a person. */
  async interrupt(): Promise<void> {
    this.#display.stop();
    this.#display.say('');
    this.#display.say('Stopping the processes …');
    await this.stop();
    const kept = this.#flags.keep ? `kept in ${this.#directory ?? ''}` : 'removed';
    this.#display.say(`Stopped. The data is ${kept}.`);
  }

  /** Ends the processes and, unless it is to be kept, removes the directory. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#cluster?.close();
    await this.#server?.close();
    if (this.#directory === undefined || this.#flags.keep) return;
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Starts the server that carries the tables, and says in words what it is for. */
  async #startServer(directory: string): Promise<string> {
    const server = await DemonstrationServer.start(join(directory, 'nats'));
    this.#server = server;
    this.#stopping.signal.throwIfAborted();
    this.#display.say(`server    ${server.servers}, pid ${server.pid}: a NATS server that keeps a stream`);
    this.#display.say(
      '          what a node writes goes there, and the others read it; no node knows another',
    );
    return server.servers;
  }

  async #writeSample(directory: string): Promise<string> {
    const path = join(directory, 'sample-dns.log');
    await pipeline(Readable.from(generateSampleLog({ rows: this.#flags.rows })), createWriteStream(path));
    return path;
  }

  #sayWhat(log: string, survey: Survey): void {
    const say = (line: string): void => this.#display.say(line);
    say(colors.bold('Tablecast: three nodes, one shared set of tables, an operation log on each node.'));
    say('');
    const rows = `${number(survey.rows)} rows`;
    say(
      this.#path === undefined
        ? `log       ${rows}, a generated sample (a real log: npm start -- PATH)`
        : `log       ${rows} of ${log}`,
    );
    if (survey.linesSkipped > 0) {
      say(
        `          lines that cannot be read, passed over: ${number(survey.linesSkipped)} (${survey.firstSkipped ?? ''})`,
      );
    }
    if (survey.rowsWithoutHost > 0)
      say(`          rows that name no host, passed over: ${number(survey.rowsWithoutHost)}`);
    say(`data      ${this.#directory ?? ''}, one SQLite file per node`);
  }
}

function nextSteps(directory: string, { contested, nats }: Flags): string[] {
  const database = join(directory, 'manager', 'manager.tablecast.db');
  return [
    '',
    colors.bold('Next'),
    '  npm start -- PATH          # the same with a log of yours',
    ...(nats ? [] : ['  npm start -- --nats        # the same nodes with a NATS server between them']),
    ...(contested
      ? []
      : [
          '  npm start -- --contested   # two authors for one key: the conflict, what differs, what heals it',
        ]),
    '  Each node left its database for you to look into (once installed: npx tablecast log …):',
    `    ${COMMAND} log --last 20 --file ${database}`,
    `    ${COMMAND} replay --table rows_by_client --position 500 --file ${database}`,
    `  rm -r ${directory}   # when you are done`,
    'README.md and examples/ have the ten lines that a program of your own needs.',
  ];
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const hint = 'hint' in error && typeof error.hint === 'string' ? error.hint : '';
  return hint === '' ? error.message : `${error.message}\n${hint}`;
}

async function main(): Promise<void> {
  const parsed = command().parse();
  const demonstration = new Demonstration(parsed.args[0], parsed.opts<Flags>());
  let stopped = false;
  const stop = (signal: NodeJS.Signals, code: number): void => {
    process.on(signal, () => {
      if (stopped) process.exit(code);
      stopped = true;
      demonstration.interrupt().then(
        () => process.exit(code),
        () => process.exit(code),
      );
    });
  };
  stop('SIGINT', 130);
  stop('SIGTERM', 143);
  stop('SIGHUP', 129);
  // A reader that has seen enough (`npm start | head`) ends the run like Ctrl-C.
  process.stdout.on('error', () => {
    if (!stopped) process.emit('SIGHUP', 'SIGHUP');
  });
  try {
    process.exitCode = (await demonstration.run()) ? 0 : 1;
  } catch (error) {
    if (stopped) return;
    stopped = true;
    await demonstration.stop();
    console.error(explain(error));
    process.exitCode = 1;
  }
}

await main();
