import type { Segment } from '../../log/backend.ts';
import { type Connection, openReading } from './connection.ts';
import { asTablecastError } from './failure.ts';
import { SegmentPages } from './pages.ts';

/** A connection that reads what is committed, while another one writes. */
export class PagedReader {
  readonly #connection: Connection;
  readonly #pages: SegmentPages;
  readonly #file: string;

  /** Throws a `TablecastError`. `name` is the file's name in messages, if it is not the file itself. */
  constructor(file: string, name: string = file) {
    this.#file = name;
    try {
      this.#connection = openReading(file);
      this.#pages = new SegmentPages(this.#connection, name);
    } catch (error) {
      throw asTablecastError(error, { file: name, action: 'read' });
    }
  }

  /** As `Backend.read`, at once. */
  read(after: number, maxBytes: number): readonly Segment[] {
    try {
      return this.#pages.read(after, maxBytes);
    } catch (error) {
      throw asTablecastError(error, { file: this.#file, action: 'read' });
    }
  }

  close(): void {
    this.#connection.close();
  }
}
