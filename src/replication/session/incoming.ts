import type { Environment, Timer } from '../../environment.ts';
import { TablecastError } from '../../errors.ts';
import type { AccountLimits } from '../costs/account.ts';
import type { Message } from '../wire/wire.ts';

/** Most bytes of the checkpoints under way, from one peer and from all together. */
const MAX_CHECKPOINT_BYTES = 1024 * 1024 * 1024;
/** Counted per chunk beside its bytes, so that empty chunks are bounded as well. */
const CHUNK_OVERHEAD_BYTES = 128;
/** Looked at this often, a checkpoint has to have come further, in milliseconds; it may take so many looks. */
const LOOK_MS = 30_000;
const MOST_LOOKS = 240;

/** Bounds what a node keeps of checkpoints that have not ended. */
export const CHECKPOINTS: AccountLimits = {
  what: 'checkpoints under way',
  ofPeer: MAX_CHECKPOINT_BYTES,
  ofAll: MAX_CHECKPOINT_BYTES,
};

interface IncomingCheckpoint {
  readonly chunks: Uint8Array[];
  bytes: number;
  /** Counts how often it was looked at, and says whether something of it came since. */
  looks: number;
  isComing: boolean;
}

/** The parts are what the checkpoints of one peer need. */
export interface IncomingParts {
  readonly environment: Environment;
  /** So many bytes of them are kept; that may be too much, and then the peer goes. */
  kept(bytes: number): void;
  /** True while this node has not looked yet at all that the peer sent: what is missing may have come. */
  isBehind(): boolean;
  /** One of them does not come any more, or takes too long. */
  late(error: TablecastError): void;
}

/** Checkpoints of which a peer has sent a part, one per table. */
export class IncomingCheckpoints {
  readonly #parts: IncomingParts;
  readonly #underWay = new Map<string, IncomingCheckpoint>();
  #timer: Timer | undefined;

  constructor(parts: IncomingParts) {
    this.#parts = parts;
  }

  /** Takes the next chunk; gives the checkpoint when it is the last. Throws `FRAME_INVALID`. */
  take(message: Extract<Message, { type: 'checkpoint' }>): IncomingCheckpoint | undefined {
    const { table, index, chunk } = message;
    if (index === 0) this.#underWay.set(table, { chunks: [], bytes: 0, looks: 0, isComing: true });
    const incoming = this.#underWay.get(table);
    if (incoming?.chunks.length !== index) throw outOfTurn(`chunk ${index} of a checkpoint`);
    incoming.chunks.push(chunk);
    incoming.bytes += chunk.length + CHUNK_OVERHEAD_BYTES;
    incoming.isComing = true;
    if (message.last) this.#underWay.delete(table);
    this.#count();
    if (message.last) return incoming;
    this.#timer ??= this.#parts.environment.schedule(LOOK_MS, () => this.#look());
    return undefined;
  }

  clear(): void {
    this.#timer?.cancel();
    this.#underWay.clear();
    this.#count();
  }

  #count(): void {
    let total = 0;
    for (const { bytes } of this.#underWay.values()) total += bytes;
    this.#parts.kept(total);
  }

  #look(): void {
    this.#timer = undefined;
    const isBehind = this.#parts.isBehind();
    for (const [table, incoming] of this.#underWay) {
      const isLate = !incoming.isComing && !isBehind;
      if (isLate || ++incoming.looks >= MOST_LOOKS) return this.#parts.late(tooSlow(table));
      // What waited comes first: it has until the next look.
      incoming.isComing = isBehind;
    }
    if (this.#underWay.size > 0) this.#timer = this.#parts.environment.schedule(LOOK_MS, () => this.#look());
  }
}

/** Makes the error for a message that cannot come now. */
export function outOfTurn(what: string): TablecastError {
  return new TablecastError('FRAME_INVALID', `A peer sent a ${what} out of turn.`, {
    hint: 'Check that the peer runs a version of tablecast that speaks this protocol.',
  });
}

function tooSlow(table: string): TablecastError {
  return new TablecastError(
    'LIMIT_EXCEEDED',
    `A checkpoint of ${table} stopped for ${LOOK_MS} ms, or took ${LOOK_MS * MOST_LOOKS} ms.`,
    {
      hint: 'Look at the link to that peer, or split the table into several.',
      details: { table, limit: LOOK_MS },
    },
  );
}
