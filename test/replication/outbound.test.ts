import { describe, expect, it } from 'vitest';
import type { LoggedSegment, RunReference, SegmentStore } from '../../src/log/keeping/segment-store.ts';
import { Outbound } from '../../src/replication/session/outbound.ts';
import { PeerTables } from '../../src/replication/peers/peer-tables.ts';
import type { Replica, ReplicaTable } from '../../src/replication/replica.ts';
import type { Message } from '../../src/replication/wire/wire.ts';

const AUTHOR = 'a@1';

function segmentOf(position: number, table: string, sequence: number): LoggedSegment {
  const bytes = new Uint8Array([sequence]);
  const run: RunReference = { table, origin: AUTHOR, firstSequence: sequence, count: 1, bytes };
  return { segment: { position, span: 1, bytes }, runs: [run], adopted: undefined };
}

/** A log on a disk that answers when it is told to: table `early` at positions 1 to 3, `late` at 4 to 6. */
class SlowStore {
  readonly name = 'sqlite';
  readonly told = 6;
  readonly waiting: (() => void)[] = [];
  readonly #segments = Array.from({ length: 6 }, (_, index) => {
    return segmentOf(index + 1, index < 3 ? 'early' : 'late', (index % 3) + 1);
  });

  recent(after: number): LoggedSegment[] | undefined {
    return after >= this.told ? [] : undefined;
  }

  async read(after: number): Promise<LoggedSegment[]> {
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.#segments.filter(({ segment }) => segment.position > after);
  }
}

function tableOf(name: string, first: number): ReplicaTable {
  const table = {
    name,
    store: 'sqlite',
    fingerprint: name,
    mode: 'naive',
    epoch: { counter: 0, origin: '', mode: 'naive' },
    declaration: {},
    rows: 3,
    forgottenNodes: [],
    held: () => 3,
    vector: () => [[AUTHOR, 3] as const],
    positionOf: (_origin: string, sequence: number) => first + sequence - 1,
  };
  return table as unknown as ReplicaTable;
}

/** A walk that sends all it may, and what it sent. */
function walk(
  store: SlowStore,
  replica: Replica,
): { tables: PeerTables; sent: Message[]; outbound: Outbound } {
  const tables = new PeerTables(replica);
  const sent: Message[] = [];
  const outbound = new Outbound(store as unknown as SegmentStore, {
    tables,
    replica,
    outlet: {
      open: () => true,
      ended: () => false,
      failed: (error) => expect.fail(String(error)),
      send: (message) => void sent.push(message),
      nextTurn: () => Promise.resolve(),
      again: () => expect.fail('nothing is sent again'),
    },
  });
  return { tables, sent, outbound };
}

describe('the walk through a log for one peer', () => {
  it('begins anew where a table declared meanwhile begins, also when that comes while the disk is read', async () => {
    const known = new Map([tableOf('early', 1), tableOf('late', 4)].map((table) => [table.name, table]));
    const held = (name: string, origin: string) => known.get(name)?.held(origin);
    const replica = { table: (name: string) => known.get(name), held } as unknown as Replica;
    const store = new SlowStore();
    const { tables, sent, outbound } = walk(store, replica);
    const announce = (name: string): void => {
      tables.learn({ name, fingerprint: name, mode: 'naive', declaration: {}, held: [['other@1', 1]] });
      outbound.rewind([...tables.shared.values()].filter((table) => table.name === name));
    };
    announce('late');
    announce('early');
    for (let reads = 0; reads < 5; reads++) {
      store.waiting.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const runs = sent.flatMap((message) =>
      message.type === 'runs' ? message.runs.map((run) => run[0]) : [],
    );
    expect(runs).toHaveLength(6);
    expect(sent.at(-1)).toEqual({ type: 'level', tables: ['late', 'early'] });
  });

  it('goes on behind what a checkpoint stands for, without reading it', async () => {
    const table = {
      ...tableOf('early', 1),
      vector: () => [[AUTHOR, 5000] as const],
      *checkpoint() {
        yield new Uint8Array([1]);
      },
    } as unknown as ReplicaTable;
    const held = (_: string, origin: string) => table.held(origin);
    const replica = { table: () => table, held, log: { seal: () => undefined } } as unknown as Replica;
    const store = Object.assign(new SlowStore(), { flush: () => Promise.resolve() });
    const { tables, sent, outbound } = walk(store, replica);
    tables.learn({ name: 'early', fingerprint: 'early', mode: 'naive', declaration: {}, held: [] });
    outbound.rewind(tables.shared.values());
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(sent.map(({ type }) => type)).toEqual(['checkpoint', 'level']);
    expect(store.waiting).toHaveLength(0);
  });
});
