import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { type InTurn, TURN_UNITS, Turns } from '../../work/turns.ts';

/** A frame of any kind costs so many units of a turn, pings, pongs and what is dropped included; so do its bytes. */
const FRAME_UNITS = 2;
const BYTES_PER_UNIT = 16;
/** Units that a socket of which something waits has in its turn. */
const SHARE_UNITS: number = TURN_UNITS / 2;
const IDLE_UNITS = 64;

/**
 * Shares the reading of WebSockets: once a turn of the event loop has read as much as it has room for, none is read any
 * more, and those of each holder go on in turns. Node.js reads up to 2 MiB of each socket in one turn, and `ws` looks
 * through all frames in it: some hundred thousand, of which a session hears nothing where they are pongs.
 */
export class ReadTurns {
  readonly #turns: Turns;
  readonly #readers = new Set<Reader>();

  constructor(defer: (task: () => void) => void = setImmediate) {
    this.#turns = new Turns({ defer });
  }

  /** Takes a socket in until it is closed; `holder` names who pays for it. */
  enter(ws: WebSocket, socket: Socket, holder: string): Reader {
    const reader = new Reader(ws, socket, { holder, turns: this.#turns });
    if (!this.#turns.open) reader.hold();
    this.#readers.add(reader);
    for (const event of ['message', 'ping', 'pong'] as const)
      ws.on(event, () => this.#spend(reader, FRAME_UNITS));
    socket.on('data', ({ length }: Uint8Array) => this.#spend(reader, length / BYTES_PER_UNIT));
    ws.once('close', () => {
      this.#readers.delete(reader);
      this.#turns.leave(reader);
    });
    return reader;
  }

  #spend(reader: Reader, units: number): void {
    const wasOpen = this.#turns.open;
    this.#turns.spend(units);
    if (this.#turns.open) return;
    // One that had its turn in this one may be read on otherwise.
    if (wasOpen) for (const each of this.#readers) each.hold();
    else reader.hold();
  }
}

/** Reads one WebSocket: when its owner wants it, and it is its turn. */
export class Reader implements InTurn {
  readonly holder: string;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #turns: Turns;
  #isWanted = false;
  #isHeld = false;

  constructor(ws: WebSocket, socket: Socket, { holder, turns }: { holder: string; turns: Turns }) {
    this.#ws = ws;
    this.#socket = socket;
    this.holder = holder;
    this.#turns = turns;
  }

  want(isWanted: boolean): void {
    this.#isWanted = isWanted;
    if (!isWanted) this.#ws.pause();
    else if (!this.#isHeld) this.#ws.resume();
  }

  /** Is not read until it has its turn. */
  hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#ws.pause();
    this.#turns.wait(this);
  }

  next(): boolean {
    this.#isHeld = false;
    // What has come is looked through behind this.
    this.#turns.spend(this.#isWanted && this.#socket.readableLength > 0 ? SHARE_UNITS : IDLE_UNITS);
    if (this.#isWanted) this.#ws.resume();
    return false;
  }
}
