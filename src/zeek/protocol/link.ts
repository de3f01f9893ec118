import { Buffer } from 'node:buffer';
import type { ClientOptions, RawData, WebSocket } from 'ws';
import { isTablecastError, TablecastError, type ErrorCode } from '../../errors.ts';
import { textOfBytes } from '../../schema/byte-strings.ts';
import type { Timer } from '../../environment.ts';
import type { ZeekClientSettings } from './client-options.ts';
import { dialFailure } from './dial-failure.ts';
import { readMessage, writeSubscriptions, type ZeekEvent, type ZeekMessage } from './messages.ts';

/** An end says why a link is over. */
export interface LinkEnd {
  readonly error: TablecastError;
}

/** The handlers are what a link tells the client above it. */
export interface LinkHandlers {
  /** Zeek acknowledged the subscriptions. */
  accepted(endpoint: { readonly endpoint: string; readonly version: string }): void;
  event(event: ZeekEvent): void;
  /** Something came from Zeek on an open link. */
  alive(): void;
  drain(): void;
  problem(error: TablecastError): void;
  /** Called exactly once, and nothing after it. */
  ended(end: LinkEnd): void;
}

const closeGraceMs = 1_000;

/** One WebSocket connection to Zeek, from dialling to its end. */
export class ZeekLink {
  readonly #settings: ZeekClientSettings;
  readonly #handlers: LinkHandlers;
  #socket: WebSocket | undefined;
  #deadline: Timer | undefined;
  #phase: 'idle' | 'dialling' | 'subscribing' | 'open' | 'ended' = 'idle';
  #reason: TablecastError | undefined;
  #probed = false;
  #refused = false;

  constructor(settings: ZeekClientSettings, handlers: LinkHandlers) {
    this.#settings = settings;
    this.#handlers = handlers;
  }

  get queuedBytes(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  open(): void {
    this.#phase = 'dialling';
    void this.#open();
  }

  async #open(): Promise<void> {
    try {
      const { WebSocket } = await import('ws');
      if (this.#phase !== 'dialling') return;
      this.#socket = new WebSocket(this.#settings.url, this.#dialOptions());
    } catch (error) {
      // Certificates that cannot be read throw here; nothing else was started.
      const why = this.#socketError(error instanceof Error ? error : new Error(String(error)));
      this.#phase = 'ended';
      this.#handlers.ended({ error: why });
      return;
    }
    this.#listen(this.#socket);
  }

  #dialOptions(): ClientOptions {
    const { applicationName, tls, limits, timings } = this.#settings;
    return {
      ...Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined)),
      // The environment has no say about certificates.
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      headers: { 'X-Application-Name': applicationName },
      maxPayload: limits.maxFrameBytes,
      perMessageDeflate: false,
      // Zeek sends strings as the bytes they are; those that are not UTF-8 get a text of their own.
      skipUTF8Validation: true,
      followRedirects: false,
      handshakeTimeout: timings.handshakeMs,
    };
  }

  #listen(socket: WebSocket): void {
    socket.on('open', () => this.#subscribe());
    socket.on('message', (data, isBinary) => this.#received(data, isBinary));
    socket.on('ping', () => this.#alive());
    socket.on('pong', () => this.#alive());
    socket.on('error', (error) => {
      this.#reason ??= this.#socketError(error);
    });
    socket.on('close', (code, reason) => this.#closed(code, reason));
  }

  /** False while too many bytes wait; see {@link ZeekClient.send}. */
  send(frame: string): boolean {
    const { maxFrameBytes, maxQueuedBytes } = this.#settings.limits;
    const size = Buffer.byteLength(frame);
    if (size > maxFrameBytes) {
      throw failure('LIMIT_EXCEEDED', `A frame for Zeek has ${size} bytes.`, 'Send fewer changes at once.');
    }
    const socket = this.#socket;
    if (this.#phase !== 'open' || socket === undefined) return false;
    if (socket.bufferedAmount + size > maxQueuedBytes) {
      this.#refused = true;
      return false;
    }
    socket.send(frame, () => this.#sent());
    return true;
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    if (this.#phase === 'ended' || socket === undefined) {
      this.#phase = 'ended';
      return;
    }
    this.#phase = 'ended';
    this.#deadline?.cancel();
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      const timer = this.#settings.environment.schedule(closeGraceMs, () => socket.terminate());
      socket.once('close', () => timer.cancel());
      if (socket.readyState === socket.CONNECTING) socket.terminate();
      else socket.close(1000);
    });
  }

  #sent(): void {
    if (!this.#refused || this.#phase !== 'open' || this.queuedBytes > this.#settings.limits.lowWaterBytes)
      return;
    this.#refused = false;
    this.#handlers.drain();
  }

  #subscribe(): void {
    if (this.#phase !== 'dialling') return;
    this.#phase = 'subscribing';
    this.#socket?.send(writeSubscriptions(this.#settings.topics));
    this.#within(this.#settings.timings.handshakeMs, () =>
      this.#giveUp(
        failure(
          'PEER_UNREACHABLE',
          `Zeek at ${this.#settings.url} did not acknowledge the subscriptions.`,
          'With ZeroMQ, let the WebSocket server run on a node that is not the log receiver: use a separate logger.',
        ),
      ),
    );
  }

  #within(delayMs: number, task: () => void): void {
    this.#deadline?.cancel();
    this.#deadline = this.#settings.environment.schedule(delayMs, task);
  }

  /** Anything from the other side shows that it lives. */
  #alive(): void {
    if (this.#phase !== 'open') return;
    this.#probed = false;
    this.#handlers.alive();
    this.#watch();
  }

  #watch(): void {
    this.#within(this.#settings.timings.silenceMs, () => {
      if (this.#probed) {
        this.#giveUp(
          failure('PEER_UNREACHABLE', `Zeek at ${this.#settings.url} went silent.`, 'It is tried again.'),
        );
        return;
      }
      this.#probed = true;
      this.#socket?.ping();
      this.#watch();
    });
  }

  #received(data: RawData, isBinary: boolean): void {
    if (this.#phase !== 'subscribing' && this.#phase !== 'open') return;
    this.#alive();
    let message: ZeekMessage;
    try {
      if (isBinary || !Buffer.isBuffer(data))
        throw failure('FRAME_INVALID', 'Zeek sent a binary frame.', 'It was dropped.');
      message = readMessage(textOfBytes(data), this.#settings.limits);
    } catch (error) {
      this.#handlers.problem(
        isTablecastError(error) ? error : failure('FRAME_INVALID', String(error), 'It was dropped.'),
      );
      return;
    }
    this.#handle(message);
  }

  #handle(message: ZeekMessage): void {
    switch (message.type) {
      case 'ack':
        if (this.#phase !== 'subscribing') return;
        this.#phase = 'open';
        this.#alive();
        this.#handlers.accepted({ endpoint: message.endpoint, version: message.version });
        return;
      case 'error': {
        const refused = this.#phase === 'subscribing';
        const error = failure(
          refused ? 'PEER_REFUSED' : 'FRAME_INVALID',
          `Zeek answered ${printable(message.code)}: ${printable(message.context)}.`,
          refused ? 'Check the address and the topics.' : 'What was sent last was not taken by Zeek.',
        );
        if (refused) this.#giveUp(error);
        else this.#handlers.problem(error);
        return;
      }
      case 'event':
        // Zeek sends nothing before its acknowledgement.
        if (this.#phase === 'open') this.#handlers.event(message.event);
    }
  }

  #giveUp(error: TablecastError): void {
    this.#reason ??= error;
    this.#socket?.terminate();
  }

  #socketError(error: Error): TablecastError {
    const { url, tls, environment } = this.#settings;
    const refused = /Unexpected server response/.test(error.message);
    const isTls = url.startsWith('wss:');
    const isDialling = this.#phase === 'dialling' && !refused;
    const known = isDialling ? dialFailure(error, { isTls, tls, now: environment.now() }) : undefined;
    const said = printable(error.message || ('code' in error ? String(error.code) : 'no reason given'));
    return failure(
      refused ? 'PEER_REFUSED' : 'PEER_UNREACHABLE',
      `The connection to Zeek at ${url} failed: ${known?.what ?? said}.`,
      known?.hint ??
        'Check that Zeek runs Cluster::listen_websocket there, and the certificates if it is wss.',
    );
  }

  #closed(code: number, reason: Buffer): void {
    this.#deadline?.cancel();
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    const said = reason.length === 0 ? '' : ` (${printable(reason.toString('utf8'))})`;
    const error =
      this.#reason ??
      failure(
        'PEER_UNREACHABLE',
        `Zeek at ${this.#settings.url} closed the connection: ${code}${said}.`,
        'It is tried again.',
      );
    this.#handlers.ended({ error });
  }
}

function failure(code: ErrorCode, message: string, hint: string): TablecastError {
  return new TablecastError(code, message, { hint, retryable: code === 'PEER_UNREACHABLE' });
}

/** Text from outside on one line. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ').slice(0, 200);
}
