import type { Grant } from '../../access/grant.ts';
import { TablecastError } from '../../errors.ts';
import type { Requests } from '../requests.ts';
import type { WantedOperation } from '../wire/holding-wire.ts';
import type { RowRequest } from '../wire/request-wire.ts';
import type { Message } from '../wire/wire.ts';
import { outOfTurn } from './incoming.ts';

/** Most requests of one visitor that are under way at a time. */
export const MAX_REQUESTS = 64;

/** The parts are what a visit needs of its session. */
export interface VisitParts {
  readonly requests: Requests;
  grant(): Grant;
  ended(): boolean;
  /** The visitor wants to hear when operations are durable here. */
  wanted(wants: readonly WantedOperation[] | undefined): void;
  answer(message: Message): void;
}

/**
 * A visit is a connection whose other side asks about rows and is no peer: it shares no table, nobody is told that
 * it came or went, and it is told nothing but answers.
 */
export class Visit {
  readonly #parts: VisitParts;
  #underWay = 0;
  /** Says whether this connection is a visit, and no session with a peer. */
  isBegun = false;

  constructor(parts: VisitParts) {
    this.#parts = parts;
  }

  /** Throws `FRAME_INVALID` for what visitors do not say, `LIMIT_EXCEEDED` for a request too many. */
  take(message: Message): void {
    switch (message.type) {
      case 'request':
        return this.#asked(message.request);
      case 'ack':
        return this.#parts.wanted(message.wants);
      case 'ping':
        return this.#parts.answer({ type: 'pong', time: message.time });
      case 'pong':
        return;
      default:
        throw outOfTurn(message.type);
    }
  }

  #asked(request: RowRequest): void {
    if (this.#underWay >= MAX_REQUESTS) throw tooMany();
    this.#underWay++;
    void this.#answer(request);
  }

  async #answer(request: RowRequest): Promise<void> {
    const asking = { grant: this.#parts.grant(), isGone: () => this.#parts.ended() };
    const answer = await this.#parts.requests.answer(request, asking);
    this.#underWay--;
    if (!this.#parts.ended()) this.#parts.answer({ type: 'answer', answer });
  }
}

function tooMany(): TablecastError {
  return new TablecastError('LIMIT_EXCEEDED', `${MAX_REQUESTS} requests are under way already.`, {
    hint: 'Wait for answers before you ask for more.',
    details: { limit: MAX_REQUESTS },
    retryable: true,
  });
}
