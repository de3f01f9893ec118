import type { Environment, Timer } from '../environment.ts';
import type { Message } from './wire.ts';

/** What was received is acknowledged after this many bytes, or this many milliseconds. */
const ACK_BYTES = 512 * 1024;
const ACK_MS = 10;

/** Tells a peer how much of what it sent has been taken in, so that it sends on. */
export class Acknowledgements {
  readonly #environment: Environment;
  readonly #send: (message: Message) => void;
  #receivedBytes = 0;
  #seenOperations = 0;
  #confirmedBytes = 0;
  #timer: Timer | undefined;

  constructor(environment: Environment, send: (message: Message) => void) {
    this.#environment = environment;
    this.#send = send;
  }

  /** A frame of so many bytes, with so many operations, was taken in. */
  received(bytes: number, operations: number): void {
    this.#receivedBytes += bytes;
    this.#seenOperations += operations;
    if (this.#receivedBytes - this.#confirmedBytes >= ACK_BYTES) this.#confirm();
    else this.#timer ??= this.#environment.schedule(ACK_MS, () => this.#confirm());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #confirm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#confirmedBytes = this.#receivedBytes;
    this.#send({ type: 'ack', bytes: this.#receivedBytes, operations: this.#seenOperations });
  }
}
