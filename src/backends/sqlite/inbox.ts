import type { Mailbox } from './mailbox.ts';
import type { Request, RequestMessage } from './messages.ts';
import { fromMessage } from './packed-commits.ts';

/** The parts are what an {@link Inbox} takes from, and gives to. */
export interface InboxParts {
  readonly mailbox: Mailbox;
  /** Returns the next message that has arrived, if there is one. */
  receive(this: void): RequestMessage | undefined;
  push(this: void, request: Request): void;
}

/** Puts what comes by two ways, as messages and through the mailbox, into the order in which it was handed over. */
export class Inbox {
  readonly #parts: InboxParts;

  constructor(parts: InboxParts) {
    this.#parts = parts;
  }

  /** Takes in all that has arrived. */
  empty(): void {
    this.#take();
    const { receive } = this.#parts;
    for (let message = receive(); message !== undefined; message = receive()) this.accept(message);
  }

  /** Takes in one message. */
  accept(message: RequestMessage): void {
    // The mailbox was filled before this was sent, though perhaps after the last look.
    this.#take();
    if (message === null) return;
    this.#parts.push(
      message instanceof Uint8Array || message.kind === 'packed' ? fromMessage(message) : message,
    );
  }

  #take(): void {
    const request = this.#parts.mailbox.take();
    if (request !== undefined) this.#parts.push(request);
  }
}
