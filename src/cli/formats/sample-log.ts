import { TablecastError } from '../../index.ts';
import { makeNetwork, type SampleName, type SampleNetwork, type SampleServer } from './sample-network.ts';
import { SampleRandom } from './sample-random.ts';

const DEFAULT_ROWS = 20_000;
const MAX_ROWS = 10_000_000;
const DEFAULT_SEED = 47_760;
const ROWS_PER_CHUNK = 500;
/** 2024-01-01 00:00:00 UTC, in microseconds. */
const START = 1_704_067_200_000_000;
const MAX_GAP = 60_000;

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const COLUMNS: readonly (readonly [name: string, type: string])[] = [
  ['ts', 'time'],
  ['uid', 'string'],
  ['id.orig_h', 'addr'],
  ['id.orig_p', 'port'],
  ['id.resp_h', 'addr'],
  ['id.resp_p', 'port'],
  ['proto', 'enum'],
  ['trans_id', 'count'],
  ['rtt', 'interval'],
  ['query', 'string'],
  ['qclass', 'count'],
  ['qclass_name', 'string'],
  ['qtype', 'count'],
  ['qtype_name', 'string'],
  ['rcode', 'count'],
  ['rcode_name', 'string'],
  ['AA', 'bool'],
  ['TC', 'bool'],
  ['RD', 'bool'],
  ['RA', 'bool'],
  ['Z', 'count'],
  ['answers', 'vector[string]'],
  ['TTLs', 'vector[interval]'],
  ['rejected', 'bool'],
];

/** The options say what the sample log is made of. */
export interface SampleLogOptions {
  /** Default 20,000; at most 10 million. */
  readonly rows?: number | undefined;
  /** A whole number from 0 to 2^32-1; the same seed gives the same bytes everywhere. */
  readonly seed?: number | undefined;
}

/** An answer: code, records and their lifetimes. */
interface Answer {
  readonly code: readonly [number: string, name: string];
  readonly records: string;
  readonly lifetimes: string;
}

const NO_ANSWER: Answer = { code: ['-', '-'], records: '-', lifetimes: '-' };
const NO_NAME: Answer = { code: ['3', 'NXDOMAIN'], records: '-', lifetimes: '-' };

function seconds(microseconds: number): string {
  const fraction = String(microseconds % 1_000_000).padStart(6, '0');
  return `${Math.floor(microseconds / 1_000_000)}.${fraction}`;
}

function makeUid(random: SampleRandom): string {
  let uid = 'C';
  for (let i = 0; i < 17; i += 1) uid += LETTERS[random.below(LETTERS.length)];
  return uid;
}

function answerTo(name: SampleName, type: string): Answer {
  if (!name.exists) return NO_NAME;
  const address = type === 'AAAA' ? name.address6 : name.address;
  const ttl = `${name.ttl}.000000`;
  return {
    code: ['0', 'NOERROR'],
    records: name.alias === undefined ? address : `${name.alias},${address}`,
    lifetimes: name.alias === undefined ? ttl : `${ttl},${ttl}`,
  };
}

class SampleWriter {
  readonly #random: SampleRandom;
  readonly #network: SampleNetwork;
  #time = START;

  constructor(seed: number) {
    this.#random = new SampleRandom(seed);
    this.#network = makeNetwork(this.#random);
  }

  row(): string {
    const random = this.#random;
    this.#time += 1 + random.below(MAX_GAP);
    const client = this.#network.clients.pick(random);
    const broadcast = random.chance(90);
    const server = broadcast ? random.pick(this.#network.neighbours) : this.#network.resolvers.pick(random);
    const connection = [
      seconds(this.#time),
      makeUid(random),
      client,
      String(1024 + random.below(64_512)),
      server.address,
      String(server.port),
      !broadcast && random.chance(25) ? 'tcp' : 'udp',
      String(random.below(65_536)),
    ];
    return [...connection, ...this.#question(server)].join('\t');
  }

  #question(server: SampleServer): readonly string[] {
    const random = this.#random;
    // A NetBIOS status request asks for `*` and fifteen zero bytes.
    if (server.port === 137) {
      const query = `*${'\\x00'.repeat(15)}`;
      return ['-', query, '1', 'C_INTERNET', '33', 'NBSTAT', ...this.#reply(server, NO_ANSWER)];
    }
    const name = this.#network.names.pick(random);
    const answered = server.answers && !random.chance(40);
    const type = random.chance(280) ? ['28', 'AAAA'] : ['1', 'A'];
    const answer = answered ? answerTo(name, type[1] as string) : NO_ANSWER;
    const rtt = answered ? seconds(200 + random.below(random.chance(100) ? 90_000 : 2500)) : '-';
    return [rtt, name.query, '1', 'C_INTERNET', ...type, ...this.#reply(server, answer)];
  }

  #reply(server: SampleServer, answer: Answer): readonly string[] {
    const recursion = server.answers ? 'T' : 'F';
    const available = answer === NO_ANSWER ? 'F' : 'T';
    return [...answer.code, 'F', 'F', recursion, available, '0', answer.records, answer.lifetimes, 'F'];
  }

  get time(): number {
    return this.#time;
  }
}

function clock(microseconds: number): string {
  return new Date(Math.floor(microseconds / 1000)).toISOString().slice(0, 19).replace(/[T:]/g, '-');
}

function head(): string {
  const lines = [
    '#separator \\x09',
    '#set_separator\t,',
    '#empty_field\t(empty)',
    '#unset_field\t-',
    '#path\tdns',
    `#open\t${clock(START)}`,
    `#fields\t${COLUMNS.map(([name]) => name).join('\t')}`,
    `#types\t${COLUMNS.map(([, type]) => type).join('\t')}`,
  ];
  return `${lines.join('\n')}\n`;
}

function wholeNumber(name: string, value: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= 0 && value <= max) return value;
  throw new TablecastError('OPTION_INVALID', `${name}: ${value} is not a whole number from 0 to ${max}`, {
    hint: `Give another ${name}, or leave it out.`,
    details: { name, value },
  });
}

/**
 * Returns a made-up dns.log in Zeek's tab-separated format, in pieces of some hundred rows: a few clients ask
 * a few resolvers most of the questions, times grow by up to 60 ms. It yields known hosts (`id.orig_h`,
 * `id.resp_h`) and known services (`id.resp_h`, `id.resp_p/proto`).
 *
 * The bytes depend on `rows` and `seed` alone.
 *
 * @throws TablecastError `OPTION_INVALID` at once for `rows` or `seed` out of range.
 */
export function generateSampleLog(options: SampleLogOptions = {}): Generator<string> {
  const rows = wholeNumber('rows', options.rows ?? DEFAULT_ROWS, MAX_ROWS);
  const seed = wholeNumber('seed', options.seed ?? DEFAULT_SEED, 2 ** 32 - 1);
  return pieces(rows, new SampleWriter(seed));
}

function* pieces(rows: number, writer: SampleWriter): Generator<string> {
  yield head();
  for (let made = 0; made < rows; made += ROWS_PER_CHUNK) {
    const count = Math.min(ROWS_PER_CHUNK, rows - made);
    yield `${Array.from({ length: count }, () => writer.row()).join('\n')}\n`;
  }
  yield `#close\t${clock(writer.time)}\n`;
}
