import type { Note } from './carrier.ts';

/** Most bytes of notes that wait for who listens; what comes beyond is dropped, as notes may be. */
const MAX_WAITING_NOTE_BYTES: number = 16 * 1024 * 1024;
/** Counted for each note beside its bytes, so that empty ones are bounded as well. */
const BESIDE_BYTES = 128;

/** Keeps the notes that somebody who listens has not taken yet, in their order. */
export class NotesWaiting implements AsyncIterable<Note> {
  readonly #ended: () => void;
  #notes: Note[] = [];
  #bytes = 0;
  #isOver = false;
  #wake: () => void = () => undefined;

  /** `ended` is called once nobody listens any more. */
  constructor(ended: () => void) {
    this.#ended = ended;
  }

  add(note: Note): void {
    const bytes = note.bytes.length + BESIDE_BYTES;
    if (this.#isOver || this.#bytes + bytes > MAX_WAITING_NOTE_BYTES) return;
    this.#bytes += bytes;
    this.#notes.push(note);
    this.#wake();
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#notes = [];
    this.#wake();
    this.#ended();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Note> {
    try {
      while (!this.#isOver) {
        const notes = this.#notes;
        this.#notes = [];
        for (const note of notes) {
          if (this.#isOver) return;
          this.#bytes -= note.bytes.length + BESIDE_BYTES;
          yield note;
        }
        if (this.#notes.length === 0) await this.#news();
      }
    } finally {
      this.end();
    }
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#isOver) resolve();
    });
  }
}
