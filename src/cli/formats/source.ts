import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { TablecastError } from '../../index.ts';
import { gunzipped, GzipDamage, isGzip } from './gunzip.ts';

const CHUNK_BYTES = 262_144;

/** Input that is neither a file nor the standard input: its name in messages, and its content. */
export interface NamedInput {
  readonly name: string;
  readonly chunks: AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>;
}

/** A source is where records come from: a path, `-` for the standard input, or chunks made by the caller. */
export type LogSource = string | NamedInput;

/** Returns what messages call this source. */
export function sourceName(source: LogSource): string {
  if (typeof source !== 'string') return source.name;
  return source === '-' ? 'standard input' : source;
}

function open(source: LogSource): Readable {
  if (typeof source !== 'string') return Readable.from(source.chunks, { objectMode: true });
  return source === '-' ? process.stdin : createReadStream(source, { highWaterMark: CHUNK_BYTES });
}

async function* buffers(
  input: AsyncIterable<Uint8Array | string>,
  onRead: (bytes: number) => void = () => undefined,
): AsyncGenerator<Buffer> {
  for await (const chunk of input) {
    onRead(chunk.length);
    yield typeof chunk === 'string'
      ? Buffer.from(chunk, 'utf8')
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
}

/** Returns the start of the input, long enough for a magic number unless the input ends before. */
async function takeMagic(chunks: AsyncGenerator<Buffer>): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 2) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  return head;
}

async function* joined(head: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  yield* rest;
}

/** The error for what ends the reading of a source, with how much was read before. */
function readFailure(name: string, cause: unknown, bytes: number): TablecastError {
  if (cause instanceof TablecastError) return cause;
  const isDamage = cause instanceof GzipDamage;
  const code =
    cause instanceof Error && 'code' in cause ? String(cause.code) : isDamage ? 'damage' : 'unknown';
  const reason = cause instanceof Error ? cause.message : String(cause);
  const read = bytes === 0 ? '' : ` after ${bytes} bytes of text`;
  return new TablecastError(
    'IMPORT_INVALID',
    isDamage
      ? `${name}: damaged or cut-off gzip data${read} (${reason})`
      : `${name}: cannot be read${read} (${reason})`,
    {
      hint: isDamage
        ? 'Make or fetch the file again; `gzip -t` checks it.'
        : 'Check the path and its permissions.',
      details: { file: name, cause: code, bytes },
      cause,
    },
  );
}

/**
 * Returns the content of a source in pieces, unzipped when it starts with the magic number of gzip. What
 * stands before damage is given. The file is closed when the iteration ends, however it ends.
 *
 * @throws TablecastError `IMPORT_INVALID` when it cannot be read or the gzip data is damaged.
 */
export async function* readSource(
  source: LogSource,
  onRead?: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const input = open(source);
  let bytes = 0;
  try {
    const chunks = buffers(input, onRead);
    const head = await takeMagic(chunks);
    const all = joined(head, chunks);
    for await (const chunk of isGzip(head) ? gunzipped(all) : all) {
      bytes += chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw readFailure(sourceName(source), error, bytes);
  } finally {
    input.destroy();
  }
}
