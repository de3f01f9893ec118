import type { Consumer } from '@nats-io/jetstream';
import { questionFailureOf, wordsOf } from './failures.ts';
import type { ReadyStreams } from './streams.ts';

/** It is looked so often whether the same server leads, in milliseconds, each node at its own time. */
const LOOK_MS = 4000;
const SPREAD_MS = 2000;

/** Says how far a consumer was read. */
interface Reading {
  readonly consumer: Consumer;
  /** The number that the last message had among those it delivered. */
  delivered: number;
  /** Nothing is here that was not asked for. */
  isWaiting: boolean;
}

/**
 * Watches for one link whether what it reads is what takes appends. A link is over once another server of the cluster
 * leads, or the one that did was gone meanwhile: its replica may have other messages, and the node asks anew what is there.
 */
export class Leadership {
  readonly #parts: Pick<ReadyStreams, 'manager' | 'names' | 'info'>;
  readonly #over: (why: string) => void;
  #reading: Reading | undefined;
  #lagging = -1;
  #timer: NodeJS.Timeout | undefined;

  /** `over` is called once, with why. */
  constructor(parts: Pick<ReadyStreams, 'manager' | 'names' | 'info'>, over: (why: string) => void) {
    this.#parts = parts;
    this.#over = over;
    if (parts.info.cluster !== undefined && parts.info.config.num_replicas > 1) this.#lookLater();
  }

  /** The server that leads; undefined where there is no choice. */
  get leader(): string | undefined {
    const { cluster, config } = this.#parts.info;
    return config.num_replicas > 1 ? cluster?.leader : undefined;
  }

  /** A consumer is read from now on. */
  reads(consumer: Consumer): Reading {
    this.#lagging = -1;
    return (this.#reading = { consumer, delivered: 0, isWaiting: true });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #lookLater(): void {
    this.#timer = setTimeout(() => void this.#look(), LOOK_MS + Math.random() * SPREAD_MS);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const why = await this.#changed().catch((error: unknown) =>
      wordsOf(questionFailureOf('the server', 'who leads the stream', error)),
    );
    if (this.#timer === undefined) return;
    if (why === undefined) return this.#lookLater();
    this.stop();
    this.#over(why);
  }

  /** Says what is not as it was; undefined: nothing is. */
  async #changed(): Promise<string | undefined> {
    const { manager, names, info } = this.#parts;
    const { created, cluster } = await manager.streams.info(names.stream);
    if (created !== info.created) return 'the stream was made anew';
    if (cluster?.leader !== info.cluster?.leader) return 'another server leads the stream';
    return this.#halted();
  }

  /** A consumer that a server had to make again begins behind what it did not deliver, or waits to be asked anew. */
  async #halted(): Promise<string | undefined> {
    const reading = this.#reading;
    if (reading === undefined) return undefined;
    const { consumer, delivered, isWaiting } = reading;
    const { delivered: told, num_pending: pending } = await consumer.info();
    if (reading !== this.#reading) return undefined;
    if (told.consumer_seq < delivered) return 'the server that leads the stream began anew';
    const isLagging = isWaiting && pending > 0 && reading.delivered === delivered;
    const isHalted = isLagging && this.#lagging === delivered;
    this.#lagging = isLagging ? delivered : -1;
    return isHalted ? 'the server does not go on with what is there' : undefined;
  }
}
