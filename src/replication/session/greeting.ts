import type { Grant } from '../../access/grant.ts';
import type { PeerTables } from '../peers/peer-tables.ts';
import type { Replica } from '../replica.ts';
import type { FarewellCause, Hello } from '../wire/bodies.ts';
import { type Message, PROTOCOL } from '../wire/wire.ts';
import { outOfTurn } from './incoming.ts';
import { noCommonProtocol } from './session-events.ts';
import type { Farewell } from './session-parts.ts';
import type { Sharing } from './sharing.ts';
import type { Visit } from './visit.ts';

/** The parts are what a greeting needs of its session. */
export interface GreetingParts {
  readonly replica: Replica;
  readonly tables: PeerTables;
  readonly sharing: Sharing;
  readonly visit: Visit;
  /** Answers what a node of an id may do; undefined when that is not known. */
  grantOf(nodeId: string): Grant | undefined;
  /** Says why a peer that is not let in is not; undefined lets it in. */
  judge(): Farewell | undefined;
  /** The same of a visitor. */
  judgeVisit(hello: Hello): Farewell | undefined;
  /** The peer has said something that counts as a sign of life. */
  greeted(): void;
  send(message: Message): void;
  end(code: string, reason: string, cause?: FarewellCause): void;
  /** The tables of the hello are matched. */
  matched(): void;
  changed(): void;
}

/** Says hello, and hears the peer's: who it is, what it may do, and whether it is a peer or a visitor. */
export class Greeting {
  readonly #parts: GreetingParts;
  #heard: Hello | undefined;

  constructor(parts: GreetingParts) {
    this.#parts = parts;
  }

  /** The hello of a peer; undefined until it was let in, and for a visitor. */
  get heard(): Hello | undefined {
    return this.#heard;
  }

  say(grant: Grant): void {
    const { tables, sharing, replica } = this.#parts;
    tables.grant = grant;
    sharing.hasSpoken = true;
    const { nodeId: node, session, ownOrigins } = replica;
    const [first = [], ...more] = sharing.begin();
    const protocol: [number, number] = [...PROTOCOL];
    const hello = {
      protocol,
      node,
      session,
      origins: [...ownOrigins],
      tables: first,
      answers: true,
      touches: true,
    };
    this.#parts.send({ type: 'hello', hello });
    for (const part of more) this.#parts.send({ type: 'tables', tables: part });
  }

  /** Throws `FRAME_INVALID` for a second hello. */
  hear(hello: Hello): void {
    const { tables, sharing, visit } = this.#parts;
    if (this.#heard !== undefined || visit.isBegun) throw outOfTurn('second hello');
    const strange = noCommonProtocol(hello);
    if (strange !== undefined) return this.#parts.end('protocol', strange);
    tables.grant = this.#parts.grantOf(hello.node) ?? tables.grant;
    if (hello.visits === true) return this.#letIn(hello);
    this.#heard = hello;
    const waited = !sharing.hasSpoken;
    tables.meet(hello);
    this.#parts.greeted();
    const refusal = this.#parts.judge();
    if (refusal !== undefined) {
      this.#heard = undefined;
      return this.#parts.end(refusal.code, refusal.reason, refusal.cause);
    }
    if (waited) this.say(tables.grant);
    sharing.announced(hello.tables, () => this.#parts.matched());
    this.#parts.changed();
  }

  /** Lets a visitor in, who is told nothing but what it may do. */
  #letIn(hello: Hello): void {
    const { tables, sharing, visit } = this.#parts;
    const refusal = this.#parts.judgeVisit(hello);
    if (refusal !== undefined) return this.#parts.end(refusal.code, refusal.reason, refusal.cause);
    visit.isBegun = true;
    this.#parts.greeted();
    if (!sharing.hasSpoken) this.say(tables.grant);
  }
}
