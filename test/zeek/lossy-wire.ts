import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';
import { echoOrPulse, type Pulse } from '../../src/zeek/attachment/pulse.ts';
import { zeekLimits } from '../../src/zeek/protocol/limits.ts';
import { readMessage, type ZeekEvent } from '../../src/zeek/protocol/messages.ts';
import { tableChangeEvent } from '../../src/zeek/protocol/table-changes.ts';
import { textOf } from './protocol/stand-in/server.ts';
import { later } from './support.ts';

/** Where a frame was on its way to. */
export type Direction = 'node' | 'zeek';

/** A count of what was lost says how many frames, and how many changes were in them. */
export interface Lost {
  readonly frames: number;
  readonly changes: number;
}

/** A wire between a node and a Zeek on which frames of table changes get lost, and nothing else. */
export class LossyWire {
  readonly #target: string;
  readonly #server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  readonly #lost: Record<Direction, Lost> = {
    node: { frames: 0, changes: 0 },
    zeek: { frames: 0, changes: 0 },
  };
  readonly #passed: Record<Direction, number> = { node: 0, zeek: 0 };
  /** Pulses by id of the Zeek node since something was lost last. */
  readonly #pulses = new Map<string, number>();
  readonly #ids = new Map<string, string>();
  #every: Readonly<Record<Direction, number>> = { node: Infinity, zeek: Infinity };
  /** Zeek nodes say how many frames they published, see {@link Pulse}. */
  isNumbered = false;

  private constructor(target: string) {
    this.#target = target;
    this.#server.on('connection', (socket, { url }) => this.#join(socket, url ?? '/'));
  }

  /** A wire to what answers at a WebSocket URL; taken away after the test. */
  static async to(url: string): Promise<LossyWire> {
    const wire = new LossyWire(url);
    await once(wire.#server, 'listening');
    later(async () => {
      for (const socket of wire.#server.clients) socket.terminate();
      await new Promise((resolve) => wire.#server.close(resolve));
    });
    return wire;
  }

  /** Where the node connects to. */
  get url(): string {
    const address = this.#server.address();
    return `ws://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  /** Loses from now on each so-many-th frame of changes in a direction, on the topics that everybody hears. */
  loseEvery(every: number, direction: Direction): void {
    this.#every = { ...this.#every, [direction]: every };
  }

  lost(to: Direction): Lost {
    return this.#lost[to];
  }

  /** Counts the frames of changes that came by, lost or not, on the topics that everybody hears. */
  passed(to: Direction): number {
    return this.#passed[to];
  }

  /** Id of the Zeek node of a name, once it has said how it stands; a single one has no name. */
  idOf(name: string): string {
    return this.#ids.get(name) ?? this.#ids.get('') ?? '';
  }

  /** Counts how often a Zeek node has said how it stands since something was lost last. */
  pulses(id: string): number {
    return this.#pulses.get(id) ?? 0;
  }

  #join(node: WebSocket, path: string): void {
    const zeek = new WebSocket(new URL(path, this.#target), { perMessageDeflate: false, autoPong: false });
    // What the node says before Zeek is there.
    const waiting: string[] = [];
    node.on('message', (data) => {
      const text = textOf(data);
      if (this.#takes(text, 'zeek')) return;
      if (zeek.readyState === WebSocket.CONNECTING) waiting.push(text);
      else zeek.send(text);
    });
    zeek.on('open', () => {
      for (const text of waiting) zeek.send(text);
    });
    zeek.on('message', (data) => {
      const text = textOf(data);
      this.#count(text);
      if (!this.#takes(text, 'node')) node.send(text);
    });
    zeek.on('ping', (data) => node.ping(data));
    node.on('pong', (data) => zeek.pong(data));
    for (const [from, to] of [
      [node, zeek],
      [zeek, node],
    ] as const) {
      from.on('error', () => from.terminate());
      from.on('close', () => to.terminate());
    }
  }

  /** Takes a frame off the wire, if luck will have it. */
  #takes(text: string, to: Direction): boolean {
    if (!text.includes(tableChangeEvent)) return false;
    const event = eventIn(text);
    if (event?.name !== tableChangeEvent || !event.topic.startsWith('zeek/table/')) return false;
    this.#passed[to] += 1;
    if (this.#passed[to] % this.#every[to] !== 0) return false;
    const [, infos] = event.args;
    const { frames, changes } = this.#lost[to];
    const here = infos?.type === 'vector' ? infos.data.length : 0;
    this.#lost[to] = { frames: frames + 1, changes: changes + here };
    this.#pulses.clear();
    return true;
  }

  #count(text: string): void {
    if (!text.includes('Tablecast::pulse')) return;
    const pulse = pulseIn(eventIn(text));
    if (pulse === undefined) return;
    this.isNumbered = pulse.published !== undefined;
    this.#ids.set(pulse.name, pulse.id);
    this.#pulses.set(pulse.id, (this.#pulses.get(pulse.id) ?? 0) + 1);
  }
}

function eventIn(text: string): ZeekEvent | undefined {
  const message = readMessage(text, zeekLimits({}));
  return message.type === 'event' ? message.event : undefined;
}

function pulseIn(event: ZeekEvent | undefined): Pulse | undefined {
  const said = event === undefined ? undefined : echoOrPulse(event);
  return said === undefined || 'number' in said ? undefined : said;
}
