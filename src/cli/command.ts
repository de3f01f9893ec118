import { Command, type CommanderError, Option } from 'commander';
import { helpText, terminalWidth } from './drawn-rows.ts';
import { usageError } from './failure.ts';

export const DEFAULT_PORT = 47_760;
const DEFAULT_PEER = `ws://127.0.0.1:${DEFAULT_PORT}`;
const UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1000],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
]);
/** Characters that a description has room for at least, beside the options, where it is broken into lines. */
const LEAST_WRAPPED = 20;
const MAX_TIMEOUT_MS = 86_400_000;

/** The flags say how credentials are given, to any command. */
export interface CredentialFlags {
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly tlsCa?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
}

/** The flags are what every command that asks a running node takes. */
export interface PeerFlags extends CredentialFlags {
  readonly peer: string;
  /** Milliseconds. */
  readonly timeout: number;
  readonly wait?: boolean | undefined;
  readonly json?: boolean | undefined;
}

/** Makes a command of the program; mistakes in its use are thrown, and say how to get help. */
export function newCommand(name: string, description: string, examples: readonly string[]): Command {
  return throwingMistakes(new Command(name), `Try tablecast ${name} --help.`)
    .description(description)
    .helpOption('-h, --help', 'show this help')
    .addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}`);
}

/** Has mistakes in the use of a command thrown as errors like any other, so that they are told alike, in JSON too. */
export function throwingMistakes(command: Command, hint: string): Command {
  const refuse = (error: CommanderError): never => {
    // Help and version end this way as well, when they have been printed.
    if (error.code.startsWith('commander.help') || error.exitCode === 0) throw error;
    throw usageError(
      plainWords(withoutValues(error.message.replace(/^error: /, '').replaceAll('\n', ' '))),
      hint,
    );
  };
  return command
    .configureHelp({ minWidthToWrap: LEAST_WRAPPED })
    .configureOutput({
      outputError: () => undefined,
      writeOut: (text) => void process.stdout.write(helpText(text, terminalWidth())),
    })
    .exitOverride(refuse);
}

/** Says of an argument what it may be; Commander's sentence names neither place nor choice first. */
function plainWords(message: string): string {
  return message.replace(
    /^command-argument value '([^]*)' is invalid for argument '([^']*)'\. Allowed choices are (.*)\.$/,
    "<$2> is one of $3, not '$1'.",
  );
}

/** Leaves out what is given to an option that there is not, which may be a secret: `--tokne=…`. */
function withoutValues(message: string): string {
  return message.replace(/^(unknown option '--?[^=']*)=[^]*'/, "$1=…'");
}

/** Token and certificates, by flag or environment. */
export function withCredentials(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--token <secret>',
        'shared token; others on this machine can see flags: prefer the variable or a file',
      ).env('TABLECAST_TOKEN'),
    )
    .addOption(
      new Option('--token-file <file>', 'file that holds the shared token').env('TABLECAST_TOKEN_FILE'),
    )
    .addOption(
      new Option('--tls-ca <file>', 'certificate of the authority to trust, PEM').env('TABLECAST_TLS_CA'),
    )
    .addOption(
      new Option('--tls-cert <file>', 'certificate to show, PEM; with --tls-key').env('TABLECAST_TLS_CERT'),
    )
    .addOption(new Option('--tls-key <file>', 'key of that certificate, PEM').env('TABLECAST_TLS_KEY'));
}

/** Adds the options of every command that asks a running node. */
export function withPeer(command: Command): Command {
  command
    .addOption(new Option('--peer <url>', 'the running node').env('TABLECAST_PEER').default(DEFAULT_PEER))
    .addOption(
      new Option('--timeout <time>', 'give up after this long, such as 500ms, 10s, 2m')
        .env('TABLECAST_TIMEOUT')
        .argParser(parseTimeout)
        .default(10_000, '10s'),
    )
    .option('--wait', 'keep trying to connect until the timeout instead of failing at once');
  return withJson(withCredentials(command));
}

/** Adds the option of everything that prints. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON, one document per line');
}

/** Throws `OPTION_INVALID` for what is no address of a node. */
export function requirePeerUrl(url: string): void {
  if (/^wss?:\/\/[^/?#@]+(?:\/[^?#]*)?$/.test(url) || /^ws\+unix:\/\/\/[^?#]+$/.test(url)) return;
  // It is not repeated: a token may stand in it.
  throw usageError(
    'The address of a peer is no ws:// or wss:// URL of nothing but host, port and path, and no ws+unix:///path.',
    `For example: --peer ${DEFAULT_PEER}. A token goes into --token-file or TABLECAST_TOKEN.`,
  );
}

/** Milliseconds of `10s`, `500ms`, `2m`; a bare number is seconds. Throws `OPTION_INVALID`. */
export function parseTimeout(text: string): number {
  const [, digits, unit] = /^(\d{1,8}(?:\.\d{1,3})?)(ms|s|m)?$/.exec(text) ?? [];
  const milliseconds = Math.ceil(Number(digits) * (UNITS.get(unit ?? '') ?? NaN));
  if (milliseconds > 0 && milliseconds <= MAX_TIMEOUT_MS) return milliseconds;
  throw usageError(`--timeout ${text} is no time up to a day.`, 'Write 500ms, 10s or 2m.');
}

/** Returns a whole number from 0. Throws `OPTION_INVALID`. */
export function wholeNumber(flag: string): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(number)) return number;
    throw usageError(`${flag} ${text} is no whole number from 0.`, `For example: ${flag} 100.`);
  };
}

/** Collects an option that may be repeated; each may also hold several, divided by commas or spaces. */
export function collectList(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), ...text.split(/[\s,]+/).filter((part) => part !== '')];
}

/** Runs a command and leaves its exit code for the process. */
export function exitingWith<Words extends unknown[]>(
  action: (...words: Words) => Promise<number>,
): (...words: Words) => Promise<void> {
  return async (...words) => {
    process.exitCode = await action(...words);
  };
}
