import type { Consumer } from '@nats-io/jetstream';
import { isTimeout, questionFailureOf, wordsOf } from './failures.ts';
import type { ReadyStreams } from './streams.ts';

/** It is looked so often whether the same server leads, in milliseconds, each node at its own time up to half as long later. */
const LOOK_MS = 4000;
/** The same of a stream that has one server, which is only asked whether what is read is there. */
const LOOK_ALONE_MS = 12_000;

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
 * So it is once the stream is another one: whose client waits between two requests is told nothing of that.
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
    this.#lookLater();
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
    const ms = this.leader === undefined ? LOOK_ALONE_MS : LOOK_MS;
    this.#timer = setTimeout(() => void this.#look(), ms * (1 + Math.random() / 2));
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const why = await this.#changed().catch((error: unknown) => this.#unanswered(error));
    if (this.#timer === undefined) return;
    if (why === undefined) return this.#lookLater();
    this.stop();
    this.#over(why);
  }

  /** Says why a look that failed ends the link: of several servers another may answer, a single one may be slow. */
  #unanswered(error: unknown): string | undefined {
    if (this.leader === undefined && isTimeout(error)) return undefined;
    return wordsOf(questionFailureOf('the server', 'who leads the stream', error));
  }

  /** Says what is not as it was; undefined: nothing is. */
  async #changed(): Promise<string | undefined> {
    const { manager, names, info } = this.#parts;
    if (this.leader === undefined) {
      // Fails where it is gone, with its stream or alone; what it delivered says nothing, the client may have made it anew.
      await this.#reading?.consumer.info();
      return undefined;
    }
    const { created, cluster } = await manager.streams.info(names.stream);
    if (created !== info.created) return 'the stream was made anew';
    if (cluster?.leader !== this.leader) return 'another server leads the stream';
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
