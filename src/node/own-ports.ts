import { TablecastError } from '../errors.ts';
import type { Backend } from '../log/backend.ts';
import { backendNames } from '../schema/index.ts';
import type { Transport } from '../transport/transport.ts';

/** Most backends, and most transports, that a node is opened with beside its own. */
const MAX_OWN_PORTS = 16;

const BACKEND_MEMBERS = [
  'open',
  'commit',
  'read',
  'writeCheckpoint',
  'trim',
  'seal',
  'positionKeeping',
  'close',
];
const TRANSPORT_MEMBERS = ['listen', 'dial', 'close'];
/** The scheme of an address: RFC 3986, section 3.1, in lower case. */
const SCHEME = /^[a-z][a-z0-9+.-]{0,31}$/;
/** Schemes of the addresses that every node dials. */
export const WEB_SOCKET_SCHEMES: readonly string[] = ['ws', 'wss', 'ws+unix'];

/** The options that a user's own backends and transports have to do with. */
export interface OwnPorts {
  readonly directory?: string | undefined;
  readonly backends?: Readonly<Record<string, Backend>> | undefined;
  readonly transports?: readonly Transport[] | undefined;
  readonly peers?: readonly string[] | undefined;
}

/** Checks backends and transports that a user brings, and that peers can be dialled. Throws `OPTION_INVALID`. */
export function checkOwnPorts({ directory, backends = {}, transports = [], peers = [] }: OwnPorts): void {
  const named = Object.entries(backends);
  requireFew(named.length, 'backends');
  for (const [name, backend] of named) {
    const option = `backends.${name}`;
    if (!backendNames.test(name) || name === 'memory')
      throw refused(
        option,
        `has a name that a backend cannot have`,
        'Use up to 32 letters, digits, _ and -, and not memory.',
      );
    if (name === 'sqlite' && directory !== undefined)
      throw refused(
        option,
        'is given beside directory',
        'Leave one of them out: directory is a backend named sqlite.',
      );
    requireMembers(backend, BACKEND_MEMBERS, option);
  }
  if (new Set(Object.values(backends)).size < named.length)
    throw refused('backends', 'has one backend under two names', 'Make a backend for each name.');
  requireFew(transports.length, 'transports');
  for (const [index, transport] of transports.entries()) checkTransport(transport, `transports.${index}`);
  const schemes = [...WEB_SOCKET_SCHEMES, ...transports.map(({ name }) => name)];
  if (new Set(schemes).size < schemes.length)
    throw refused('transports', 'has two for the same scheme', 'Give each transport a name of its own.');
  for (const [index, peer] of peers.entries())
    if (!schemes.some((scheme) => peer.startsWith(`${scheme}://`)))
      throw refused(
        `peers.${index}`,
        'begins with a scheme that no transport has',
        `Use one of: ${schemes.join(', ')}; or pass openNode({ transports: [ … ] }) with one of that name.`,
      );
}

function checkTransport(transport: Transport, option: string): void {
  requireMembers(transport, TRANSPORT_MEMBERS, option);
  if (!SCHEME.test(transport.name))
    throw refused(
      option,
      'has a name that is no scheme',
      'Name it as its addresses begin: tcp dials tcp://host:port.',
    );
  if (!Number.isSafeInteger(transport.maxFrameBytes) || transport.maxFrameBytes < 1)
    throw refused(option, 'has a maxFrameBytes that is no number of bytes', 'Take it from frameLimits().');
}

function requireFew(count: number, option: string): void {
  if (count > MAX_OWN_PORTS) throw refused(option, `has ${count} entries`, `Give at most ${MAX_OWN_PORTS}.`);
}

function requireMembers(port: Backend | Transport, members: readonly string[], option: string): void {
  const given = port as unknown as Readonly<Record<string, unknown>> | null;
  const missing = members.filter((member) => typeof given?.[member] !== 'function');
  if (typeof given?.['name'] !== 'string') missing.unshift('name');
  if (missing.length === 0) return;
  throw refused(option, `lacks ${missing.join(', ')}`, 'See docs/write-your-own.md for what the port has.');
}

function refused(option: string, problem: string, hint: string): TablecastError {
  return new TablecastError('OPTION_INVALID', `Option ${option} ${problem}.`, { hint, details: { option } });
}
