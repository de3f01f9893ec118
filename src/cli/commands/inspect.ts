import type { Command } from 'commander';
import { distinctUntilChanged } from 'rxjs/internal/operators/distinctUntilChanged';
import { map } from 'rxjs/internal/operators/map';
import { isTablecastError } from '../../index.ts';
import { type PeerFlags, exitingWith, newCommand, wholeNumber, withPeer } from '../command.ts';
import { readCredentials } from '../credentials.ts';
import { EXIT, usageError } from '../failure.ts';
import { askHttp, httpBase, isHttp, noNode } from '../http-node.ts';
import { type JoinedNode, withNode } from '../joined-node.ts';
import { note, print, visible } from '../output.ts';
import { untilSignal } from '../signals.ts';

interface InspectFlags extends PeerFlags {
  readonly port: number;
}

const MOST_PORT = 65_535;

/** `tablecast inspect`: where the page of a running node is; served by this command where the node has none. */
export function inspectCommand(): Command {
  const command = newCommand('inspect', 'look at a running node in a browser', [
    'tablecast inspect',
    'tablecast inspect http://127.0.0.1:47780',
    'tablecast inspect wss://manager:47760 --tls-ca ca.pem --port 8080',
  ]);
  return withPeer(command)
    .argument('[address]', 'the running node, as --peer takes it, or the address of its HTTP port')
    .option(
      '--port <n>',
      'port of this machine to serve the page on; 0: a free one',
      wholeNumber('--port'),
      0,
    )
    .addHelpText(
      'after',
      '\nA node that answers over HTTP serves the page itself: give its http:// address, and it is told whether it\n' +
        'does. Any other is joined, as tail does it: this command holds its tables in memory, and serves the page on\n' +
        'this machine until Ctrl-C. With a token the page asks for that token.',
    )
    .action(exitingWith(inspect));
}

async function inspect(address: string | undefined, flags: InspectFlags): Promise<number> {
  if (flags.port > MOST_PORT) throw usageError(`--port ${flags.port} is no port.`, 'Give 0 to 65535.');
  const peer = address ?? flags.peer;
  return isHttp(peer) ? tellPage(peer, flags) : servePage({ ...flags, peer });
}

/** Says where the page of a node is that serves it itself, once it has answered. */
async function tellPage(address: string, flags: InspectFlags): Promise<number> {
  const base = httpBase(address);
  const { id, wantsToken } = await whoAnswers(base, flags);
  tell({ page: base.href, node: id, wantsToken, json: flags.json });
  return EXIT.ok;
}

interface Answering {
  /** The id of the node; undefined where it wants to know first who asks. */
  readonly id: string | undefined;
  readonly wantsToken: boolean;
}

async function whoAnswers(base: URL, flags: InspectFlags): Promise<Answering> {
  const { status, json } = await askHttp(base, { path: '/v1' }, flags);
  if (status === 401) return { id: undefined, wantsToken: true };
  const id = typeof json === 'object' && json !== null && 'id' in json ? json.id : undefined;
  const wantsToken = readCredentials(flags)?.token !== undefined;
  if (status === 200 && typeof id === 'string') return { id, wantsToken };
  throw noNode(base, `it answers ${status}, as no node does`);
}

/** Joins a node, and serves the page of what it holds until it is told to stop. */
async function servePage(flags: InspectFlags): Promise<number> {
  const http = { port: flags.port };
  return withNode(
    flags,
    async (joined) => {
      const following = joined.node.peers
        .pipe(
          map(() => joined.state.tables),
          distinctUntilChanged(),
        )
        .subscribe((tables) => declareAll(joined, tables));
      try {
        const page = new URL('/', joined.node.httpAddress).href;
        const wantsToken = readCredentials(flags)?.token !== undefined;
        tell({ page, node: joined.peerId, wantsToken, json: flags.json });
        await untilSignal(() => () => undefined);
      } finally {
        following.unsubscribe();
      }
      return EXIT.ok;
    },
    { http },
  );
}

/** Declares what the running node has, as it comes. A table that this version cannot hold must not hide the others. */
function declareAll(joined: JoinedNode, tables: JoinedNode['state']['tables']): void {
  for (const { name } of tables) {
    if (joined.node.tables.has(name)) continue;
    try {
      joined.declare(name);
    } catch (error) {
      if (!isTablecastError(error)) throw error;
      note(visible(`table ${name} is left out: ${error.message}`));
    }
  }
}

function tell(told: {
  readonly page: string;
  readonly node: string | undefined;
  readonly wantsToken: boolean;
  readonly json: boolean | undefined;
}): void {
  const { page, node, wantsToken, json } = told;
  if (json === true) return print(JSON.stringify({ page, node, wantsToken }));
  const whose = node === undefined ? 'The page' : `The page of ${visible(node)}`;
  print(`${whose}: ${page}${wantsToken ? '  (it asks for the token)' : ''}`);
}
