import { crc32, createInflateRaw, type InflateRaw } from 'node:zlib';

/** Compressed bytes that are handed over at once; as many are gone through one by one to find where damage begins. */
const PIECE_BYTES = 32_768;
const OUTPUT_BYTES = 262_144;
const MAX_HEADER_BYTES = 65_536;
const TRAILER_BYTES = 8;
const HAS_CHECKSUM = 2;
const HAS_EXTRA = 4;
const HAS_NAME = 8;
const HAS_COMMENT = 16;

/** A damage says why gzip data cannot be read on. What came before it is right, as far as the data says. */
export class GzipDamage extends Error {
  override readonly name = 'GzipDamage';
}

/** Returns true for the first bytes of gzip data. */
export function isGzip(head: Buffer): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/** Compressed input, in pieces or by the byte. */
class Input {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** So many of the next bytes, or as many as there are. */
  async peek(length: number): Promise<Buffer> {
    while (this.#rest.length < length) {
      const next = await this.#chunks.next();
      if (next.done === true) break;
      this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value]);
    }
    return this.#rest.subarray(0, length);
  }

  skip(length: number): void {
    this.#rest = this.#rest.subarray(length);
  }

  /** Returns the next bytes. @throws GzipDamage when there are not so many */
  async take(length: number): Promise<Buffer> {
    const bytes = await this.peek(length);
    if (bytes.length < length) throw new GzipDamage('the data ends too early');
    this.skip(length);
    return bytes;
  }
}

/** Inflates in pieces; of a piece that is damaged it gives nothing. */
class Inflater {
  readonly #stream: InflateRaw = createInflateRaw({ chunkSize: OUTPUT_BYTES });
  readonly #output: Buffer[] = [];
  readonly #failed: Promise<never>;
  #fed = 0;

  constructor() {
    this.#stream.on('data', (chunk: Buffer) => this.#output.push(chunk));
    // A write that meets damage is never answered.
    this.#failed = new Promise((_, reject) => this.#stream.once('error', reject));
    this.#failed.catch(() => undefined);
  }

  /**
   * Counts the bytes at the end of the last piece that belong to what comes behind; undefined before the end
   * of the data.
   */
  get unused(): number | undefined {
    const unused = this.#fed - this.#stream.bytesWritten;
    return unused > 0 ? unused : undefined;
  }

  async write(piece: Buffer): Promise<readonly Buffer[]> {
    this.#fed += piece.length;
    const written = new Promise<void>((resolve, reject) => {
      this.#stream.write(piece, (error) => (error ? reject(error) : resolve()));
    });
    await Promise.race([written, this.#failed]);
    return this.#output.splice(0);
  }

  close(): void {
    this.#stream.destroy();
  }
}

/**
 * Inflates what may be damaged. A second inflater stays one piece behind: where the first fails, it goes through the
 * piece byte by byte, and so gives all that stands before the damage.
 */
class CarefulInflater {
  readonly #ahead = new Inflater();
  readonly #behind = new Inflater();
  #last: Buffer | undefined;

  get unused(): number | undefined {
    return this.#ahead.unused;
  }

  /** Yields what a piece holds. @throws GzipDamage */
  async *write(piece: Buffer): AsyncGenerator<Buffer> {
    const followed = this.#last === undefined ? undefined : this.#behind.write(this.#last);
    this.#last = piece;
    const [ahead] = await Promise.allSettled([this.#ahead.write(piece), followed]);
    if (ahead.status === 'fulfilled') {
      yield* ahead.value;
      return;
    }
    yield* this.#beforeDamage(piece);
    throw new GzipDamage(ahead.reason instanceof Error ? ahead.reason.message : String(ahead.reason));
  }

  async *#beforeDamage(piece: Buffer): AsyncGenerator<Buffer> {
    for (let at = 0; at < piece.length; at++) {
      try {
        yield* await this.#behind.write(piece.subarray(at, at + 1));
      } catch {
        return;
      }
    }
  }

  close(): void {
    this.#ahead.close();
    this.#behind.close();
  }
}

async function skipHeader(input: Input): Promise<void> {
  const head = await input.take(10);
  const flags = head[3] as number;
  if (head[2] !== 8) throw new GzipDamage('an unknown compression method');
  if ((flags & HAS_EXTRA) !== 0) await input.take((await input.take(2)).readUInt16LE());
  if ((flags & HAS_NAME) !== 0) await skipText(input);
  if ((flags & HAS_COMMENT) !== 0) await skipText(input);
  if ((flags & HAS_CHECKSUM) !== 0) await input.take(2);
}

async function skipText(input: Input): Promise<void> {
  const end = (await input.peek(MAX_HEADER_BYTES)).indexOf(0);
  if (end === -1) throw new GzipDamage('a header without an end');
  input.skip(end + 1);
}

/** Yields what one member holds, checked against its checksum at the end. */
async function* member(input: Input): AsyncGenerator<Buffer> {
  await skipHeader(input);
  const inflater = new CarefulInflater();
  let checksum = 0;
  let size = 0;
  try {
    while (inflater.unused === undefined) {
      const piece = await input.peek(PIECE_BYTES);
      if (piece.length === 0) throw new GzipDamage('the data ends too early');
      for await (const chunk of inflater.write(piece)) {
        checksum = crc32(chunk, checksum);
        size += chunk.length;
        yield chunk;
      }
      input.skip(piece.length - (inflater.unused ?? 0));
    }
  } finally {
    inflater.close();
  }
  const trailer = await input.take(TRAILER_BYTES);
  if (trailer.readUInt32LE(0) !== checksum || trailer.readUInt32LE(4) !== size % 2 ** 32) {
    throw new GzipDamage('the checksum is another one: what was read may be damaged');
  }
}

/** Reads the zeros that pad an archive to the end. @throws GzipDamage for anything else */
async function skipPadding(input: Input): Promise<void> {
  for (;;) {
    const bytes = await input.peek(PIECE_BYTES);
    if (bytes.length === 0) return;
    if (!bytes.every((byte) => byte === 0))
      throw new GzipDamage('something else follows the compressed data');
    input.skip(bytes.length);
  }
}

/**
 * Returns the content of gzip data, of one member or several behind each other. Whatever stands before damage
 * is given.
 *
 * @throws GzipDamage where the data is damaged, ends too early, or is followed by something else than zeros
 */
export async function* gunzipped(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const input = new Input(chunks);
  for (;;) {
    const head = await input.peek(2);
    if (!isGzip(head)) break;
    yield* member(input);
  }
  await skipPadding(input);
}
