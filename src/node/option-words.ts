import type * as v from 'valibot';
import { TablecastError } from '../errors.ts';
import { suggestion } from '../schema/index.ts';

/** Names what an option takes, and how it is written. */
type Words = readonly [takes: string, example: string];

const PORT: Words = ['a whole number from 0 to 65535; 0 takes a free port', 'port: 47760'];
const HOST: Words = ['the text of an address or a name', "host: '127.0.0.1'"];
const PEM: Words = ['PEM as text or bytes', "readFileSync('node.pem')"];
const TOKEN: Words = ['text of 1 to 1,024 characters', 'token: process.env.TABLECAST_TOKEN'];
const AT_LEAST_ONE = 'a whole number from 1';

/** By the path of an option; of `http` what `listen` takes is not said again. */
const WORDS: Readonly<Record<string, Words>> = {
  options: ['an object', "openNode({ id: 'manager' })"],
  id: ['text of 1 to 64 letters, digits, _, . and -', "id: 'manager'"],
  directory: ['the text of a path', "directory: './data'"],
  durability: ["'commit' or 'interval'", "durability: 'commit'"],
  failureMode: ["'refuse' or 'delete'", "failureMode: 'refuse'"],
  listen: ['an object with a port', 'listen: { port: 47760 }'],
  'listen.port': PORT,
  'listen.host': HOST,
  'listen.tls': ['an object with certificate and key', 'tls: { cert, key }'],
  'listen.tls.cert': PEM,
  'listen.tls.key': PEM,
  'listen.tls.ca': PEM,
  'listen.tls.requireClientCertificate': ['true or false', 'requireClientCertificate: true'],
  'listen.hosts': ['a list of at most 64 names', "hosts: ['node.example.org']"],
  'listen.origins': ['a list of at most 64 pages by their origin', "origins: ['https://example.org']"],
  socket: ['the path of a Unix domain socket, or an object with it', "socket: '/run/tablecast/hub.sock'"],
  'socket.path': ['the text of a path', "socket: { path: '/run/tablecast/hub.sock' }"],
  'socket.mode': [
    'a whole number from 0 to 0o777',
    "socket: { path: '/run/tablecast/hub.sock', mode: 0o660 }",
  ],
  backends: ['an object of backends by name', 'backends: { files: filesBackend() }'],
  transports: ['a list of transports', 'transports: [tcpTransport()]'],
  tracing: ['a tracer of @opentelemetry/api', "tracing: trace.getTracer('tablecast')"],
  peers: ['a list of at most 64 addresses, each with its protocol', "peers: ['ws://10.0.0.1:47760']"],
  auth: ['an object', 'auth: { token: process.env.TABLECAST_TOKEN }'],
  'auth.token': TOKEN,
  'auth.dialToken': TOKEN,
  'auth.credentials': ['a list of objects', "credentials: [{ name: 'sensor', token, nodes: ['sensor-*'] }]"],
  'auth.verify': ['a function', 'verify: async ({ token }) => rightsOf(token)'],
  'auth.ca': PEM,
  'auth.cert': PEM,
  'auth.key': PEM,
  health: ['an object with a port', 'health: { port: 47790 }'],
  'health.port': PORT,
  'health.host': HOST,
  http: ['an object with a port', 'http: { port: 47780 }'],
  'http.health': ['true or false', 'http: { port: 47780, health: true }'],
  retention: ['an object with age, bytes or operations', "retention: { age: '30d' }"],
  'retention.age': ['whole milliseconds, or a number with a unit', "retention: { age: '30d' }"],
  'retention.bytes': [AT_LEAST_ONE, 'retention: { bytes: 1024 ** 3 }'],
  'retention.operations': [AT_LEAST_ONE, 'retention: { operations: 1_000_000 }'],
  sql: ['true, or the text of a file or a database', 'sql: true'],
  limits: ['an object', 'limits: { maxPeers: 16 }'],
  zeek: [
    'an object with the address of a cluster, or a list of at most 16',
    "zeek: { url: 'ws://127.0.0.1:9999/v1/messages/json', tables }",
  ],
};

/** Returns the error of an option that was given wrongly: which, what it takes, and an example. */
export function optionInvalid(issue: v.BaseIssue<unknown>, known: object): TablecastError {
  const keys = issue.path?.map(({ key }) => String(key)) ?? [];
  const path = keys.length === 0 ? 'options' : keys.join('.');
  const isUnknown = issue.type === 'strict_object' && issue.expected === 'never';
  return isUnknown ? unknownOption(keys, known) : wrongOption(path, issue);
}

function unknownOption(keys: readonly string[], known: object): TablecastError {
  const path = keys.join('.');
  const names = Object.keys(known);
  const hint =
    keys.length === 1
      ? `Options are ${names.join(', ')}.${suggestion(path, names)}`
      : `Leave it out: ${keys.slice(0, -1).join('.')} takes ${wordsOf(keys.slice(0, -1).join('.'))[0]}. See NodeOptions in the reference of the interface.`;
  return new TablecastError('OPTION_INVALID', `Option ${path} is not an option.`, {
    hint,
    details: { option: path },
  });
}

function wrongOption(path: string, { input }: v.BaseIssue<unknown>): TablecastError {
  const [takes, example] = wordsOf(path);
  const given = typeof input === 'number' && takes.includes('number') ? String(input) : shownKind(input);
  const problem = input === undefined ? 'is missing: it takes' : `is ${given}, and takes`;
  return new TablecastError('OPTION_INVALID', `Option ${path} ${problem} ${takes}.`, {
    hint: `For example: ${example}.`,
    details: { option: path },
  });
}

/** Returns what the option takes, or the nearest one that holds it: an entry of a list is told as the list is. */
function wordsOf(path: string): Words {
  const own = WORDS[path] ?? WORDS[path.replace(/^http\./, 'listen.')];
  if (own !== undefined) return own;
  const parts = path.split('.');
  if (parts.at(-2) === 'limits')
    return [
      AT_LEAST_ONE,
      parts.reduceRight((inner, name) => `${name}: ${inner === '' ? '64' : `{ ${inner} }`}`, ''),
    ];
  const end = path.lastIndexOf('.');
  return end < 0 ? (WORDS['options'] as Words) : wordsOf(path.slice(0, end));
}

/** Says of what kind is what was given, and no more: it may be a secret. */
function shownKind(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'string') return value === '' ? 'an empty text' : 'a text';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
