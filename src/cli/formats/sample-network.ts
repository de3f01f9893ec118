import { type SampleRandom, ZipfChoice } from './sample-random.ts';

/** A name that is asked for, and what a server says. */
export interface SampleName {
  readonly query: string;
  readonly address: string;
  readonly address6: string;
  readonly alias: string | undefined;
  readonly ttl: number;
  readonly exists: boolean;
}

/** A server and the port it is asked on. */
export interface SampleServer {
  readonly address: string;
  readonly port: number;
  readonly answers: boolean;
}

/**
 * A sample network says who asks whom for what in the sample log. Addresses and names are those kept for
 * documentation.
 */
export interface SampleNetwork {
  readonly clients: ZipfChoice<string>;
  readonly resolvers: ZipfChoice<SampleServer>;
  readonly neighbours: readonly SampleServer[];
  readonly names: ZipfChoice<SampleName>;
}

const CLIENTS = 240;
const NAMES = 1500;
const HOSTS = ['www', 'api', 'mail', 'cdn', 'img', 'auth', 'static', 'update', 'ntp', 'repo', 'vpn', 'files'];
const FIRST = [
  'amber',
  'birch',
  'cedar',
  'delta',
  'ember',
  'fjord',
  'grove',
  'haven',
  'iris',
  'juniper',
  'kelp',
];
const SECOND = ['bank', 'cloud', 'desk', 'farm', 'games', 'labs', 'mart', 'news', 'press', 'radio', 'tools'];
const ENDINGS = ['example', 'example.com', 'example.net', 'example.org', 'test'];

function makeName(random: SampleRandom): SampleName {
  const domain = `${random.pick(FIRST)}${random.pick(SECOND)}.${random.pick(ENDINGS)}`;
  const number = random.chance(250) ? String(random.below(20)) : '';
  return {
    query: `${random.pick(HOSTS)}${number}.${domain}`,
    address: `${random.pick(['192.0.2', '198.51.100', '203.0.113'])}.${1 + random.below(254)}`,
    address6: `2001:db8:${(1 + random.below(4095)).toString(16)}::${(1 + random.below(4095)).toString(16)}`,
    alias: random.chance(200) ? `edge${random.below(60)}.cdn.example` : undefined,
    ttl: random.pick([30, 60, 300, 900, 3600, 86_400]),
    exists: !random.chance(60),
  };
}

function makeClient(random: SampleRandom, index: number): string {
  if (index % 9 === 4) return `2001:db8:20:${random.below(4)}::${(index + 16).toString(16)}`;
  return `10.20.${random.below(6)}.${index + 10}`;
}

/** Draws a network; the same one for the same state of `random`. */
export function makeNetwork(random: SampleRandom): SampleNetwork {
  const resolver = (address: string): SampleServer => ({ address, port: 53, answers: true });
  return {
    clients: new ZipfChoice(Array.from({ length: CLIENTS }, (_, index) => makeClient(random, index))),
    resolvers: new ZipfChoice(
      ['10.20.0.2', '10.20.0.3', '10.20.1.2', '2001:db8:20::53', '198.51.100.53', '203.0.113.53'].map(
        resolver,
      ),
    ),
    neighbours: [
      { address: '10.20.5.255', port: 137, answers: false },
      { address: '224.0.0.251', port: 5353, answers: false },
      { address: 'ff02::fb', port: 5353, answers: false },
      { address: '224.0.0.252', port: 5355, answers: false },
    ],
    names: new ZipfChoice(Array.from({ length: NAMES }, () => makeName(random))),
  };
}
