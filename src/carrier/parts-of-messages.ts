import { TablecastError } from '../errors.ts';
import { type Message, decodeMessage, encodeMessage } from '../replication/wire/wire.ts';
import type { Carried } from './carrier.ts';
import { joined } from './publishing.ts';
import type { OperationsHead } from './subjects.ts';

/** Most bytes of bundles that were begun and not ended, of all authors together; beyond it the oldest is taken as it is. */
const MAX_UNFINISHED_BYTES: number = 64 * 1024 * 1024;

/** A complete bundle has all its frames, in order. */
export interface Complete {
  readonly frames: readonly Uint8Array[];
}

/** A frame of one author, and the place of its first message. */
export interface Piece {
  readonly frame: Uint8Array;
  readonly from: number;
}

interface Unfinished {
  readonly frames: Uint8Array[];
  readonly from: number;
  bytes: number;
}

/** Puts together what did not fit into one message, and holds back bundles until all of them is there. */
export class Parts {
  /** Pieces by subject. */
  readonly #pieces = new Map<string, { readonly from: number; readonly bytes: Uint8Array[] }>();
  /** Bundles by name, the oldest first. */
  readonly #bundles = new Map<string, Unfinished>();
  #bytes = 0;

  /** Takes a message of operations; returns the frame that is complete by it, and where it begins. */
  take({ subject, place, bytes }: Carried, [index, count]: OperationsHead['part']): Piece | undefined {
    const name = subject.join('\n');
    if (index === 0) this.#pieces.set(name, { from: place, bytes: [] });
    const pieces = this.#pieces.get(name);
    // A piece whose beginning is not here comes again, or never.
    if (pieces?.bytes.length !== index) return undefined;
    pieces.bytes.push(bytes);
    if (index < count - 1) return undefined;
    this.#pieces.delete(name);
    return { frame: joined(pieces.bytes), from: pieces.from };
  }

  /** Holds a frame back until all of its bundle is there; returns bundles that are held back no longer, because they are too much. */
  hold(bundle: string, { frame, from }: Piece): Complete[] {
    const held = this.#bundles.get(bundle) ?? { frames: [], from, bytes: 0 };
    held.frames.push(frame);
    held.bytes += frame.length;
    this.#bundles.set(bundle, held);
    this.#bytes += frame.length;
    const complete: Complete[] = [];
    for (const [oldest] of this.#bundles) {
      if (this.#bytes <= MAX_UNFINISHED_BYTES) break;
      complete.push(...this.end(oldest));
    }
    return complete;
  }

  /** Everything of a bundle is there. */
  end(bundle: string): Complete[] {
    const held = this.#bundles.get(bundle);
    if (held === undefined) return [];
    this.#bundles.delete(bundle);
    this.#bytes -= held.bytes;
    return [{ frames: held.frames }];
  }

  /** The place from which on must be read again for what is not complete; Infinity when all is. */
  get from(): number {
    const begun = [...this.#pieces.values(), ...this.#bundles.values()];
    return begun.reduce((least, { from }) => Math.min(least, from), Infinity);
  }

  clear(): void {
    this.#pieces.clear();
    this.#bundles.clear();
    this.#bytes = 0;
  }
}

/** Makes one frame of those of a bundle. Throws `FRAME_INVALID` or `OPERATION_INVALID` for what is none. */
export function oneFrame({ frames }: Complete): Uint8Array {
  const [only] = frames;
  if (frames.length === 1 && only !== undefined) return only;
  return encodeMessage({ type: 'runs', runs: frames.flatMap(runsOf) });
}

/** Reads the runs of a frame. Throws `FRAME_INVALID` or `OPERATION_INVALID`, also for a message of another type. */
export function runsOf(frame: Uint8Array): readonly Uint8Array[] {
  const message: Message = decodeMessage(frame);
  if (message.type === 'runs') return message.runs;
  throw new TablecastError('FRAME_INVALID', `it is no message with operations but ${message.type}`, {
    hint: 'Look who publishes it.',
  });
}
