import type { Hello, TableState } from '../../../src/replication/wire/bodies.ts';
import { encodeMessage, type Message } from '../../../src/replication/wire/wire.ts';
import { setRun } from '../support.ts';

/** What a peer sends to a node, with which credential. */
export interface Attack {
  readonly name: string;
  readonly token: 'reader' | 'writer' | 'relay';
  /** Frames, as many as asked for at a time. */
  frames(said: Said, count: number): Uint8Array[];
}

/** What the node said of itself, by which attackers know what to claim. */
export interface Said {
  readonly tables: readonly TableState[];
  readonly hello: Hello;
}

const times = (count: number, frameOf: (index: number) => Message): Uint8Array[] =>
  Array.from({ length: count }, (_, index) => encodeMessage(frameOf(index)));

const announcement = (changes: Partial<TableState>): Message => {
  const state: TableState = {
    name: 't',
    fingerprint: 'f',
    mode: 'naive',
    held: [],
    declaration: 0,
    ...changes,
  };
  return { type: 'tables', tables: [state] };
};

const tableOf = ({ tables }: Said, name: string): TableState =>
  ({ ...tables.find((table) => table.name === name), takes: undefined, sessions: undefined }) as TableState;

const reader = (name: string, frames: Attack['frames']): Attack => ({ name, token: 'reader', frames });

/** Each kind of message, many and small, and large where that costs; well formed, whatever it claims. */
export const attacks: readonly Attack[] = [
  reader('pings', (_, count) => times(count * 10, (index) => ({ type: 'ping', time: index }))),
  reader('pongs', (_, count) => times(count * 10, (index) => ({ type: 'pong', time: index }))),
  reader('acknowledgements', (_, count) =>
    times(count * 10, (index) => ({ type: 'ack', bytes: index, operations: index })),
  ),
  reader('announcements of nothing', (_, count) => times(count, () => ({ type: 'tables', tables: [] }))),
  reader('announcements of unknown tables', (_, count) =>
    times(count, (index) => announcement({ name: `x${index % 4000}` })),
  ),
  reader('announcements that differ', (_, count) =>
    times(count, () => announcement({ declaration: 'x'.repeat(3000) })),
  ),
  reader('declarations of megabytes', (_, count) => {
    const declaration = 'x'.repeat(3_900_000);
    return times(count / 100, (index) => announcement({ name: `x${index}`, declaration }));
  }),
  reader('a table that is shared and not, in turns', (said, count) =>
    times(count, (index) =>
      index % 2 === 0
        ? announcement({ name: 'table1' })
        : { type: 'tables', tables: [{ ...tableOf(said, 'table1'), held: [] }] },
    ),
  ),
  reader('a table that it lacks again', (said, count) =>
    times(count / 10, () => ({ type: 'tables', tables: [{ ...tableOf(said, 't'), held: [] }] })),
  ),
  reader('sources', (said, count) => {
    const have = tableOf(said, 't').held.map(([origin]): [string, string, number] => ['t', origin, 0]);
    return times(count / 100, () => ({ type: 'sources', sources: { direct: [], have } }));
  }),
  reader('levels', ({ tables }, count) => {
    const names = tables.map(({ name }) => name);
    return times(count / 10, () => ({ type: 'level', tables: names }));
  }),
  reader('rows that nobody asked for', (_, count) => {
    const rows = { type: 'rows', table: 't', state: 'x', last: true } as const;
    return times(count, (round) => ({ ...rows, round, chunk: new Uint8Array(0) }));
  }),
  reader('sums that nobody asked for', (_, count) => {
    const sums = new Uint32Array(512);
    return times(count, (round) => ({ type: 'sums', table: 't', state: 'x', round, bucket: 1, sums }));
  }),
  reader('hashes', (_, count) =>
    times(count, (index) => ({ type: 'digest', table: 't', state: 'x', root: [index, 2], reply: false })),
  ),
  reader('questions', (_, count) => {
    const numbers = Array.from({ length: 256 }, () => 1);
    const ask = { type: 'ask', table: 't', state: 'x', of: 'rows' } as const;
    return times(count, (round) => ({ ...ask, round, numbers }));
  }),
  reader('operations that it may not write', (_, count) => {
    const run = setRun({ table: 't', origin: 'reader@1', keys: ['a'] });
    return times(count, () => ({ type: 'runs', runs: [run] }));
  }),
  {
    name: 'operations before which one is missing',
    token: 'writer',
    frames: (_, count) => {
      const run = setRun({ table: 't', origin: 'writer@1', keys: ['a'], firstSequence: 100 });
      return times(count, () => ({ type: 'runs', runs: [run] }));
    },
  },
  {
    name: 'operations that nobody can take',
    token: 'writer',
    frames: (_, count) => {
      const run = setRun({ table: 't', origin: 'writer@1', keys: ['a'], known: 7 });
      return times(count, () => ({ type: 'runs', runs: [run] }));
    },
  },
  {
    name: 'checkpoints that do not end',
    token: 'relay',
    frames: (_, count) => {
      const chunk = new Uint8Array(1024);
      return times(count, (index) => ({ type: 'checkpoint', table: 't', index, last: false, chunk }));
    },
  },
];
