import type {
  Consumer,
  ConsumerMessages,
  JsMsg,
  OrderedConsumerOptions,
  StreamInfo,
} from '@nats-io/jetstream';
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import type {
  Appended,
  Carried,
  CarriedHead,
  CarrierLink,
  Headers,
  Note,
  Subject,
} from '../carrier/carrier.ts';
import { linkOver } from '../carrier/errors.ts';
import { consumerOf, untilEmpty } from './consumers.ts';
import { type Going, letGo } from './letting-go.ts';
import { appendFailureOf, questionFailureOf, wordsOf } from './failures.ts';
import { Leadership } from './leadership.ts';
import { decodeSubject, encodeSubject, encodeToken } from './names.ts';
import { NatsNotes } from './nats-notes.ts';
import type { NatsPackages } from './packages.ts';
import type { ReadyStreams } from './streams.ts';

/** The server's number for: the last message under the subject is another one. */
const WRONG_LAST_SEQUENCE = 10_071;
/** A reader is sent at most so much before it asks for more: a server cuts off whom it owes 64 MB. */
const AHEAD_BYTES: number = 16 * 1024 * 1024;
const AHEAD: number = 64;
/** Heads, or pieces of a checkpoint, that are asked for at once. */
const HEADS = 512;
const PIECES = 16;
/** Is what a server counts beside the bytes of a message: headers of ours, and its own with the name of an attempt. */
const BESIDE_BYTES: number = 4096 + 1024;
/** Headers begin so where they are ours. */
const OURS = 'Tablecast-';

/** The parts are what a link over JetStream is made of. */
export interface NatsLinkParts extends ReadyStreams {
  readonly packages: NatsPackages;
  readonly connection: NatsConnection;
  readonly name: string;
}

/** One connection to the streams of a group. */
export class NatsLink implements CarrierLink {
  readonly identity: string;
  readonly maxMessageBytes: number;
  readonly newest: number;
  readonly ended: Promise<string>;
  readonly #parts: NatsLinkParts;
  readonly #notes: NatsNotes;
  readonly #leadership: Leadership;
  #why = 'closed';

  constructor(parts: NatsLinkParts) {
    this.#parts = parts;
    this.#notes = new NatsNotes(parts);
    const { connection, info } = parts;
    this.identity = `${info.config.name} of ${info.created}`;
    this.maxMessageBytes = (connection.info?.max_payload ?? 1024 * 1024) - BESIDE_BYTES;
    this.newest = info.state.last_seq;
    this.#leadership = new Leadership(parts, (why) => this.#end(why));
    this.ended = connection.closed().then((error) => {
      this.#leadership.stop();
      return error instanceof Error ? error.message : this.#why;
    });
  }

  answers(): Promise<void> {
    const { connection, name } = this.#parts;
    return connection.isClosed() ? Promise.reject(linkOver(name)) : connection.flush();
  }

  async *latest(): AsyncGenerator<CarriedHead> {
    const { connection, info, name } = this.#parts;
    if (connection.isClosed()) throw linkOver(name);
    if (info.state.messages === 0) return;
    const { jetstream } = this.#parts.packages;
    const consumer = await this.#ordered(info, {
      deliver_policy: jetstream.DeliverPolicy.LastPerSubject,
      headers_only: true,
      filter_subjects: `${this.#parts.names.prefix}.>`,
    });
    for await (const message of untilEmpty(consumer, HEADS)) {
      const head = this.#headOf(message);
      if (head !== undefined) yield head;
    }
  }

  async last(subject: Subject): Promise<Carried | undefined> {
    const { manager, names } = this.#parts;
    const name = this.#encode(subject);
    const found = await this.#answered(
      `what is the last message of ${name}`,
      manager.streams.getMessage(names.stream, { last_by_subj: name }),
    );
    if (found === null) return undefined;
    return { place: found.seq, subject, headers: ours(found.header), bytes: found.data };
  }

  async append({ subject, headers, bytes, after, id }: Appended): Promise<number | undefined> {
    const { client, packages } = this.#parts;
    const stored = packages.transport.headers();
    for (const [key, value] of Object.entries(headers)) stored.set(key, value);
    try {
      const name = this.#encode(subject);
      const options = { msgID: id, headers: stored, retries: 0, expect: { lastSubjectSequence: after } };
      const { seq } = await client.publish(name, bytes, options);
      return seq;
    } catch (error) {
      if ((error as { readonly code?: number }).code === WRONG_LAST_SEQUENCE) return undefined;
      throw appendFailureOf(this.#parts.name, error, this.#parts);
    }
  }

  async *read(from: number, signal: AbortSignal): AsyncGenerator<Carried> {
    const { packages, info } = this.#parts;
    const { DeliverPolicy } = packages.jetstream;
    // Without a filter, for which a server would ask an index of its own, which may be older than the messages.
    // Of a cluster one that stands before as well: what delivered something shows when a server had to make it again.
    const first = this.#leadership.leader === undefined ? from : from - 1;
    const start = { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: first };
    const consumer = await this.#ordered(info, first <= 1 ? { deliver_policy: DeliverPolicy.All } : start);
    if (signal.aborted) return;
    const reading = this.#leadership.reads(consumer);
    const messages = await consumer.consume({
      // Bounded by messages: what is left of a bound in bytes may have no room for the next one, which then waits long.
      max_messages: Math.min(AHEAD, Math.ceil(AHEAD_BYTES / (this.maxMessageBytes + BESIDE_BYTES))),
      abort_on_missing_resource: true,
    });
    void this.#watch(messages);
    const stop = (): void => messages.stop();
    signal.addEventListener('abort', stop);
    try {
      for await (const message of messages) {
        reading.isWaiting = false;
        reading.delivered = message.info.deliverySequence;
        const head = message.seq < from ? undefined : this.#headOf(message);
        if (head !== undefined) yield { ...head, bytes: message.data };
        reading.isWaiting = true;
      }
    } finally {
      signal.removeEventListener('abort', stop);
      messages.stop();
    }
  }

  /** The client makes its consumer again in silence, also on a stream that was made anew, or beside another replica: those are read by another link. */
  async #watch(messages: ConsumerMessages): Promise<void> {
    const { manager, names, info } = this.#parts;
    try {
      for await (const { type } of messages.status()) {
        if (type !== 'ordered_consumer_recreated') continue;
        const isElsewhere = this.#leadership.leader !== undefined;
        if (isElsewhere || (await manager.streams.info(names.stream)).created !== info.created)
          this.#end('the server made what is read anew');
      }
    } catch (error) {
      this.#end(wordsOf(error));
    }
  }

  async keep(name: string, bytes: Uint8Array): Promise<void> {
    const { client, names } = this.#parts;
    try {
      const subject = `${names.rowsPrefix}.${encodeToken(name)}`;
      await client.publish(subject, bytes, { retries: 0 });
    } catch (error) {
      throw appendFailureOf(this.#parts.name, error, this.#parts);
    }
  }

  async *kept(name: string): AsyncGenerator<Uint8Array> {
    const { names, packages, manager } = this.#parts;
    const subject = `${names.rowsPrefix}.${encodeToken(name)}`;
    const info = await this.#answered(
      `what is kept under ${subject}`,
      manager.streams.info(names.rows, { subjects_filter: subject }),
    );
    if (Object.keys(info.state.subjects ?? {}).length === 0) return;
    const consumer = await this.#ordered(info, {
      filter_subjects: subject,
      deliver_policy: packages.jetstream.DeliverPolicy.All,
    });
    for await (const { data } of untilEmpty(consumer, PIECES)) yield data;
  }

  async forget(name: string): Promise<void> {
    const { names } = this.#parts;
    await this.#letGo({ stream: names.rows, filter: `${names.rowsPrefix}.${encodeToken(name)}` });
  }

  async trim(subject: Subject, last: number): Promise<void> {
    const { stream } = this.#parts.names;
    await this.#letGo({ stream, filter: `${this.#encode(subject)}.>`, through: last });
  }

  async thin(subject: Subject): Promise<void> {
    await this.#letGo({ stream: this.#parts.names.stream, filter: this.#encode(subject), keep: 1 });
  }

  async #letGo(going: Going): Promise<void> {
    try {
      await letGo(this.#parts, going);
    } catch (error) {
      throw appendFailureOf(this.#parts.name, error, this.#parts);
    }
  }

  tell(note: Note): Promise<void> {
    return this.#notes.tell(note);
  }

  hear(name: string, signal: AbortSignal): Promise<AsyncIterable<Note>> {
    return this.#notes.hear(name, signal);
  }

  close(): void {
    this.#end('closed');
  }

  #end(why: string): void {
    const { connection } = this.#parts;
    if (!connection.isClosed()) this.#why = why;
    void connection.close();
  }

  #encode(subject: Subject): string {
    return encodeSubject(this.#parts.names.prefix, subject);
  }

  #headOf({ seq: place, subject: text, headers }: JsMsg): CarriedHead | undefined {
    const subject = decodeSubject(this.#parts.names.prefix, text);
    return subject && { place, subject, headers: ours(headers) };
  }

  async #ordered(info: StreamInfo, options: Partial<OrderedConsumerOptions>): Promise<Consumer> {
    const { config, cluster } = info;
    const leader = config.num_replicas > 1 ? cluster?.leader : undefined;
    const consumer = consumerOf(this.#parts, { name: config.name, leader }, options);
    return this.#answered(`what is in ${config.name}`, consumer);
  }

  /** Gives an answer; of one that does not come it is told what was asked. */
  async #answered<T>(what: string, answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw questionFailureOf(this.#parts.name, what, error);
    }
  }
}

function ours(headers: MsgHdrs | undefined): Headers {
  const found: Record<string, string> = {};
  for (const key of headers?.keys() ?? []) if (key.startsWith(OURS)) found[key] = headers?.get(key) ?? '';
  return found;
}
