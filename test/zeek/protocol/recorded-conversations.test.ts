import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { StandIn, textOf } from './stand-in/server.ts';
import { demoOptions } from './stand-in/demo-script.ts';
import {
  conversations,
  fixtureFolder,
  hasRecordings,
  recordedFolder,
  type RecordedConversation,
  type RecordedFrame,
} from './recorded.ts';

/** A client that says what was recorded. */
class Player {
  readonly received: string[] = [];
  readonly #cluster: StandIn;
  #socket: WebSocket | undefined;

  constructor(cluster: StandIn) {
    this.#cluster = cluster;
  }

  async say(frame: RecordedFrame): Promise<void> {
    if (this.#socket === undefined || /^[[]|^\{"a"/.test(frame.text)) await this.#open(frame.peer);
    this.#socket?.send(frame.text);
  }

  async #open(peer: string): Promise<void> {
    this.close();
    const path = peer === 'wrong-path' ? '/v1/wrong' : '/v1/messages/json';
    const socket = new WebSocket(this.#cluster.url + path);
    socket.on('message', (data) => this.received.push(textOf(data)));
    socket.on('error', () => socket.terminate());
    await once(socket, 'open');
    this.#socket = socket;
  }

  close(): void {
    this.#socket?.terminate();
  }
}

const timestamp = /"@data-type":"timestamp","data":"20[0-9]{2}-[^"]*"/g;

/** Sorts what Zeek sends in the order of its hash tables. */
function sortParts(text: string, pattern: RegExp): string {
  return text.replace(pattern, (list) =>
    list
      .split(/(?<=\}),(?=\{)/)
      .toSorted()
      .join(','),
  );
}

function comparable(text: string, nodeId: string): string {
  const own = text.includes(`"data":"${nodeId}"`) ? text.replaceAll(timestamp, 'TIME') : text;
  if (own.includes('Demo::dump')) {
    const lines = own.replaceAll(/(?:\\t| )/g, '').split(/,?\\n/);
    return lines.toSorted().join('\n');
  }
  const infos = own.split('{"@data-type":"vector","data":[{"@data-type":"enum-value","data":"TABLE');
  const sorted =
    infos.length > 2
      ? [
          infos[0],
          ...infos
            .slice(1)
            .map((info) => info.replace(/[\]},]+$/, ''))
            .toSorted(),
        ]
      : infos;
  return sortParts(sorted.join('|'), /(?<="set","data":\[)[^\]]*/g);
}

/** Dumps and expiries come in the order of Zeek's hash tables, everything else in order. */
function ordered(frames: readonly string[], nodeId: string): readonly string[] {
  // One client sent a pattern whose two texts do not belong together; it is printed differently here.
  const compared = frames.filter(
    (text) => !(text.includes('Demo::dump') && text.includes('Demo::v_pattern')),
  );
  const texts = compared.map((text) => comparable(text, nodeId));
  const loose = (text: string): boolean => /Demo::dump|TABLE_ELEMENT_EXPIRED|_EXPIRED/.test(text);
  return [...texts.filter((text) => !loose(text)), ...texts.filter(loose).toSorted()];
}

async function settled(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 2));
}

function numberOf(frames: readonly RecordedFrame[], from: RecordedFrame): number | undefined {
  const ack = frames.find(
    ({ peer, line, text }) => peer === from.peer && line > from.line && text.includes('"ack"'),
  );
  const number = ack === undefined ? undefined : /-websocket-([0-9]+)"/.exec(ack.text)?.[1];
  return number === undefined ? undefined : Number(number);
}

/** Plays one conversation; gives what each client was told beside what it was told then. */
async function play(
  cluster: StandIn,
  { frames }: RecordedConversation,
): Promise<Map<string, { recorded: string[]; played: string[] }>> {
  const players = new Map<string, Player>();
  const told = new Map<string, { recorded: string[]; played: string[] }>();
  const caughtUp = (): boolean =>
    [...told.values()].every(({ recorded, played }) => played.length >= recorded.length);
  for (const frame of frames) {
    const player = players.get(frame.peer) ?? new Player(cluster);
    players.set(frame.peer, player);
    const both = told.get(frame.peer) ?? { recorded: [], played: player.received };
    told.set(frame.peer, both);
    if (frame.closed.length > 0) await settled(caughtUp);
    for (const gone of frame.closed) players.get(gone)?.close();
    if (frame.dir === 'in') {
      both.recorded.push(frame.text);
      continue;
    }
    await settled(caughtUp);
    cluster.nextClient = numberOf(frames, frame) ?? cluster.nextClient;
    await player.say(frame);
  }
  await settled(caughtUp);
  for (const player of players.values()) player.close();
  return told;
}

function nodeIdOf(list: readonly RecordedConversation[]): string {
  const ack = list[0]?.frames.find(({ text }) => text.includes('"ack"'))?.text ?? '';
  return /"endpoint":"(.*)-websocket-/.exec(ack)?.[1] ?? '';
}

function group(prefix: string): readonly RecordedConversation[] {
  return [...conversations(fixtureFolder), ...conversations(recordedFolder)].filter(({ name }) =>
    name.startsWith(prefix),
  );
}

const groups = ['own-', 'broker-', 'zeromq-', 'null-value-record', 'null-value-string'].map((prefix) =>
  group(prefix),
);

if (!hasRecordings)
  console.warn('Recorded Zeek conversations are not here; only the fixtures of this repository are played.');

describe.each(groups.filter((list) => list.length > 0))(
  'the stand-in, told what a client told Zeek ($name)',
  (...list) => {
    let cluster: StandIn;
    const nodeId = nodeIdOf(list);
    beforeAll(async () => {
      cluster = new StandIn(demoOptions(nodeId));
      await cluster.listen();
    });
    afterAll(() => cluster.stop());

    test.each(list)('answers as Zeek did: $name', async (conversation) => {
      // A section of simultaneous writes in between was not kept; it left this value.
      if (conversation.name.includes('-12-')) {
        const race = /\[race\] = ([0-9]+)/.exec(
          conversation.notes.find((note) => note.startsWith('tables in Zeek')) ?? '',
        )?.[1];
        if (race !== undefined) cluster.node().setInside('Demo::i_string', 'race', Number(race));
      }
      const told = await play(cluster, conversation);
      for (const [peer, { recorded, played }] of told) {
        const [expected, found] = [ordered(recorded, nodeId), ordered(played, nodeId)];
        expect(
          found.filter((text, at) => text !== expected[at]),
          peer,
        ).toEqual(expected.filter((text, at) => text !== found[at]));
      }
    });
  },
);
