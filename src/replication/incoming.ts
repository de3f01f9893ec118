import { TablecastError } from '../errors.ts';
import type { Message } from './wire.ts';

/** Most bytes of the checkpoints under way from one peer. */
const MAX_CHECKPOINT_BYTES = 1024 * 1024 * 1024;
/** Counted per chunk beside its bytes, so that empty chunks are bounded as well. */
const CHUNK_OVERHEAD_BYTES = 128;

interface IncomingCheckpoint {
  readonly chunks: Uint8Array[];
  bytes: number;
}

/** Checkpoints of which a peer has sent a part, one per table. */
export class IncomingCheckpoints {
  readonly #underWay = new Map<string, IncomingCheckpoint>();

  /** Takes the next chunk; gives the checkpoint when it is the last. Throws `FRAME_INVALID`, `LIMIT_EXCEEDED`. */
  take(message: Extract<Message, { type: 'checkpoint' }>): IncomingCheckpoint | undefined {
    const { table, index, chunk } = message;
    if (index === 0) this.#underWay.set(table, { chunks: [], bytes: 0 });
    const incoming = this.#underWay.get(table);
    if (incoming?.chunks.length !== index) throw outOfTurn(`chunk ${index} of a checkpoint`);
    incoming.chunks.push(chunk);
    incoming.bytes += chunk.length + CHUNK_OVERHEAD_BYTES;
    let total = 0;
    for (const { bytes } of this.#underWay.values()) total += bytes;
    if (total > MAX_CHECKPOINT_BYTES) throw tooLarge(table);
    if (!message.last) return undefined;
    this.#underWay.delete(table);
    return incoming;
  }

  clear(): void {
    this.#underWay.clear();
  }
}

/** What is thrown for a message that cannot come now. */
export function outOfTurn(what: string): TablecastError {
  return new TablecastError('FRAME_INVALID', `A peer sent a ${what} out of turn.`, {
    hint: 'Check that the peer runs a version of tablecast that speaks this protocol.',
  });
}

function tooLarge(table: string): TablecastError {
  return new TablecastError(
    'LIMIT_EXCEEDED',
    `A checkpoint of ${table} is larger than ${MAX_CHECKPOINT_BYTES} bytes.`,
    {
      hint: 'Split the table into several.',
      details: { table, limit: MAX_CHECKPOINT_BYTES },
    },
  );
}
