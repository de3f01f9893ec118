import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type InTurn, Turns } from '../../work/turns.ts';
import { withoutPort } from '../../access/fair-share.ts';
import { remoteOf } from './sockets.ts';

/** Requests of one socket that wait for the answer to the one before them; with one more the socket is ended. */
export const MAX_PIPELINED = 64;
/** Units of a turn that a request costs at least: what is done behind a promise is not measured. */
const MIN_REQUEST_UNITS = 512;
const UNITS_PER_MS = 1024;

/** Answers a request, at once or later. */
export type AnswerRequest = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Has the requests of a listener answered: of each socket one after the other has been answered, and of all together
 * what one turn of the event loop has room for, the addresses in turns. Node.js reads thousands of requests out of one
 * piece of a socket and would have all of them answered at once, into memory where nobody reads the answers.
 */
export function answerInTurns(
  server: Server,
  answer: AnswerRequest,
  defer: (task: () => void) => void = setImmediate,
): void {
  const turns = new Turns({ defer });
  const speaking = new SpeakingSockets(server, defer);
  const asking = new WeakMap<Socket, AskingSocket>();
  server.on('request', (request, response) => {
    const { socket } = request;
    const its = asking.get(socket) ?? new AskingSocket(socket, turns, answer);
    asking.set(socket, its);
    if (!its.take(request, response)) speaking.hold();
  });
}

/** The sockets of a listener that speak HTTP. */
class SpeakingSockets {
  readonly #defer: (task: () => void) => void;
  readonly #sockets = new Set<Socket>();
  #isHeld = false;

  constructor(server: Server, defer: (task: () => void) => void) {
    this.#defer = defer;
    server.on('setSecureContext' in server ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('upgrade', (_request: IncomingMessage, socket: Socket) => this.#sockets.delete(socket));
  }

  /** Reads none of them in the rest of this turn: what one sends at once is looked through to its end. */
  hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    const held = [...this.#sockets].filter((socket) => !socket.isPaused());
    for (const socket of held) socket.pause();
    this.#defer(() => {
      this.#isHeld = false;
      for (const socket of held) socket.resume();
    });
  }
}

/** A socket and what was asked over it that is not answered. */
class AskingSocket implements InTurn {
  readonly holder: string;
  readonly #socket: Socket;
  readonly #turns: Turns;
  readonly #answer: AnswerRequest;
  readonly #waiting: [IncomingMessage, ServerResponse][] = [];
  #isAnswering = false;

  constructor(socket: Socket, turns: Turns, answer: AnswerRequest) {
    this.#socket = socket;
    this.#turns = turns;
    this.#answer = answer;
    this.holder = withoutPort(remoteOf(socket));
  }

  /** Takes a request now or later; false when it is one too many, and the socket is ended. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#socket.destroyed) return false;
    if (this.#waiting.length === MAX_PIPELINED) {
      this.#waiting.length = 0;
      this.#socket.destroy();
      return false;
    }
    this.#waiting.push([request, response]);
    if (!this.#isAnswering && this.#waiting.length === 1) this.#goOn();
    return true;
  }

  /** Has the next request answered, as {@link Turns} asks for it; the one behind it comes when that is done. */
  next(): boolean {
    const [request, response] = this.#waiting.shift() ?? [];
    if (request === undefined || response === undefined || this.#socket.destroyed) return false;
    this.#isAnswering = true;
    response.once('close', () => {
      this.#isAnswering = false;
      if (this.#waiting.length > 0) this.#goOn();
    });
    const began = performance.now();
    this.#answer(request, response);
    this.#turns.spend(Math.max(MIN_REQUEST_UNITS, (performance.now() - began) * UNITS_PER_MS));
    return false;
  }

  #goOn(): void {
    if (this.#turns.open) this.next();
    else this.#turns.wait(this);
  }
}
