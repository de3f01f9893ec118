import type { Connection, ConnectionHandlers, Transport } from '../../../src/transport/transport.ts';
import { type Message, decodeMessage, encodeMessage } from '../../../src/replication/wire/wire.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';
import type { AdversaryOptions } from '../world.ts';
import { Grammar, type Said } from './grammar.ts';
import type { Knowledge } from './knowledge.ts';
import { Liar } from './liar.ts';

/** Most frames that an adversary says beside what its node says: beyond it a world says nothing new. */
const MOST_SAID = 600;

/**
 * What stands between a node that is honest by itself and the others, and makes an adversary of it: it says what the
 * node says, altered, and whatever else the grammar allows.
 */
export class Tampering implements Transport {
  readonly name = 'tampering';
  readonly maxFrameBytes: number;
  readonly #transport: Transport;
  readonly #random: SeededRandom;
  readonly #known: Knowledge;
  readonly #grammar: Grammar;
  readonly #liar: Liar;
  readonly #behaviour: AdversaryOptions;
  readonly #now: () => number;
  readonly #links = new Set<Link>();
  said = 0;
  saidBytes = 0;
  /** Runs what becomes of a frame at her end: how long that takes is not what honest nodes are judged by. */
  aside: (task: () => void) => void = (task) => task();

  constructor(
    transport: Transport,
    random: SeededRandom,
    on: { known: Knowledge; now: () => number; behaviour: AdversaryOptions },
  ) {
    this.#transport = transport;
    this.maxFrameBytes = transport.maxFrameBytes;
    this.#random = random;
    this.#known = on.known;
    this.#behaviour = on.behaviour;
    this.#now = on.now;
    this.#liar = new Liar(on.known);
    this.#grammar = new Grammar(random.fork(), on.known, on.now);
  }

  listen(accept: (connection: Connection) => void): Promise<string> {
    return this.#transport.listen(accept);
  }

  async dial(address: string, signal: AbortSignal): Promise<Connection> {
    const link = new Link(await this.#transport.dial(address, signal), this);
    this.#links.add(link);
    return link;
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  /** Says messages of its own making on every link; the draws are those of `random`. */
  speak(random: SeededRandom, most: number): void {
    const grammar = new Grammar(random, this.#known, this.#now);
    for (let count = random.between(1, most); count > 0; count--)
      for (const link of this.#links) this.#say(link, grammar.message());
  }

  /** Says messages of one kind on every link, however much was said before. */
  flood(random: SeededRandom, { kind, count }: { readonly kind: Said; readonly count: number }): void {
    const grammar = new Grammar(random, this.#known, this.#now);
    for (let said = 0; said < count; said++)
      for (const link of this.#links) this.#sayAnyway(link, grammar.message(kind));
  }

  /** Says one message many times in one turn; returns its kind. */
  storm(random: SeededRandom, times: number): Message['type'] {
    const message = new Grammar(random, this.#known, this.#now).message();
    for (let count = times; count > 0; count--) for (const link of this.#links) this.#say(link, message);
    return message.type;
  }

  /** Ends every link. */
  hangUp(): void {
    for (const link of this.#links) link.connection.close('hung up');
  }

  gone(link: Link): void {
    this.#links.delete(link);
  }

  /** What becomes of a frame that its node says. */
  outgoing(link: Link, frame: Uint8Array): void {
    const random = this.#random;
    const message = decodeMessage(frame);
    this.#known.learn(message);
    if (!random.chance(this.#behaviour.tampers)) return this.#say(link, message);
    switch (random.pick(['drop', 'twice', 'late', 'alter', 'alter', 'alter'] as const)) {
      case 'drop':
        return;
      case 'twice':
        for (let times = random.between(2, 4); times > 0; times--) this.#say(link, message);
        return;
      case 'late':
        link.kept.push(message);
        return;
      case 'alter':
        this.#say(link, this.#grammar.altered(message));
    }
  }

  /** What its node is told of a frame that another said. */
  incoming(link: Link, frame: Uint8Array): Uint8Array | undefined {
    const random = this.#random;
    const message = decodeMessage(frame);
    this.#known.learn(message);
    if (random.chance(this.#behaviour.retorts)) this.#say(link, this.#grammar.message());
    if (link.kept.length > 0 && random.chance(0.3)) this.#say(link, link.kept.shift() as Message);
    if (random.chance(this.#behaviour.tampers * 0.2)) return undefined;
    if (this.#behaviour.lies && (message.type === 'digest' || message.type === 'ask')) {
      for (const lie of this.#liar.answer(message)) this.#say(link, lie);
      return undefined;
    }
    // Its node believes that everything is taken from it, so that it sends everything.
    return encodeMessage(taking(message));
  }

  #say(link: Link, message: Message): void {
    if (this.said >= MOST_SAID && message.type !== 'ping' && message.type !== 'pong') return;
    this.#sayAnyway(link, message);
  }

  #sayAnyway(link: Link, message: Message): void {
    this.said++;
    const frame = encodeMessage(message);
    this.saidBytes += frame.length;
    link.connection.send(frame);
  }
}

/** One connection of the adversary. */
class Link implements Connection {
  readonly connection: Connection;
  /** What its node said and was not passed on yet. */
  readonly kept: Message[] = [];
  readonly #owner: Tampering;

  constructor(connection: Connection, owner: Tampering) {
    this.connection = connection;
    this.#owner = owner;
  }

  get direction(): 'dialled' | 'accepted' {
    return this.connection.direction;
  }

  get remote(): string {
    return this.connection.remote;
  }

  get credential(): string | undefined {
    return this.connection.credential;
  }

  get queuedBytes(): number {
    return this.connection.queuedBytes;
  }

  start(handlers: ConnectionHandlers): void {
    this.connection.start({
      drain: () => handlers.drain(),
      frame: (frame) =>
        this.#owner.aside(() => {
          const told = this.#owner.incoming(this, frame);
          if (told !== undefined) handlers.frame(told);
        }),
      closed: (closing) => {
        this.#owner.gone(this);
        handlers.closed(closing);
      },
    });
  }

  send(frame: Uint8Array): boolean {
    this.#owner.outgoing(this, frame);
    return true;
  }

  close(reason: string): void {
    this.connection.close(reason);
  }
}

function taking(message: Message): Message {
  if (message.type === 'tables')
    return { ...message, tables: message.tables.map((one) => ({ ...one, takes: undefined })) };
  if (message.type !== 'hello') return message;
  const { hello } = message;
  return {
    ...message,
    hello: { ...hello, tables: hello.tables.map((one) => ({ ...one, takes: undefined })) },
  };
}
