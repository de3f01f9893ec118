import { ByteReader, ByteWriter } from '../log/bytes/bytes.ts';
import type { Behind } from '../transport/behind.ts';
import type { CarrierLink, Note } from './carrier.ts';
import { joined, piecesOf } from './frames.ts';

/** Most bytes of frames of which some notes came and not all; beyond it, what was begun is dropped. */
const MAX_BEGUN_BYTES: number = 16 * 1024 * 1024;
/** Bytes beside a piece of a frame: which one it is, and how many of it are still to come. */
const BESIDE_BYTES = 8;

/** A frame of which some notes came. */
interface Begun {
  readonly pieces: Uint8Array[];
}

/** The parts are what notes of a node are said and heard with. */
export interface NotesParts {
  readonly link: CarrierLink;
  readonly nodeId: string;
  /** The carrier does not let this node say or hear notes. */
  refused(error: unknown): void;
  /** Somebody says what no node says. */
  strange(this: void, by: string, error: unknown): void;
}

/** Frames between the nodes behind a carrier, each in as many notes as it takes. */
export class Notes implements Behind {
  readonly #parts: NotesParts;
  readonly #begun = new Map<string, Begun>();
  readonly #stop = new AbortController();
  #begunBytes = 0;
  #isRefused = false;

  constructor(parts: NotesParts) {
    this.#parts = parts;
  }

  tell(frame: Uint8Array, to?: string): void {
    const { link, nodeId: by } = this.#parts;
    const pieces = piecesOf(frame, link.maxMessageBytes - BESIDE_BYTES);
    for (const [index, piece] of pieces.entries()) {
      const writer = new ByteWriter(piece.length + BESIDE_BYTES);
      writer.varint(index);
      writer.varint(pieces.length - 1 - index);
      writer.raw(piece);
      // Notes may be lost: what waits for an answer asks again.
      link.tell({ by, to, bytes: writer.finish() }).catch((error: unknown) => this.#refused(error));
    }
  }

  listen(heard: Parameters<Behind['listen']>[0]): void {
    this.#run(heard).catch((error: unknown) => this.#refused(error));
  }

  async #run(heard: Parameters<Behind['listen']>[0]): Promise<void> {
    const { link, nodeId, strange } = this.#parts;
    for await (const note of await link.hear(nodeId, this.#stop.signal)) {
      if (note.by === nodeId) continue;
      try {
        const frame = this.#take(note);
        if (frame !== undefined) await heard(frame, note.by, note.to === undefined);
      } catch (error) {
        strange(note.by, error);
      }
    }
  }

  #take({ by, to, bytes }: Note): Uint8Array | undefined {
    const reader = new ByteReader(bytes);
    const [index, rest] = [reader.varint(), reader.varint()];
    const piece = reader.raw(reader.remaining);
    const name = `${to === undefined ? '' : ' '}${by}`;
    const known = this.#begun.get(name);
    this.#forget(name);
    const pieces = index === 0 ? [] : known?.pieces;
    // Of a frame of which a note was lost nothing is taken.
    if (pieces === undefined || pieces.length !== index) return undefined;
    pieces.push(piece);
    if (rest === 0) return joined(pieces);
    this.#keep(name, { pieces });
    return undefined;
  }

  #keep(name: string, begun: Begun): void {
    const bytes = lengthOf(begun);
    if (this.#begunBytes + bytes > MAX_BEGUN_BYTES) {
      this.#begun.clear();
      this.#begunBytes = 0;
    }
    this.#begun.set(name, begun);
    this.#begunBytes += bytes;
  }

  #forget(name: string): void {
    const begun = this.#begun.get(name);
    if (begun === undefined) return;
    this.#begun.delete(name);
    this.#begunBytes -= lengthOf(begun);
  }

  #refused(error: unknown): void {
    if (this.#isRefused || this.#stop.signal.aborted) return;
    this.#isRefused = true;
    this.#parts.refused(error);
  }

  stop(): void {
    this.#stop.abort();
    this.#begun.clear();
  }
}

function lengthOf({ pieces }: Begun): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}
