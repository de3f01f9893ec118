import checksums from 'crc-32';
import { decodeMessage, encodeMessage } from '../../../src/replication/wire/wire.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';

const HOSTILE_BYTES = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff] as const;
/** The greatest number a varint can say, and one just beyond. */
const LONG_NUMBERS = [
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
] as const;
const HOSTILE_TEXTS = [
  '__proto__',
  'constructor',
  'toString',
  '',
  '\u0000',
  '\ud800',
  '../../etc',
  'evil@1',
  'evil@zzzzzzzzzzz',
];
const HOSTILE_NUMBERS = [0, -1, 1.5, 2 ** 31, 2 ** 53, 2 ** 53 - 1, 1e308, -0];
const CHECK_BYTES = 4;
const MAX_FRAME_BYTES = 4 * 1024 * 1024 - 1;

type Mutation = (bytes: Uint8Array, random: SeededRandom) => Uint8Array;

const flipBit: Mutation = (bytes, random) => {
  const at = random.between(0, bytes.length - 1);
  bytes[at] = (bytes[at] as number) ^ (1 << random.between(0, 7));
  return bytes;
};
const setByte: Mutation = (bytes, random) => {
  bytes[random.between(0, bytes.length - 1)] = random.pick(HOSTILE_BYTES);
  return bytes;
};
const truncate: Mutation = (bytes, random) => bytes.slice(0, random.between(1, bytes.length));
const remove: Mutation = (bytes, random) => {
  const at = random.between(0, bytes.length - 1);
  return joined(bytes.subarray(0, at), bytes.subarray(at + random.between(1, 9)));
};
const repeat: Mutation = (bytes, random) => {
  const at = random.between(0, bytes.length - 1);
  const end = at + random.between(1, 40);
  return joined(bytes.subarray(0, end), bytes.subarray(at));
};
const insertNumber: Mutation = (bytes, random) => {
  const at = random.between(1, bytes.length);
  const over = random.chance(0.5) ? 1 : 0;
  return joined(bytes.subarray(0, at), Uint8Array.from(random.pick(LONG_NUMBERS)), bytes.subarray(at + over));
};

const MUTATIONS = [flipBit, flipBit, setByte, setByte, truncate, remove, repeat, insertNumber];

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** Changes bytes in one to four places; never returns the argument itself. */
function mutateBytes(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  let mutated: Uint8Array = bytes.slice();
  for (let count = random.between(1, 4); count > 0 && mutated.length > 0; count--) {
    mutated = random.pick(MUTATIONS)(mutated, random);
  }
  return mutated.length === 0 ? Uint8Array.of(random.between(0, 255)) : mutated;
}

/** Puts a run's checksum right, so that its reader gets beyond it. */
function checked(run: Uint8Array): Uint8Array {
  if (run.length <= CHECK_BYTES) return run;
  const fixed = run.slice();
  const end = fixed.length - CHECK_BYTES;
  new DataView(fixed.buffer).setUint32(end, checksums.buf(fixed.subarray(0, end)) >>> 0, true);
  return fixed;
}

/** A frame made from valid ones: half with bytes changed anywhere, half changed inside, with what covers it put right. */
export function mutateFrame(corpus: readonly Uint8Array[], random: SeededRandom): Uint8Array {
  const frame = random.pick(corpus);
  if (random.chance(0.1)) return spliced(frame, random.pick(corpus), random);
  if (random.chance(0.3)) return mutateBytes(frame, random);
  const message = decodeMessage(frame);
  switch (message.type) {
    case 'runs':
      return encodeMessage({ type: 'runs', runs: message.runs.map((run) => mutatedRun(run, random)) });
    case 'checkpoint':
      return encodeMessage({ ...message, chunk: mutateBytes(message.chunk, random) });
    case 'hello':
    case 'tables':
    case 'sources':
    case 'level':
    case 'bye':
      return mutatedText(frame, random);
    default:
      return mutateBytes(frame, random);
  }
}

function mutatedRun(run: Uint8Array, random: SeededRandom): Uint8Array {
  if (random.chance(0.4)) return run;
  return checked(mutateBytes(run, random));
}

function spliced(one: Uint8Array, other: Uint8Array, random: SeededRandom): Uint8Array {
  return joined(
    one.subarray(0, random.between(1, one.length)),
    other.subarray(random.between(0, other.length)),
  );
}

/** Changes one value of a JSON message into something nobody would send. */
function mutatedText(frame: Uint8Array, random: SeededRandom): Uint8Array {
  const text = new TextDecoder().decode(frame.subarray(1));
  const body: unknown = JSON.parse(text, (_, value: unknown) =>
    random.chance(0.05) ? hostile(value, random) : value,
  );
  const encoded = encodedOf(body);
  // Copies of copies; the transport refuses what is longer than 4 MiB.
  if (encoded === undefined || encoded.length > MAX_FRAME_BYTES) return frame;
  const renamed = random.chance(0.1) ? encoded.replace(/"[a-z]+":/u, '"__proto__":') : encoded;
  return joined(frame.subarray(0, 1), new TextEncoder().encode(renamed));
}

/** JSON of a value; undefined where copies of copies would be longer than any text can be. */
function encodedOf(body: unknown): string | undefined {
  try {
    return JSON.stringify(body) ?? '';
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function hostile(value: unknown, random: SeededRandom): unknown {
  const choices = [
    () => random.pick(HOSTILE_TEXTS),
    () => random.pick(HOSTILE_NUMBERS),
    () => null,
    () => [value, value],
    () => ({ constructor: value }),
    () => 'x'.repeat(random.between(0, 5000)),
    () => Array.from({ length: random.between(0, 300) }, () => value),
    () => JSON.parse('['.repeat(200) + ']'.repeat(200)) as unknown,
  ];
  return random.pick(choices)();
}
